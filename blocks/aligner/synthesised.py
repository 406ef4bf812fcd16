"""Aligner by a voice's own speech: what a model of speech says, and knows the durations of, is laid along the recording.

The model says the phones; dynamic time warping of its mel and the recording's leads its boundaries over. So durations are of the kind that the
model itself would give, down to where it lets an s end, which is what a recording's durations are wanted for when it is to say the same
again. Nothing is trained. Given what it said with durations of another aligner, it mends those. Score: minus the mean
distance of the frames that go together. Axes: frames T, U, phones N, mels.
"""

import numpy as np

from blocks.aligner.schema import Aligned
from blocks.arrays import BandHz, Durations, LogMel, apart
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema
from blocks.common.dtw import along
from blocks.common.items import each
from blocks.common.mel import mels_below


class Said(Schema):
    durations: Durations  # of what was made, in its frames
    made_log_mel: apart(LogMel, "made")
    log_mel: LogMel  # of the recording
    band_hz: BandHz | None = None  # of the recording; mels below are compared


class Config(BlockConfig):
    pass


class Synthesised(Mapper[Config]):
    tiny = Config()
    paper = "Malfrère and Dutoit 1997 (phonetic segmentation by synthesis); Sakoe and Chiba 1978 (dynamic time warping)"
    needs = ("librosa",)
    extra = "judges"

    def apply(self, items: list[Said]) -> list[Aligned | Failure]:
        return each(self._one, items)

    def _one(self, item: Said) -> Aligned:
        made, recorded, phones = item.made_log_mel, item.log_mel, len(item.durations)
        if item.durations.sum() != len(made):
            raise BadItem(f"durations of {item.durations.sum()} frames for a made mel of {len(made)}")
        if not 1 <= phones <= len(recorded):
            raise BadItem(f"{len(recorded)} frames for {phones} phones: want at least one phone, and a frame for each")
        mels = self.spec.n_mels if item.band_hz is None else max(1, mels_below(self.spec, item.band_hz))
        path, distance = along(made[:, :mels], recorded[:, :mels])
        owner = np.searchsorted(np.cumsum(item.durations), path, side="right")
        return Aligned(durations=at_least_one(np.bincount(owner, minlength=phones)), score=-distance)


def at_least_one(durations: np.ndarray) -> np.ndarray:
    """int32 (N) of the same sum, which is N at least: ends of phones move no further than leaves a frame for each."""
    phones = np.arange(1, len(durations) + 1)
    later = np.maximum.accumulate(np.maximum(np.cumsum(durations) - phones, 0)) + phones
    return np.diff(np.minimum(later, durations.sum() - len(durations) + phones), prepend=0).astype(np.int32)
