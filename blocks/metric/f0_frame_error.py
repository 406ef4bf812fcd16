"""F0 frame error: the share of frames whose voicing is wrong, or whose F0 is off by more than a fifth.

Chu and Alwan's measure: a frame counts where one recording is voiced and the other is not, or where both are and
``|prediction - reference| > 0.2 reference``. Axes: T frames.
"""

from typing import Annotated

import numpy as np

from blocks.arrays import Value
from blocks.base import BlockConfig, Failure, Mapper, Schema
from blocks.common.items import each
from blocks.metric._pitch import Align, curves
from blocks.metric.schema import PitchPair

_TOLERANCE = 0.2  # of the reference F0


class FrameErrors(Schema):
    ffe: Annotated[float, Value("f0_frame_error", "frames with wrong voicing or an F0 off by more than 20 %", unit="%")]


class Config(BlockConfig):
    align: Align = "none"  # how curves of unequal length meet: refused, or prediction stretched evenly


class F0FrameError(Mapper[Config]):
    """Defined for every pair that has frames, also where no frame is voiced in both."""

    tiny = Config()
    paper = "Chu and Alwan, Reducing F0 frame error of F0 tracking algorithms under noisy conditions, ICASSP 2009"

    def apply(self, items: list[PitchPair]) -> list[FrameErrors | Failure]:
        return each(self._one, items)

    def _one(self, item: PitchPair) -> FrameErrors:
        prediction, reference = curves(item, self.config.align)
        voicing_wrong = (prediction > 0) != (reference > 0)
        pitch_wrong = (prediction > 0) & (reference > 0) & (np.abs(prediction - reference) > _TOLERANCE * reference)
        return FrameErrors(ffe=float(100 * np.mean(voicing_wrong | pitch_wrong)))
