"""Two mels that say the same, frame by frame: pairs that do not are refused, with the reason.

A model of speech was given the durations of a recording, and its mel is to stand beside the recording's. That holds as far as the
alignment does. Levels of frames, which are means of the log-mel, are correlated at every shift up to `furthest`: the shift with the
highest correlation is the lag of the recording. A pair with a lag beyond `max_lag`, or that agrees too little at its best, is a failure.
What passes is given on as it came. Axes: frames T, mels.
"""

from typing import Annotated

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt

from blocks.arrays import BandHz, LogMel, Value
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema
from blocks.common.items import each
from blocks.common.mel import mels_below

FEWEST = 20  # frames that a correlation is worth something of


class MelPair(Schema):
    log_mel: LogMel  # of the speech that was made
    target_log_mel: LogMel  # of the recording
    band_hz: BandHz | None = None  # of the recording; levels are of the mels below


class Parallel(MelPair):
    lag: Annotated[int, Value("lag", "how much later the recording is", unit="frames")]
    agreement: Annotated[float, Value("agreement", "correlation of the two levels over frames, at that lag")]


class Config(BlockConfig):
    max_lag: NonNegativeInt = 2  # frames
    min_agreement: float = Field(0.5, ge=-1.0, le=1.0)
    furthest: PositiveInt = 12  # frames; a lag is looked for up to this


class ParallelPairs(Mapper[Config]):
    tiny = Config(min_agreement=-1.0, max_lag=12)
    paper = "Gabrys et al. 2022 (pairs from a model that obeys durations); the check is ours"

    def apply(self, items: list[MelPair]) -> list[Parallel | Failure]:
        return each(self._one, items)

    def _one(self, item: MelPair) -> Parallel:
        mels = self.spec.n_mels if item.band_hz is None else max(1, mels_below(self.spec, item.band_hz))
        made, recorded = (mel[:, :mels].mean(axis=1, dtype=np.float64) for mel in (item.log_mel, item.target_log_mel))
        if len(made) < FEWEST:
            raise BadItem(f"{len(made)} frames are too few to tell whether two mels go together, want {FEWEST}")
        found = {lag: correlation(made, recorded, lag) for lag in self._lags(len(made))}
        lag = max(found, key=lambda lag: (found[lag], -abs(lag)))
        if found[lag] < self.config.min_agreement:
            raise BadItem(
                f"levels agree by {found[lag]:.2f} at best, want {self.config.min_agreement:g}: the text is another, or "
                "its alignment is wrong"
            )
        if abs(lag) > self.config.max_lag:
            where = "behind" if lag > 0 else "ahead"
            raise BadItem(f"the recording is {abs(lag)} frames {where}, want at most {self.config.max_lag}")
        return Parallel(**dict(item), lag=lag, agreement=found[lag])

    def _lags(self, frames: int) -> range:
        furthest = min(self.config.furthest, frames - FEWEST // 2)
        return range(-furthest, furthest + 1)


def correlation(made: np.ndarray, recorded: np.ndarray, lag: int) -> float:
    """Pearson's, of what overlaps (T) when the recording is taken `lag` frames earlier; 0 where one is flat."""
    size = len(made) - abs(lag)
    one, other = made[max(0, -lag) :][:size], recorded[max(0, lag) :][:size]
    one, other = one - one.mean(), other - other.mean()
    scale = np.sqrt((one @ one) * (other @ other))
    return float(one @ other / scale) if scale > 0 else 0.0
