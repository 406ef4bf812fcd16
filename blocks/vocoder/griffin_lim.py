"""Griffin-Lim: phase reconstruction, a wave whose spectrogram has the magnitude of a log-mel.

A baseline that needs no training. With momentum it is the fast Griffin-Lim algorithm.
Axes: frames, mels.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field, NonNegativeInt

from blocks.base import BlockConfig, Mapper
from blocks.common.checks import check_mel
from blocks.common.griffin_lim import griffin_lim
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
        return griffin_lim(log_mel, self.spec, self.config.iterations, self.config.momentum, self.seed)
