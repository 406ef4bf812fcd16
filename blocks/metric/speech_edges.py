"""Where speech begins and ends in a recording, by its alignment and by its level: a check that needs no labels, in ms.

By level, speech is from the first to the last frame that is loud enough beside the loud ones: soft consonants at either
edge are missed, so that some tens of ms are no error. Axes: phones N, frames T.
"""

from typing import Annotated

import numpy as np
from pydantic import PositiveFloat

from blocks.arrays import Durations, Energy, Phones, Value
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema
from blocks.common.items import each
from blocks.common.phones import SILENCES


class Timed(Schema):
    phones: Phones
    durations: Durations
    energy: Energy


class EdgeErrors(Schema):
    begin_ms: Annotated[
        float, Value("begin_error", "distance of the beginning of speech from that by level", unit="ms")
    ]
    end_ms: Annotated[float, Value("end_error", "distance of the end of speech from that by level", unit="ms")]


class Config(BlockConfig):
    below_db: PositiveFloat = (
        35.0  # how far below the level of the loudest twentieth of the frames speech is still prediction
    )


class SpeechEdges(Mapper[Config]):
    """Fails an item of silences alone, or whose durations do not fit its frames."""

    tiny = Config()

    def apply(self, items: list[Timed]) -> list[EdgeErrors | Failure]:
        return each(self._one, items)

    def _one(self, item: Timed) -> EdgeErrors:
        if len(item.durations) != len(item.phones) or item.durations.sum() != len(item.energy):
            raise BadItem(
                f"{len(item.durations)} durations of {item.durations.sum()} frames in all for {len(item.phones)} phones "
                f"and {len(item.energy)} frames: want one for each phone, and every frame"
            )
        spoken = np.repeat([phone not in SILENCES for phone in item.phones], item.durations)
        if not spoken.any():
            raise BadItem(f"no phone was said, only {' '.join(item.phones)}: want speech")
        loud = item.energy > np.quantile(item.energy, 0.95) - self.config.below_db
        off = (np.abs(np.subtract(_edges(spoken), _edges(loud))) * 1000 / self.spec.frame_rate).tolist()
        return EdgeErrors(begin_ms=off[0], end_ms=off[1])


def _edges(flags: np.ndarray) -> tuple[int, int]:
    """The first frame that is one, and the one after the last."""
    return int(flags.argmax()), len(flags) - int(flags[::-1].argmax())
