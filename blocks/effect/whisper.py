"""A recording as if whispered: WORLD's envelope of the voice, excited by noise alone.

The simplest of the signal-processing ways of the paper below, without its formant shifts: a real whisper raises the first
formant and is louder in the high bands, too.
"""

from dataclasses import replace

import numpy as np

from blocks.base import Mapper
from blocks.common import world
from blocks.common.pitch import PitchRange
from blocks.effect.schema import Changed, Recorded


class Config(PitchRange):
    gain_db: float = -10.0  # a whisper is weaker than speech


class Whisper(Mapper[Config]):
    tiny = Config()
    paper = "Cotescu et al. 2020, Voice Conversion for Whispered Speech Synthesis; Morise et al. 2016 (WORLD)"
    needs = ("pyworld",)
    extra = "audio"

    def apply(self, items: list[Recorded]) -> list[Changed]:
        return [Changed(wave=self._one(item.wave)) for item in items]

    def _one(self, wave: np.ndarray) -> np.ndarray:
        voice = world.analyse(wave, self.spec.sample_rate, self.config)
        power = 10 ** (self.config.gain_db / 10)
        noisy = replace(
            voice,
            pitch=np.zeros_like(voice.pitch),
            envelope=power * voice.envelope,
            aperiodicity=np.ones_like(voice.aperiodicity),
        )
        return world.synthesise(noisy, self.spec.sample_rate, len(wave))
