"""Boundary error: how far the boundaries between phones lie from those of a reference, in ms.

Only boundaries between two phones count, not the two ends of the recording. Where the reference was itself made by an
aligner, agreement is measured, not truth. Axes: phones N.
"""

from typing import Annotated

import numpy as np

from blocks.arrays import Durations, Value
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema
from blocks.metric._judge import each


class DurationPair(Schema):
    """Two alignments of the same phones of one recording."""

    durations: Durations
    reference: Durations


class BoundaryErrors(Schema):
    median_ms: Annotated[float, Value("boundary_error", "median distance of a boundary from its reference", unit="ms")]
    mean_ms: Annotated[float, Value("mean_boundary_error", "mean distance of a boundary from its reference", unit="ms")]
    within_20_ms: Annotated[float, Value("boundaries_within_20_ms", "boundaries at most 20 ms off", unit="%")]
    within_50_ms: Annotated[float, Value("boundaries_within_50_ms", "boundaries at most 50 ms off", unit="%")]


class Config(BlockConfig):
    pass


class BoundaryError(Mapper[Config]):
    """Fails an item with fewer than two phones, or whose two sides are not of one length."""

    tiny = Config()

    def apply(self, items: list[DurationPair]) -> list[BoundaryErrors | Failure]:
        return each(self._one, items)

    def _one(self, item: DurationPair) -> BoundaryErrors:
        mine, reference = np.cumsum(item.durations), np.cumsum(item.reference)
        if len(mine) < 2:
            raise BadItem(f"{len(mine)} phones have no boundary between them: want at least two")
        if mine[-1] != reference[-1]:
            raise BadItem(f"durations sum to {mine[-1]} frames, the reference to {reference[-1]}: want one recording")
        off = np.abs(mine - reference)[:-1] * 1000 / self.spec.frame_rate
        return BoundaryErrors(
            median_ms=float(np.median(off)),
            mean_ms=float(off.mean()),
            within_20_ms=float(100 * np.mean(off <= 20)),
            within_50_ms=float(100 * np.mean(off <= 50)),
        )
