"""WORLD copy synthesis: analyse a recording into pitch, envelope and aperiodicity, and speak it again.

A baseline that needs no training. It takes the recording, not its mel, so it says what a vocoder may lose by phase alone.
"""

from typing import Literal

import numpy as np
from pydantic import PositiveFloat

from blocks.base import Mapper
from blocks.common import world
from blocks.common.pitch import PitchRange
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
        rate, config = self.spec.sample_rate, self.config
        return world.synthesise(
            world.analyse(wave, rate, config, config.frame_period_ms, config.pitch), rate, len(wave)
        )
