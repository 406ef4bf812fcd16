"""A recording normalised to the level of all others: the power of its speech, silence left out.

Corpora differ by 20 dB, and what learns from several of them would learn to tell them by it. Speech is what lies in frames of 20 ms
less than 30 dB below the loud ones; noise between words moves the level little. Where the peak would pass full scale, the
recording stays as much quieter as it must. Digital silence stays what it is.
Axes: samples.
"""

import numpy as np
from pydantic import Field

from blocks.base import BlockConfig, Mapper
from blocks.effect.schema import Changed, Recorded

_FRAME_S = 0.02
_LOUD = 0.95  # quantile of the frames' powers that speech is compared with
_RANGE_DB = 30.0
_PEAK = 0.99


class Config(BlockConfig):
    level_db: float = Field(-26.0, le=0.0)  # of speech, below full scale


class Level(Mapper[Config]):
    tiny = Config()
    paper = "after ITU-T P.56 (2011), Objective measurement of active speech level, with a gate by frames in the place of envelopes"

    def apply(self, items: list[Recorded]) -> list[Changed]:
        return [Changed(wave=self._one(item.wave)) for item in items]

    def _one(self, wave: np.ndarray) -> np.ndarray:
        if not (power := active_power(wave, self.spec.sample_rate)):
            return wave
        gain = np.sqrt(10 ** (self.config.level_db / 10) / power)
        return (wave * min(gain, _PEAK / np.abs(wave).max())).astype(np.float32)


def active_power(wave: np.ndarray, rate: int) -> float:
    """The mean power of frames with speech; 0 where all is silent."""
    size = max(1, round(_FRAME_S * rate))
    whole = np.pad(wave.astype(np.float64), (0, -len(wave) % size)).reshape(-1, size)
    counts = np.full(len(whole), size)
    counts[-1:] -= -len(wave) % size
    powers = np.square(whole).sum(axis=1) / counts if len(whole) else np.zeros(1)
    active = powers > np.quantile(powers, _LOUD) * 10 ** (-_RANGE_DB / 10)
    return float(powers[active].mean()) if active.any() else 0.0
