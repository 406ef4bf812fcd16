"""A recording low-pass filtered at a frequency, which each row may give: to judge others beside one of a narrow band.

A Butterworth filter of order 8 forth and back: no delay. Where the frequency is half the rate or more, nothing changes.
Axes: samples.
"""

import numpy as np
from pydantic import PositiveFloat

from blocks.arrays import BandHz
from blocks.base import BlockConfig, Mapper
from blocks.effect.schema import Changed, Recorded

_ORDER = 8
_EDGE = 0.95  # of the frequency: where 6 dB are lost, so that little is left at it


class Config(BlockConfig):
    hz: PositiveFloat = 4000.0  # where rows tell none


class Banded(Recorded):
    band_hz: BandHz | None = None


class LowPass(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[Banded]) -> list[Changed]:
        return [Changed(wave=self._one(item)) for item in items]

    def _one(self, item: Banded) -> np.ndarray:
        from scipy import signal

        hz = self.config.hz if item.band_hz is None else item.band_hz
        if hz >= self.spec.sample_rate / 2 or not len(item.wave):
            return item.wave
        sections = signal.butter(_ORDER, _EDGE * hz, fs=self.spec.sample_rate, output="sos")
        pad = min(len(item.wave) - 1, 3 * (2 * _ORDER + 1))
        return signal.sosfiltfilt(sections, item.wave, padlen=pad).astype(np.float32)
