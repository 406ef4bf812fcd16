"""How well singing is in tune with a score: F0 of the middle of each note, in cents beside the note.

F0 is Harvest's, searched within seven semitones of the note. What voice and tracker are always too high or low stands apart, as `offset_cents`,
and is not taken off. Singing without a voiced frame is as far from its notes as the search goes.
"""

from typing import Annotated

import numpy as np
from pydantic import Field

from blocks.arrays import Value
from blocks.base import BlockConfig, Failure, Mapper, Schema
from blocks.common.items import each
from blocks.metric._notes import SEARCH, Sung, pitch, places


class Config(BlockConfig):
    middle: Annotated[float, Field(gt=0, le=1)] = 0.6  # of each note that counts
    near_cents: Annotated[float, Field(gt=0)] = 50.0


class InTune(Schema):
    near: Annotated[float, Value("in_tune", "voiced frames within near_cents of their note", unit="%")]
    cents: Annotated[float, Value("cents", "median distance from the note over voiced frames", unit="cents")]
    offset_cents: Annotated[
        float, Value("offset_cents", "median of how far voiced frames are above the note", unit="cents")
    ]
    voiced: Annotated[float, Value("voiced", "frames of notes that are voiced", unit="%")]


class NotePitch(Mapper[Config]):
    """Fails an item without notes."""

    tiny = Config()
    paper = "Morise 2017 (Harvest)"
    needs = ("pyworld",)
    extra = "audio"

    def apply(self, items: list[Sung]) -> list[InTune | Failure]:
        return each(self._one, items)

    def _one(self, item: Sung) -> InTune:
        off = []
        for place in places(item, self.spec):
            margin = (1 - self.config.middle) / 2 * (place.end - place.start)
            key = place.note.key
            _, keys = pitch(item.prediction, self.spec.sample_rate, place.start + margin, place.end - margin, key, key)
            off.append(100 * (keys - key))
        cents = np.concatenate(off)
        voiced = cents[~np.isnan(cents)]
        if not len(voiced):
            return InTune(near=0.0, cents=100.0 * SEARCH, offset_cents=0.0, voiced=0.0)
        return InTune(
            near=float(100 * np.mean(np.abs(voiced) <= self.config.near_cents)),
            cents=float(np.median(np.abs(voiced))),
            offset_cents=float(np.median(voiced)),
            voiced=float(100 * len(voiced) / len(cents)),
        )
