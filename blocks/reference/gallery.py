"""Voices by name: of each speaker the direction of the mean of the vectors of the recordings (a d-vector's centroid).

A fit gathers them, in no steps, so that models which are conditioned on the vector of a voice can be asked for one by its name, without
the recordings. Where the voice lies in a flow's latents (`flow.moments`) is kept beside it.
"""

from functools import partial
from typing import ClassVar

import numpy as np

from blocks.arrays import Embedding, LatentMean, LatentSpread, Speaker, Split
from blocks.base import Failure, Schema
from blocks.reference._gallery import NamedVectors
from blocks.reference._means import direction
from blocks.reference.schema import Embedded, Named
from blocks.training import FitConfig, Run

_mean = partial(np.mean, axis=0)


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


class Gallery(NamedVectors[Config]):
    tiny = Config()
    paper = "Wan et al. 2018, Generalized End-to-End Loss for Speaker Verification (a voice's centroid)"
    kept: ClassVar = {"embedding": direction, "latent_mean": _mean, "latent_spread": _mean}
    called, table = "voice", "speakers"

    def fit(self, run: Run[TrainItem]) -> None:
        self._gather(run.items)

    def apply(self, items: list[Named]) -> list[Voice | Failure]:
        found = (self._named(item.speaker) for item in items)
        return [each if isinstance(each, Failure) else Voice(**each) for each in found]
