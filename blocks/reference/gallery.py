"""Voices by name: of each speaker the direction of the mean of the vectors of the recordings (a d-vector's centroid).

A fit gathers them, in no steps, so that models which are told a voice by its vector can be asked for one by its name, without the
recordings.
"""

from pathlib import Path

import numpy as np

from blocks.arrays import Embedding, Speaker, Split
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
    split: Split | None = None  # train rows alone are gathered


class Config(FitConfig):
    pass


class Gallery(Trainable[Config]):
    tiny = Config()
    paper = "Wan et al. 2018, Generalized End-to-End Loss for Speaker Verification (a voice's centroid)"

    def fit(self, run: Run[TrainItem]) -> None:
        found: dict[str, list[np.ndarray]] = {}
        for item in run.items:
            found.setdefault(item.speaker, []).append(item.embedding)
        self.voices = Symbols(found)
        self.vectors = np.stack([direction(vectors) for vectors in found.values()])

    def save(self, folder: Path) -> None:
        weights.write(folder, {"vectors": self.vectors}, symbols.write(folder, speakers=self.voices))

    def load(self, folder: Path) -> None:
        found, about = weights.read(folder)
        (self.voices,) = symbols.read(folder, "speakers", about=about)
        wanted = {"vectors": (len(self.voices), found.get("vectors", np.zeros((0, 0))).shape[-1])}
        weights.check({name: value.shape for name, value in found.items()}, wanted, f"{folder}")
        self.vectors = found["vectors"]

    def apply(self, items: list[Named]) -> list[Embedded | Failure]:
        return [self._one(item.speaker) for item in items]

    def _one(self, name: str) -> Embedded | Failure:
        if name not in self.voices:
            return Failure(f"no voice is called {name!r}{suggest(name, list(self.voices))}")
        return Embedded(embedding=self.vectors[self.voices.row(name) - 1].astype(np.float32))
