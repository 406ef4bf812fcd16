"""Error and correlation of the fundamental frequency, over the frames voiced in both recordings.

RMSE is the root of the mean squared difference in Hz, CORR is Pearson's correlation of the curves in Hz. How well
the voicing itself agrees is `metric.f0_frame_error`. Axes: T frames.
"""

from typing import Annotated

import numpy as np

from blocks.arrays import Value
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema
from blocks.common.items import each
from blocks.metric._pitch import Align, curves
from blocks.metric.schema import PitchPair


class F0Scores(Schema):
    f0_rmse_hz: Annotated[float, Value("f0_rmse", "root mean squared F0 error over frames voiced in both", unit="Hz")]
    f0_correlation: Annotated[float, Value("f0_correlation", "Pearson correlation of F0 over frames voiced in both")]


class Config(BlockConfig):
    align: Align = "none"  # how curves of unequal length meet: refused, or prediction stretched evenly


class F0(Mapper[Config]):
    """Fails an item with fewer than two frames voiced in both, or whose F0 there is constant: nothing to correlate."""

    tiny = Config()

    def apply(self, items: list[PitchPair]) -> list[F0Scores | Failure]:
        return each(self._one, items)

    def _one(self, item: PitchPair) -> F0Scores:
        prediction, reference = curves(item, self.config.align)
        both = (prediction > 0) & (reference > 0)
        if both.sum() < 2:
            raise BadItem(
                f"{int(both.sum())} frames are voiced in both (prediction {int((prediction > 0).sum())}, reference "
                f"{int((reference > 0).sum())}, of {len(reference)}): wants two; metric.f0_frame_error still has an answer"
            )
        prediction, reference = prediction[both], reference[both]
        for name, curve in (("prediction", prediction), ("reference", reference)):
            if np.ptp(curve) == 0:
                raise BadItem(f"{name}: F0 is {curve[0]:g} Hz in all frames voiced in both, so it has no correlation")
        return F0Scores(
            f0_rmse_hz=float(np.sqrt(np.mean((prediction - reference) ** 2))),
            f0_correlation=float(np.corrcoef(prediction, reference)[0, 1]),
        )
