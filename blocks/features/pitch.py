"""Fundamental frequency and voicing of a recording, one value at the centre of each frame of its mel.

DIO proposes, StoneMask refines, both of WORLD. DIO looks for curves that are smooth from one of its frames to the
next, so it runs on a grid of half the hop: a hop of 12.5 ms alone loses voiced frames.
Axes: frames.
"""

import numpy as np

from blocks import arrays
from blocks.base import Mapper, Schema
from blocks.common.pitch import PitchRange
from blocks.common.quiet_imports import import_quietly
from blocks.common.stft import frame_count
from blocks.features.schema import Recorded


class Config(PitchRange):
    pass


class Intonation(Schema):
    pitch: arrays.Pitch
    voicing: arrays.Voicing


class Pitch(Mapper[Config]):
    tiny = Config()
    paper = "Morise, Kawahara and Katayose 2009 (DIO); Morise, Yokomori and Ozawa 2016 (WORLD)"
    needs = ("pyworld",)
    extra = "audio"

    def apply(self, items: list[Recorded]) -> list[Intonation]:
        return [self._one(item.wave) for item in items]

    def _one(self, wave: np.ndarray) -> Intonation:
        pyworld = import_quietly("pyworld")
        count, rate, hop = frame_count(wave, self.spec), self.spec.sample_rate, self.spec.hop_length
        # WORLD's frames start at its first sample: lead in with silence until a frame centre falls on its grid.
        centre = round(float(self.spec.frame_times(1)[0]) * rate)
        lead = -centre % (hop // 2 if hop % 2 == 0 else hop)
        first = 2 * (centre + lead) // hop
        signal = np.concatenate([np.zeros(lead), wave, np.zeros(2 * hop)])
        coarse, times = pyworld.dio(signal, rate, frame_period=500 * hop / rate, **self.config.limits)
        pitch = pyworld.stonemask(signal, coarse, times, rate)[first : first + 2 * count : 2]
        voicing = pitch > 0
        # Refinement may step over the limits by a few cents.
        pitch = np.where(voicing, np.clip(pitch, self.config.f_min, self.config.f_max), 0.0)
        return Intonation(pitch=pitch.astype(np.float32), voicing=voicing)
