"""A melody in another voice's register: log-F0 less its mean over the recording, plus the mean of the target voice.

That mean is given (`features.register`), or taken from a recording of that voice. With both spreads given, the melody is also made as
wide as that voice speaks; the paper of the mean alone keeps the source's width. A recording with fewer than 20 voiced frames, whose
mean would be noise, keeps its melody flat at the new mean. Unvoiced frames stay so.
Axes: frames.
"""

import numpy as np

from blocks.arrays import Pitch, PitchMean, PitchSpread, apart
from blocks.base import BadItem, Failure, Mapper, Schema
from blocks.common.items import each
from blocks.common.pitch import FEWEST, PitchRange


class Move(Schema):
    pitch: Pitch
    target: apart(Pitch, "target") | None = None  # of a recording of the target voice
    pitch_mean: PitchMean | None = None  # of that voice, in the place of a recording
    pitch_spread: PitchSpread | None = None  # of that voice
    own_spread: PitchSpread | None = None  # of the recorded voice


class Moved(Schema):
    pitch: Pitch


class Config(PitchRange):
    """What is moved beyond these limits stays at them."""


class MovedPitch(Mapper[Config]):
    tiny = Config()
    paper = "Ribeiro et al. 2022 (the mean moved); Gabrys et al. 2022 (mean and variance)"

    def apply(self, items: list[Move]) -> list[Moved | Failure]:
        return each(self._one, items)

    def _one(self, item: Move) -> Moved:
        voiced = item.pitch > 0
        mean, logs = np.log(_target(item)), np.log(np.where(voiced, item.pitch, 1.0).astype(np.float64))
        wide = item.pitch_spread / item.own_spread if item.pitch_spread and item.own_spread else 1.0
        melody = wide * (logs - logs[voiced].mean()) if voiced.sum() >= FEWEST else np.zeros(len(logs))
        hz = np.clip(np.exp(mean + melody), self.config.f_min, self.config.f_max)
        return Moved(pitch=np.where(voiced, hz, 0.0).astype(np.float32))


def _target(item: Move) -> float:
    """Hz."""
    if item.pitch_mean is not None:
        return item.pitch_mean
    if item.target is None:
        raise BadItem("no pitch_mean and no target: want the mean of the target voice, or a recording of it")
    voiced = item.target[item.target > 0]
    if len(voiced) < FEWEST:
        raise BadItem(f"the target's recording has {len(voiced)} voiced frames, want {FEWEST}: take a longer one")
    return float(np.exp(np.log(voiced.astype(np.float64)).mean()))
