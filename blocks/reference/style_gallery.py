"""Styles by name: the mean latent of each supporting speaker's recordings, kept, so that a model is conditioned on it without them.

A style bears the name of the speaker whose recordings it is the mean of. A fit gathers them, in no steps.
Axes: latent.
"""

from typing import ClassVar

from blocks.arrays import Speaker, Split, StyleVector
from blocks.base import Failure, Schema
from blocks.reference._gallery import NamedVectors
from blocks.reference._means import mean
from blocks.reference.schema import Named
from blocks.reference.style_centroid import Styled
from blocks.training import FitConfig, Run


class TrainItem(Schema):
    style_vector: StyleVector
    speaker: Speaker
    split: Split | None = None  # train rows alone are gathered


class Config(FitConfig):
    pass


class StyleGallery(NamedVectors[Config]):
    tiny = Config()
    paper = "Ribeiro et al. 2022, Cross-speaker style transfer for text-to-speech using data augmentation"
    kept: ClassVar = {"style_vector": mean}
    called, table = "style", "speaker"  # as the port is called, by which a server finds the names that may be asked for

    def fit(self, run: Run[TrainItem]) -> None:
        self._gather(run.items)

    def apply(self, items: list[Named]) -> list[Styled | Failure]:
        found = (self._named(item.speaker) for item in items)
        return [each if isinstance(each, Failure) else Styled(**each) for each in found]
