"""A recording as if sung: WORLD's streams, stretched in time, with each voiced stretch on the notes of a melody.

The melody starts at the semitone nearest to the voice's median pitch (equal temperament, A4 = 440 Hz) and begins anew when
it is over. All sounds are stretched alike, so that this is singing to a vocoder, not to a listener.
Axes: T frames of the spec, A frames of the analysis.
"""

from dataclasses import replace

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat

from blocks.arrays import Pitch, Wave
from blocks.base import BadItem, Mapper, Schema
from blocks.common import world
from blocks.common.pitch import PitchRange
from blocks.effect.schema import Recorded


class Config(PitchRange):
    melody: tuple[float, ...] = Field((0, 4, 7, 12, 7, 4), min_length=1)  # semitones above the first note
    note_s: PositiveFloat = 0.5
    stretch: float = Field(1.5, ge=0.25, le=8)  # how many times as long
    vibrato_cents: NonNegativeFloat = 20.0  # to either side of the note
    vibrato_hz: PositiveFloat = 5.5


class Sung(Schema):
    wave: Wave
    pitch: Pitch  # the notes without their vibrato, 0 where the voice is silent


class Sing(Mapper[Config]):
    tiny = Config(stretch=1.1)
    paper = "Morise et al. 2016 (WORLD)"
    needs = ("pyworld",)
    extra = "audio"

    def apply(self, items: list[Recorded]) -> list[Sung]:
        return [self._one(item.wave) for item in items]

    def _one(self, wave: np.ndarray) -> Sung:
        config, rate = self.config, self.spec.sample_rate
        voice = world.analyse(wave, rate, config)
        if not voice.pitch.any():
            raise BadItem(f"no voiced sound found in {len(wave) / rate:.2f} s: nothing to sing, want speech")
        first = self._first(voice.pitch)
        period_ms = voice.period_ms * config.stretch
        times_A = np.arange(len(voice.pitch)) * period_ms / 1000
        vibrato_A = 2 ** (config.vibrato_cents / 1200 * np.sin(2 * np.pi * config.vibrato_hz * times_A))
        pitch_A = np.where(voice.pitch > 0, self._notes(first, times_A) * vibrato_A, 0.0)
        samples = round(len(wave) * config.stretch)
        sung = world.synthesise(replace(voice, pitch=pitch_A, period_ms=period_ms), rate, samples)
        times_T = self.spec.frame_times(self.spec.frames(samples))
        nearest_T = np.minimum(np.rint(times_T * 1000 / period_ms).astype(int), len(pitch_A) - 1)
        pitch_T = np.where(voice.pitch[nearest_T] > 0, self._notes(first, times_T), 0.0)
        return Sung(wave=sung, pitch=pitch_T.astype(np.float32))

    def _first(self, pitch: np.ndarray) -> float:
        """The first note in Hz, so that the lowest of the melody can be analysed again."""
        median = float(np.median(pitch[pitch > 0]))
        first = 440 * 2 ** (round(12 * np.log2(median / 440)) / 12)
        lowest = first * 2 ** (min(self.config.melody) / 12)
        if lowest < self.config.f_min:
            raise BadItem(
                f"the voice's median pitch is {median:.0f} Hz, the lowest note {lowest:.0f} Hz, want at least "
                f"f_min {self.config.f_min:g} Hz: raise the melody or lower f_min"
            )
        return first

    def _notes(self, first: float, times: np.ndarray) -> np.ndarray:
        """The melody in Hz at each time in seconds."""
        melody = np.array(self.config.melody)
        return first * 2 ** (melody[(times / self.config.note_s).astype(int) % len(melody)] / 12)
