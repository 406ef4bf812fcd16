"""Jumps at word boundaries: how far pitch and level jump where one word follows another, in speech whose timing is known.

What a voice that has learned from spliced sentences would betray: joins, heard where none should be. To be read beside
the same of recordings. A jump in pitch is that from the last voiced frame of one word to the first of the next, a jump in level that
between the means of three frames on either side; each is averaged over the borders of words that no silence parts.
Of one without such borders nothing can be told: it is left out, and listed.
"""

from itertools import pairwise
from typing import Annotated

import numpy as np
from pydantic import model_validator

from blocks.arrays import Durations, Energy, Pitch, Value, WordOfPhone
from blocks.base import BlockConfig, Mapper, Schema, Skip
from blocks.common.prosody import energy_jump, pitch_jump


class Timed(Schema):
    """Pitch and level of T frames or a few more, and N phones whose durations say which are whose."""

    pitch: Pitch
    energy: Energy
    durations: Durations
    word_of_phone: WordOfPhone

    @model_validator(mode="after")
    def _fits(self):
        if len(self.durations) != len(self.word_of_phone):
            raise ValueError(f"{len(self.durations)} durations for {len(self.word_of_phone)} phones, want as many")
        if self.durations.sum() > len(self.pitch):
            raise ValueError(f"phones of {self.durations.sum()} frames in a recording of {len(self.pitch)}")
        return self


class Jumps(Schema):
    pitch_jump: Annotated[float, Value("pitch_jump", "between neighbouring words, on average", unit="semitones")]
    energy_jump: Annotated[float, Value("energy_jump", "between neighbouring words, on average", unit="dB")]


class Config(BlockConfig):
    pass


class BoundaryJumps(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[Timed]) -> list[Jumps | Skip]:
        return [self._one(item) for item in items]

    def _one(self, item: Timed) -> Jumps | Skip:
        words = list(_words(item.word_of_phone, item.durations))
        borders = [(a, b) for a, b in pairwise(words) if a.stop == b.start]
        if not borders:
            return Skip("no word follows another without a silence")
        return Jumps(
            **{
                jump.__name__: float(np.mean([jump(values[a], values[b]) for a, b in borders]))
                for jump, values in ((pitch_jump, item.pitch), (energy_jump, item.energy))
            }
        )


def _words(word_of_phone: np.ndarray, durations: np.ndarray):
    """The frames of each word, in order."""
    ends = np.concatenate([[0], np.cumsum(durations)])
    for word in range(int(word_of_phone.max(initial=-1)) + 1):
        phones = np.flatnonzero(word_of_phone == word)
        if len(phones):
            yield slice(int(ends[phones[0]]), int(ends[phones[-1] + 1]))
