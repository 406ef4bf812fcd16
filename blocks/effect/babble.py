"""Babble noise from many recordings: voices of equal power that speak at once, the noise of effect.noise.

Each voice is a string of recordings, drawn by the seed without repeating one until all were heard.
"""

from itertools import cycle
from typing import ClassVar

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from blocks.base import BlockConfig, Reducer
from blocks.effect.schema import Changed, Recorded


class Config(BlockConfig):
    voices: PositiveInt = 8
    seconds: PositiveFloat = 30.0


class Babble(Reducer[Config]):
    tiny = Config(voices=2, seconds=0.5)
    stochastic: ClassVar[bool] = True

    def reduce(self, items: list[Recorded]) -> Changed:
        """Raises ValueError where all recordings are silent."""
        waves = [item.wave for item in items if item.wave.any()]
        if not waves:
            raise ValueError(f"{len(items)} recordings found, all silent; want speech")
        order = cycle(np.random.default_rng(self.seed).permutation(len(waves)))
        samples = round(self.config.seconds * self.spec.sample_rate)
        talk = sum(_voice(waves, order, samples) for _ in range(self.config.voices))
        return Changed(wave=(talk / np.abs(talk).max()).astype(np.float32))


def _voice(waves: list[np.ndarray], order: cycle, samples: int) -> np.ndarray:
    parts, count = [], 0
    while count < samples:
        wave = waves[next(order)]
        parts.append(wave / np.sqrt(np.mean(np.square(wave, dtype=np.float64))))
        count += len(wave)
    return np.concatenate(parts)[:samples]
