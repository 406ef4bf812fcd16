"""How a recording is said, in six numbers: height, spread and range of its melody, spread of its level, pace, and pauses.

Mean, standard deviation and 5 to 95 % range of log-F0 (nats) over voiced frames; with `pitch_mean`, the mean is relative to that of the
speaker, so that two voices compare. Standard deviation of the level (dB) over the phones that are no silences; these phones a
second of the time they take; and the share of silences in the time from the first of them to the end of the last.
Axes: frames, phones.
"""

import numpy as np

from blocks.arrays import Durations, Energy, Phones, Pitch, PitchMean, ProsodyStatistics
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema
from blocks.common.phones import SILENCES
from blocks.common.pitch import FEWEST

_LATE = 2  # frames that durations and recording may differ by, as vocoders and windows end


class Utterance(Schema):
    pitch: Pitch
    energy: Energy
    phones: Phones
    durations: Durations
    pitch_mean: PitchMean | None = None  # of the recorded voice


class Statistics(Schema):
    prosody: ProsodyStatistics


class Config(BlockConfig):
    pass


class ProsodyStatisticsOf(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[Utterance]) -> list[Statistics | Failure]:
        made = []
        for item in items:
            try:
                made.append(Statistics(prosody=self._one(item).astype(np.float32)))
            except BadItem as error:
                made.append(Failure(str(error)))
        return made

    def _one(self, item: Utterance) -> np.ndarray:
        spoken_N = np.array([phone not in SILENCES for phone in item.phones])
        if len(item.durations) != len(item.phones) or not (item.durations[spoken_N] > 0).any():
            raise BadItem(
                f"{len(item.durations)} durations for {len(item.phones)} phones: want as many, and a phone that lasts"
            )
        spoken_T = np.repeat(spoken_N, item.durations)
        if abs(len(spoken_T) - len(item.energy)) > _LATE:
            raise BadItem(
                f"durations of {len(spoken_T)} frames, but {len(item.energy)} of level: want those of one recording"
            )
        voiced = item.pitch[item.pitch > 0].astype(np.float64)
        if len(voiced) < FEWEST:
            raise BadItem(f"{len(voiced)} voiced frames, want {FEWEST} at least to tell a melody")
        logs = np.log(voiced) - np.log(item.pitch_mean or 1.0)
        low, high = np.percentile(logs, (5, 95))
        both = min(len(spoken_T), len(item.energy))
        level = item.energy[:both][spoken_T[:both]].astype(np.float64)
        at = np.flatnonzero(spoken_T)
        seconds = spoken_T.sum() / self.spec.frame_rate
        pace, pauses = (spoken_N & (item.durations > 0)).sum() / seconds, 1 - len(at) / (at[-1] + 1 - at[0])
        return np.array([logs.mean(), logs.std(), high - low, level.std(), pace, pauses])
