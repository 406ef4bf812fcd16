"""Level of a recording in each frame of its mel: root mean square under the frame's window.

Axes: frames.
"""

import numpy as np

from blocks import arrays
from blocks.base import BlockConfig, Mapper, Schema
from blocks.common.stft import frames, hann
from blocks.features.schema import Recorded

CHUNK = 64  # frames squared at a time


class Config(BlockConfig):
    floor_db: float = -100.0  # dB below full scale; digital silence lies here


class Level(Schema):
    energy: arrays.Energy


class Energy(Mapper[Config]):
    tiny = Config()
    paper = "Ren et al. 2021, FastSpeech 2 (energy of a frame as a feature)"

    def apply(self, items: list[Recorded]) -> list[Level]:
        return [Level(energy=self._decibels(item.wave)) for item in items]

    def _decibels(self, wave: np.ndarray) -> np.ndarray:
        """float32 (frames,). A constant at full scale is 0 dB, a sine at full scale -3.01 dB."""
        rows, weights = frames(wave, self.spec), np.square(hann(self.spec))
        weights = weights / weights.sum()
        chunks = (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))
        power = np.concatenate([np.square(chunk) @ weights for chunk in chunks])
        return 10 * np.log10(np.maximum(power, np.float32(10 ** (self.config.floor_db / 10))))
