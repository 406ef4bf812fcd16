"""Griffin-Lim: look for a wave whose spectrogram has the magnitude that a log-mel tells of, phase unknown.

A floor that needs no training. With momentum it is the fast Griffin-Lim algorithm.
Axes: T frames, F bins, S samples.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field, NonNegativeInt

from blocks.base import BlockConfig, Mapper
from blocks.common.checks import check_mel
from blocks.common.mel import deemphasis, linear_magnitude
from blocks.common.stft import istft, stft
from blocks.vocoder.schema import Spectral, Voiced


class Config(BlockConfig):
    iterations: NonNegativeInt = 60
    momentum: float = Field(0.99, ge=0.0, lt=2.0)  # 0 is plain Griffin-Lim


class GriffinLim(Mapper[Config]):
    tiny = Config(iterations=2)
    paper = "Griffin and Lim 1984; Perraudin, Balazs and Sondergaard 2013"
    stochastic: ClassVar[bool] = True

    def apply(self, items: list[Spectral]) -> list[Voiced]:
        return [Voiced(wave=self._one(item.log_mel)) for item in items]

    def _one(self, log_mel: np.ndarray) -> np.ndarray:
        check_mel(log_mel, self.spec)
        magnitude = linear_magnitude(log_mel, self.spec)
        wave = istft(self._phased(magnitude), self.spec)
        return np.clip(deemphasis(wave, self.spec), -1.0, 1.0)

    def _phased(self, magnitude: np.ndarray) -> np.ndarray:
        """complex64 (T, F): the magnitude with a phase on which overlapping frames agree."""
        # The same start for every item, so that an item does not depend on its neighbours.
        turns = np.random.default_rng(self.seed).random(magnitude.shape, np.float32)
        spectrum = magnitude * np.exp(2j * np.pi * turns).astype(np.complex64)
        before, momentum = np.zeros_like(spectrum), np.float32(self.config.momentum)
        for _ in range(self.config.iterations):
            agreed = stft(istft(spectrum, self.spec), self.spec)
            ahead = (1 + momentum) * agreed
            before *= momentum
            ahead -= before
            ahead *= magnitude / np.maximum(np.abs(ahead), 1e-16)
            spectrum, before = ahead, agreed
        return spectrum
