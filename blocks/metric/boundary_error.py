"""Boundary error: how far the boundaries between phones lie from those of a reference, in ms.

Only boundaries between two phones count, not the two ends of the recording; with `word_of_phone`, only those where a
word begins or ends. Where the reference was itself made by an aligner, agreement is measured, not truth. Axes: phones N.
"""

import numpy as np

from blocks.arrays import Durations, WordOfPhone
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema
from blocks.common.items import each
from blocks.metric._boundaries import BoundaryErrors, summary


class DurationPair(Schema):
    """Two alignments of the same phones of one recording."""

    durations: Durations
    reference: Durations
    word_of_phone: WordOfPhone | None = None


class Config(BlockConfig):
    pass


class BoundaryError(Mapper[Config]):
    """Fails an item with no boundary to compare, or whose two sides are not of one length."""

    tiny = Config()

    def apply(self, items: list[DurationPair]) -> list[BoundaryErrors | Failure]:
        return each(self._one, items)

    def _one(self, item: DurationPair) -> BoundaryErrors:
        mine, reference = np.cumsum(item.durations), np.cumsum(item.reference)
        if len(mine) < 2:
            raise BadItem(f"{len(mine)} phones have no boundary between them: want at least two")
        if mine[-1] != reference[-1]:
            raise BadItem(f"durations sum to {mine[-1]} frames, the reference to {reference[-1]}: want one recording")
        off = np.abs(mine - reference)[:-1]
        if item.word_of_phone is not None:
            off = off[np.diff(item.word_of_phone) != 0]
            if not len(off):
                raise BadItem(f"no word begins or ends inside these {len(mine)} phones: want one that does")
        return BoundaryErrors(**summary(off * 1000 / self.spec.frame_rate))
