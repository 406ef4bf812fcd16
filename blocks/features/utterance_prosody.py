"""How a whole recording is said, in six numbers of which none tells who says it: a reference for acoustic models, one row long.

Of its phones, each counted once: the deviation and the range of log-F0 over those that are voiced; of those that are no silences the
deviation of level, and mean and deviation of the log of their frames; and the share of silences in the time. Each is brought near -1..1 by
what acted and read English have (constants below), so that an encoder is given numbers of one size. A model whose predictors of prosody are
given such numbers of each utterance learns to obey them (Raitio et al. 2020); neither height nor gain nor timbre is among them.
Axes: phones, frames.
"""

import numpy as np

from blocks.arrays import Durations, Energy, FrameVectors, Phones, Pitch
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema
from blocks.common.items import each
from blocks.common.phones import SILENCES
from blocks.common.prosody import phone_energy, phone_pitch

SIZE = 6
_FEWEST = 3  # voiced phones: of fewer a deviation is noise
_MEANS = np.array([0.21, 0.6, 6.0, 2.2, 0.57, 0.12])  # nats, nats, dB, log(1 + frames), the same, share
_SPREADS = np.array([0.09, 0.27, 1.5, 0.26, 0.11, 0.06])


class Utterance(Schema):
    phones: Phones
    durations: Durations
    pitch: Pitch
    energy: Energy


class UtteranceVector(Schema):
    frame_vectors: FrameVectors  # (1, 6)


class Config(BlockConfig):
    pass


class UtteranceProsody(Mapper[Config]):
    tiny = Config()
    paper = "Raitio et al. 2020 (Controllable neural text-to-speech synthesis using intuitive prosodic features)"

    def apply(self, items: list[Utterance]) -> list[UtteranceVector | Failure]:
        return each(self._one, items)

    def _one(self, item: Utterance) -> UtteranceVector:
        frames = int(item.durations.sum())
        if len(item.durations) != len(item.phones) or not frames == len(item.pitch) == len(item.energy):
            raise BadItem(
                f"{len(item.phones)} phones, {len(item.durations)} durations of {frames} frames in all, {len(item.pitch)} frames of pitch "
                f"and {len(item.energy)} of level: want those of one recording"
            )
        spoken_N = np.array([phone not in SILENCES for phone in item.phones]) & (item.durations > 0)
        hz_N = phone_pitch(item.pitch, item.durations)
        logs = np.log(hz_N[spoken_N & (hz_N > 0)].astype(np.float64))
        if len(logs) < _FEWEST:
            raise BadItem(f"{len(logs)} voiced phones, want {_FEWEST} at least to tell a melody")
        low, high = np.percentile(logs, (5, 95))
        level = phone_energy(item.energy, item.durations)[spoken_N]
        long = np.log1p(item.durations[spoken_N])
        pauses = 1 - item.durations[spoken_N].sum() / frames
        found = np.array([logs.std(), high - low, level.std(), long.mean(), long.std(), pauses])
        return UtteranceVector(frame_vectors=((found - _MEANS) / _SPREADS)[None].astype(np.float32))
