"""Two mels of one text, each in its own time: the synthesised one is aligned to the recording by dynamic time warping.

What a model of speech that keeps its own durations gives, where `pairs.parallel` takes one that obeyed the recording's. Cosine distance
of frames of the log-mel, less each mel's mean over its own speech; steps (1,1), (1,0) and (0,1) of equal weight, from both starts to both
ends. A frame of the recording that meets several of the made mel is given the one in their middle. Axes: frames T, U, mels.
"""

import numpy as np

from blocks.arrays import BandHz, LogMel, apart
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema
from blocks.common.items import each
from blocks.common.mel import mels_below

FEWEST = 2  # frames that a path leads through


class MelPair(Schema):
    log_mel: apart(LogMel, "made")
    target_log_mel: LogMel  # of the recording
    band_hz: BandHz | None = None  # of the recording; mels below are compared


class Warped(Schema):
    log_mel: LogMel  # of the speech that was made, with as many frames as the recording
    target_log_mel: LogMel


class Config(BlockConfig):
    pass


class WarpedPairs(Mapper[Config]):
    tiny = Config()
    paper = "Sakoe and Chiba 1978 (dynamic time warping); Gabrys et al. 2022 (what it is held against)"
    needs = ("librosa",)
    extra = "judges"

    def apply(self, items: list[MelPair]) -> list[Warped | Failure]:
        return each(self._one, items)

    def _one(self, item: MelPair) -> Warped:
        made, recorded = item.log_mel, item.target_log_mel
        if min(len(made), len(recorded)) < FEWEST:
            raise BadItem(f"{len(made)} and {len(recorded)} frames, want {FEWEST} of each at least")
        mels = self.spec.n_mels if item.band_hz is None else max(1, mels_below(self.spec, item.band_hz))
        return Warped(log_mel=made[along(made[:, :mels], recorded[:, :mels])], target_log_mel=recorded)


def along(made: np.ndarray, recorded: np.ndarray) -> np.ndarray:
    """int64 (T): for each frame of `recorded` (T, M) the frame of `made` (U, M) that goes with it; never falling."""
    import librosa

    centred = [mel.astype(np.float64) - mel.mean(axis=0, dtype=np.float64) for mel in (made, recorded)]
    unit = [mel / np.maximum(np.linalg.norm(mel, axis=1, keepdims=True), 1e-9) for mel in centred]
    _, path = librosa.sequence.dtw(C=1 - unit[0] @ unit[1].T)
    of_made, of_recorded = path[::-1].T
    first = np.searchsorted(of_recorded, np.arange(len(recorded)))
    last = np.searchsorted(of_recorded, np.arange(len(recorded)), side="right") - 1
    return of_made[(first + last) // 2].astype(np.int64)
