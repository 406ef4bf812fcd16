"""Two mels of one text, each in its own time: the synthesised one is aligned to the recording by dynamic time warping.

What a model of speech that keeps its own durations gives, where `pairs.parallel` takes one that obeyed the recording's.
A frame of the recording that meets several of the made mel is given the one in their middle (`blocks.common.dtw`). Axes: frames, mels.
"""

from blocks.arrays import BandHz, LogMel, apart
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema
from blocks.common.dtw import along
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
        path, _ = along(made[:, :mels], recorded[:, :mels])
        return Warped(log_mel=made[path], target_log_mel=recorded)
