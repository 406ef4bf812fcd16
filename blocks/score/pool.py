"""Melodies of all scores as one, to set texts to: without their words, and with rests between them."""

import numpy as np
from pydantic import PositiveInt

from blocks.base import BlockConfig, Reducer
from blocks.score.schema import Melody


class Config(BlockConfig):
    most: PositiveInt = 3000  # notes and rests; beyond these, whole melodies are drawn


class Pool(Reducer[Config]):
    tiny = Config(most=20)
    stochastic = True

    def reduce(self, items: list[Melody]) -> Melody:
        notes = []
        for n in np.random.default_rng(self.seed).permutation(len(items)):
            if notes and len(notes) + len(items[n].notes) > self.config.most:
                break
            notes += [note.model_copy(update={"lyric": ""}) for note in items[n].notes]
        return Melody(notes=tuple(notes))
