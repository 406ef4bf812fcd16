"""The two recordings of a splice around what was swapped, to listen to beside it.

An ear finds a bad join faster than a number does. Of the recording that stays, the stretch that gave way; of the other, the one that
stands there; each with `context_s` of what was said before and after it.
"""

import numpy as np
from pydantic import NonNegativeFloat

from blocks.arrays import Wave, apart
from blocks.base import BlockConfig, Mapper, Schema


class Splice(Schema):
    """Waves of two recordings, and frames (first, last exclusive) of each: what `splicer` blocks say of their rows."""

    host: apart(Wave, "host")
    donor: apart(Wave, "donor")
    replaced_frames: tuple[int, int]
    inserted_frames: tuple[int, int]


class Sources(Schema):
    replaced: apart(Wave, "replaced")
    inserted: apart(Wave, "inserted")


class Config(BlockConfig):
    context_s: NonNegativeFloat = 0.5


class SourcesOfSplice(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[Splice]) -> list[Sources]:
        return [
            Sources(
                replaced=self._around(item.host, item.replaced_frames),
                inserted=self._around(item.donor, item.inserted_frames),
            )
            for item in items
        ]

    def _around(self, wave: np.ndarray, frames: tuple[int, int]) -> np.ndarray:
        context, hop = round(self.config.context_s * self.spec.sample_rate), self.spec.hop_length
        first, last = sorted(frame * hop for frame in frames)
        return wave[max(0, first - context) : last + context].copy()
