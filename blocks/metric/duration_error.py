"""Duration error: how far durations depart from those that were asked for, in frames.

Zero for a model that obeys. The whole may be right where single phones are not, so both are given. Axes: phones N.
"""

from typing import Annotated

import numpy as np

from blocks.arrays import Durations, LogMel, Value
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema
from blocks.common.items import each


class Obeyed(Schema):
    """Durations of the same phones, asked for and said, and the log-mel that they are the durations of."""

    reference: Durations
    prediction: Durations
    log_mel: LogMel | None = None


class DurationErrors(Schema):
    frames_apart: Annotated[
        float, Value("frames_apart", "how much longer or shorter the whole is than asked", unit="frames")
    ]
    phone_frames_apart: Annotated[
        float, Value("phone_frames_apart", "how much longer or shorter a phone is than asked, mean", unit="frames")
    ]


class Config(BlockConfig):
    pass


class DurationError(Mapper[Config]):
    """With `log_mel`, its frames are the length of the whole; without, the sum of `prediction`."""

    tiny = Config()

    def apply(self, items: list[Obeyed]) -> list[DurationErrors | Failure]:
        return each(self._one, items)

    def _one(self, item: Obeyed) -> DurationErrors:
        if not len(item.reference):
            raise BadItem("0 phones have no durations to compare: want at least one")
        frames = item.prediction.sum() if item.log_mel is None else len(item.log_mel)
        return DurationErrors(
            frames_apart=float(abs(item.reference.sum() - frames)),
            phone_frames_apart=float(np.abs(item.reference - item.prediction).mean()),
        )
