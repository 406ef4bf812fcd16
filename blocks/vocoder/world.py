"""WORLD copy synthesis: analyse a recording into pitch, envelope and aperiodicity, and speak it again.

A floor that needs no training. It takes the recording, not its mel, so it says what a vocoder may lose by phase alone.
"""

from typing import Literal

import numpy as np
from pydantic import PositiveFloat

from blocks.base import BadItem, Mapper
from blocks.common.pitch import PitchRange
from blocks.common.quiet import import_quietly
from blocks.vocoder.schema import Recorded, Voiced


class Config(PitchRange):
    pitch: Literal["harvest", "dio"] = "harvest"  # dio is several times faster, and calls more frames unvoiced
    frame_period_ms: PositiveFloat = 5.0


class World(Mapper[Config]):
    tiny = Config(pitch="dio")
    paper = "Morise, Yokomori and Ozawa 2016; Morise 2017 (Harvest)"
    needs = ("pyworld",)
    extra = "audio"

    def apply(self, items: list[Recorded]) -> list[Voiced]:
        return [Voiced(wave=self._one(item.wave)) for item in items]

    def _one(self, wave: np.ndarray) -> np.ndarray:
        pyworld = import_quietly("pyworld")
        if len(wave) == 0 or not np.isfinite(wave).all():
            raise BadItem(f"the wave has {len(wave)} samples, some not finite: want at least one, all in -1..1")
        rate, period = self.spec.sample_rate, self.config.frame_period_ms
        signal = wave.astype(np.float64)
        find = pyworld.harvest if self.config.pitch == "harvest" else pyworld.dio
        coarse, times = find(signal, rate, frame_period=period, **self.config.limits)
        pitch = pyworld.stonemask(signal, coarse, times, rate)
        # The lowest pitch sets the length of the analysis; both halves must use the same.
        size = pyworld.get_cheaptrick_fft_size(rate, min(self.config.f_min, pyworld.default_f0_floor))
        envelope = pyworld.cheaptrick(signal, pitch, times, rate, fft_size=size)
        aperiodicity = pyworld.d4c(signal, pitch, times, rate, fft_size=size)
        spoken = pyworld.synthesize(pitch, envelope, aperiodicity, rate, period)
        return np.clip(spoken[: len(wave)], -1.0, 1.0).astype(np.float32)
