"""What the prenet drops when it speaks: drawn for each item from the seed and from what is said, whoever its neighbours are."""

import hashlib

import numpy as np
import torch

from blocks.acoustic.schema import Request

CHUNK = 128  # steps drawn at once


class Dropout:
    """`step` gives what is kept, bool (2, B, P), for steps in order from 0."""

    def __init__(self, draws: list[np.random.Generator], width: int, dropout: float):
        self.draws, self.shape, self.dropout = draws, (CHUNK, 2, width), dropout
        self.kept = None

    def step(self, step: int) -> torch.Tensor:
        if step % CHUNK == 0:
            drawn = np.stack([draw.random(self.shape, np.float32) for draw in self.draws], 2)
            self.kept = torch.from_numpy(drawn >= self.dropout)
        return self.kept[step % CHUNK]


def drawing(item: Request, seed: int) -> np.random.Generator:
    """A generator that differs where the seed or what is said does."""
    made = hashlib.blake2b(repr(item.phones).encode(), digest_size=16)
    for kind in (item.streams, item.globals, item.references):
        for name, value in sorted(kind.items()):
            made.update(name.encode() + (value.encode() if isinstance(value, str) else value.tobytes()))
    return np.random.default_rng([seed, *np.frombuffer(made.digest(), np.uint32).tolist()])
