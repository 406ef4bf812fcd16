"""Cosine of two voices' embeddings, of any encoder: 1 for the same direction, 0 for unrelated ones.

Alone it says little: encoders differ in how near they hold voices to each other. `metric.equal_error_rate` tells the scale.
"""

from typing import Annotated

import numpy as np

from blocks.arrays import Value
from blocks.base import BlockConfig, Failure, Mapper, Schema
from blocks.common.items import each
from blocks.metric._embedding import direction
from blocks.metric.schema import VoicePair


class Similarity(Schema):
    speaker_similarity: Annotated[float, Value("speaker_similarity", "cosine of the two voices' embeddings")]


class Config(BlockConfig):
    pass


class SpeakerSimilarity(Mapper[Config]):
    """Both embeddings must come from one encoder; a mean of several recordings need not have unit length."""

    tiny = Config()

    def apply(self, items: list[VoicePair]) -> list[Similarity | Failure]:
        return each(self._one, items)

    def _one(self, item: VoicePair) -> Similarity:
        prediction, reference = direction(item.prediction, "prediction"), direction(item.reference, "reference")
        return Similarity(speaker_similarity=float(np.clip(prediction @ reference, -1.0, 1.0)))
