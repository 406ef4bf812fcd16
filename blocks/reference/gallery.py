"""Voices by name: of each speaker the direction of the mean of the vectors of the recordings (a d-vector's centroid).

A fit gathers them, in no steps, so that models which are told a voice by its vector can be asked for one by its name, without the
recordings. Where the voice lies in a flow's latents (`flow.moments`) is kept beside it.
"""

from functools import partial
from pathlib import Path

import numpy as np

from blocks.arrays import Embedding, LatentMean, LatentSpread, Speaker, Split
from blocks.base import Failure, Schema, Trainable
from blocks.common import symbols, weights
from blocks.common.symbols import Symbols
from blocks.load import suggest
from blocks.reference.centroid import direction
from blocks.reference.schema import Embedded
from blocks.training import FitConfig, Run


class Named(Schema):
    speaker: Speaker


class TrainItem(Schema):
    embedding: Embedding
    speaker: Speaker
    latent_mean: LatentMean
    latent_spread: LatentSpread
    split: Split | None = None  # train rows alone are gathered


class Voice(Embedded):
    latent_mean: LatentMean
    latent_spread: LatentSpread


class Config(FitConfig):
    pass


class Gallery(Trainable[Config]):
    tiny = Config()
    paper = "Wan et al. 2018, Generalized End-to-End Loss for Speaker Verification (a voice's centroid)"

    def fit(self, run: Run[TrainItem]) -> None:
        found: dict[str, list[TrainItem]] = {}
        for item in run.items:
            found.setdefault(item.speaker, []).append(item)
        self.voices = Symbols(found)
        means = {"embedding": direction} | dict.fromkeys(("latent_mean", "latent_spread"), partial(np.mean, axis=0))
        self.known = {
            name: np.stack([mean([getattr(item, name) for item in of]) for of in found.values()]).astype(np.float32)
            for name, mean in means.items()
        }

    def save(self, folder: Path) -> None:
        weights.write(folder, self.known, symbols.write(folder, speakers=self.voices))

    def load(self, folder: Path) -> None:
        self.known, about = weights.read(folder)
        (self.voices,) = symbols.read(folder, "speakers", about=about)

    def apply(self, items: list[Named]) -> list[Voice | Failure]:
        return [self._one(item.speaker) for item in items]

    def _one(self, name: str) -> Voice | Failure:
        if name not in self.voices:
            return Failure(f"no voice is called {name!r}{suggest(name, list(self.voices))}")
        row = self.voices.row(name) - 1
        return Voice(**{field: values[row] for field, values in self.known.items()})
