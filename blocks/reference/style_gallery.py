"""Styles by name: of each supporter's recordings the mean of the latents, kept, so that a model can be asked for it without them.

A style bears the name of the speaker whose recordings it was heard in. A fit gathers them, in no steps.
Axes: latent.
"""

from pathlib import Path

import numpy as np

from blocks.arrays import Speaker, Split, StyleVector
from blocks.base import Failure, Schema, Trainable
from blocks.common import symbols, weights
from blocks.common.symbols import Symbols
from blocks.load import suggest
from blocks.reference.style_centroid import Styled, mean
from blocks.training import FitConfig, Run


class Named(Schema):
    speaker: Speaker


class TrainItem(Schema):
    style_vector: StyleVector
    speaker: Speaker
    split: Split | None = None  # train rows alone are gathered


class Config(FitConfig):
    pass


class StyleGallery(Trainable[Config]):
    tiny = Config()
    paper = "Ribeiro et al. 2022, Cross-speaker style transfer for text-to-speech using data augmentation"

    def fit(self, run: Run[TrainItem]) -> None:
        found: dict[str, list[np.ndarray]] = {}
        for item in run.items:
            found.setdefault(item.speaker, []).append(item.style_vector)
        self.names = Symbols(found)
        self.vectors = np.stack([mean(latents) for latents in found.values()])

    def save(self, folder: Path) -> None:
        weights.write(folder, {"vectors": self.vectors}, symbols.write(folder, styles=self.names))

    def load(self, folder: Path) -> None:
        found, about = weights.read(folder)
        (self.names,) = symbols.read(folder, "styles", about=about)
        wanted = {"vectors": (len(self.names), found.get("vectors", np.zeros((0, 0))).shape[-1])}
        weights.check({name: value.shape for name, value in found.items()}, wanted, f"{folder}")
        self.vectors = found["vectors"]

    def apply(self, items: list[Named]) -> list[Styled | Failure]:
        return [self._one(item.speaker) for item in items]

    def _one(self, name: str) -> Styled | Failure:
        if name not in self.names:
            return Failure(f"no style is called {name!r}{suggest(name, list(self.names))}")
        return Styled(style_vector=self.vectors[self.names.row(name) - 1].astype(np.float32))
