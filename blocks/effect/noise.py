"""A recording in noise at a signal-to-noise ratio: white, pink, or a recorded noise such as the row of effect.babble.

The ratio is of the mean powers over the whole recording. Where the sum would pass full scale, all of it is made quieter. The
noise depends on the recording's own samples and the seed, not on its place among others.
"""

import zlib
from typing import ClassVar, Literal

import numpy as np

from blocks.arrays import Wave, apart
from blocks.base import BadItem, BlockConfig, Mapper
from blocks.effect.schema import Changed, Recorded


class Config(BlockConfig):
    snr_db: float = 10.0
    color: Literal["white", "pink"] = "pink"  # where no noise is wired; pink: as much power in each octave


class Noisy(Recorded):
    noise: apart(Wave, "noise") | None = None  # begun anywhere in it, and anew when it is over


class Noise(Mapper[Config]):
    tiny = Config()
    stochastic: ClassVar[bool] = True

    def apply(self, items: list[Noisy]) -> list[Changed]:
        return [Changed(wave=self._one(item.wave, item.noise)) for item in items]

    def _one(self, wave: np.ndarray, recorded: np.ndarray | None) -> np.ndarray:
        if (power := _power(wave)) == 0:
            raise BadItem(f"{len(wave)} silent samples found, want a sound: silence has no signal-to-noise ratio")
        rng = np.random.default_rng([self.seed, zlib.crc32(wave.tobytes())])
        noise = self._colored(rng, len(wave)) if recorded is None else _cut(rng, recorded, len(wave))
        if (loudness := _power(noise)) == 0:
            raise BadItem(f"the noise is silent for the {len(wave)} samples taken of it, want a sound throughout")
        mixed = wave + noise * np.sqrt(power / loudness / 10 ** (self.config.snr_db / 10))
        return (mixed / max(1.0, np.abs(mixed).max())).astype(np.float32)

    def _colored(self, rng: np.random.Generator, samples: int) -> np.ndarray:
        white = rng.standard_normal(samples)
        if self.config.color == "white":
            return white
        bins = np.arange(samples // 2 + 1)
        return np.fft.irfft(np.fft.rfft(white) / np.sqrt(np.maximum(bins, 1)), samples)


def _power(wave: np.ndarray) -> float:
    return float(np.mean(np.square(wave, dtype=np.float64))) if len(wave) else 0.0


def _cut(rng: np.random.Generator, noise: np.ndarray, samples: int) -> np.ndarray:
    if not len(noise):
        raise BadItem("the noise has 0 samples, want at least one")
    return np.take(noise, rng.integers(len(noise)) + np.arange(samples), mode="wrap").astype(np.float64)
