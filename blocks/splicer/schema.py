"""A splicer makes new utterances of parts of recorded ones: phones, words, durations, mel, pitch and energy joined as one.

Axes: N phones, W words, T frames, M mels, S samples.
"""

from typing import Literal

import numpy as np
from pydantic import model_validator

from blocks.arrays import (
    Durations,
    Energy,
    Id,
    JoinTag,
    Language,
    LogMel,
    Phones,
    Pitch,
    Spans,
    Speaker,
    Split,
    Style,
    Text,
    Wave,
    WordOfPhone,
    Words,
)
from blocks.base import DerivedRow, Schema


class Utterance(Schema):
    """A recording in time, and its parse."""

    id: Id
    phones: Phones
    words: Words
    word_of_phone: WordOfPhone
    durations: Durations
    spans: Spans
    log_mel: LogMel
    pitch: Pitch
    energy: Energy
    speaker: Speaker
    split: Split
    wave: Wave | None = None
    style: Style | None = None
    language: Language | None = None

    @model_validator(mode="after")
    def _lengths_agree(self):
        if not len(self.phones) == len(self.durations) == len(self.word_of_phone):
            raise ValueError(
                f"{len(self.phones)} phones, {len(self.durations)} durations, {len(self.word_of_phone)} words of phones: "
                "want as many of each"
            )
        if self.durations.sum() != len(self.log_mel):
            raise ValueError(f"durations of {self.durations.sum()} frames in all for a log-mel of {len(self.log_mel)}")
        if wrong := [span for span in self.spans if span.last > len(self.words)]:
            raise ValueError(
                f"{wrong[0].label} ends at word {wrong[0].last} of {len(self.words)}: is it another's parse?"
            )
        return self


class Spliced(DerivedRow):
    """An utterance that nobody said, or a recording as it is, whose tags are 0.

    `parents` are the one that stays (`host`) and the one that gave its part (`donor`); of a recording both are itself.
    """

    phones: Phones
    words: Words
    word_of_phone: WordOfPhone
    text: Text
    durations: Durations
    join_tag: JoinTag
    log_mel: LogMel
    pitch: Pitch
    energy: Energy
    speaker: Speaker
    split: Split
    origin: Literal["recorded", "spliced"]
    host: Id
    donor: Id
    replaced_frames: tuple[int, int]  # of the host, from and up to (exclusive), that are not in it
    inserted_frames: tuple[int, int]  # of the donor, which stand there
    swapped: Text  # for people: which words stand for which
    wave: Wave | None = None
    style: Style | None = None
    language: Language | None = None

    @model_validator(mode="after")
    def _frames_add_up(self):
        if int(np.sum(self.durations)) != len(self.log_mel):
            raise ValueError(
                f"durations of {np.sum(self.durations)} frames in all for a log-mel of {len(self.log_mel)}"
            )
        return self
