"""A score is a melody with words: what a reader makes of a file, what is sung on each note, and for how long.

Axes: N phones as they are sung, rests among them; phones as they are spoken are counted apart.
"""

from typing import Annotated

from blocks.arrays import (
    Durations,
    Language,
    Licence,
    NoteOfPhone,
    Notes,
    PhonePitch,
    Phones,
    Seconds,
    Speaker,
    Split,
    SpokenPhone,
    Text,
    TokenStream,
    Value,
    Wave,
    WordOfPhone,
    apart,
)
from blocks.base import DerivedRow, NewRow, Schema

ScoreNotes = Annotated[
    tuple[str, ...], Value("score_notes", "what of a score was left out or read otherwise, with its bar and beat")
]


class Song(NewRow):
    """One voice of a score, with one verse. The notes follow one another, and begin and end with a rest."""

    notes: Notes
    text: Text  # the words of the lyrics, as many as `text.phones` shall find, and commas where there are rests
    language: Language
    seconds: Seconds
    split: Split
    licence: Licence
    remarks: ScoreNotes = ()


class Melody(Schema):
    notes: Notes


class Utterance(Schema):
    """A text as it is spoken; `durations` where it is a recording."""

    id: str
    phones: Phones
    word_of_phone: apart(WordOfPhone, "spoken")
    split: Split
    melodies: Notes  # to choose from, one after the other, with rests between


class Setting(DerivedRow):
    """A text set to a melody: its syllables, spelled in phones, on notes."""

    notes: Notes
    source: Annotated[str, Value("id")]  # of the text
    copy_number: Annotated[int, Value("copy_number", "which of its text's settings it is, from 0")]
    split: Split
    seconds: Seconds


class Pronounced(Schema):
    """Notes with syllables, and their words as they are spoken. Silences between words do not count: the rests are the score's."""

    notes: Notes
    phones: Phones
    word_of_phone: apart(WordOfPhone, "spoken")


class Sung(Schema):
    """One row a phone: what is sung, on which note, and what the note is."""

    phones: Phones
    octave: TokenStream  # of scientific pitch notation, and 1: octave 4, that of A4 at 440 Hz, is 5; `REST_OCTAVE` for a rest
    step: TokenStream  # 1 for C to 12 for B; `REST_STEP` for a rest
    key: TokenStream  # MIDI number, parts of a semitone with it; 0 for a rest
    note_seconds: TokenStream
    ramp: TokenStream  # from 1 on the first phone of a note to 0 on the last, the boundary behind a word counted
    word_end: TokenStream  # 1 on the last phone of a word
    phone_pitch: PhonePitch  # the note's, 0 where the phone is unvoiced
    note_of_phone: NoteOfPhone
    spoken_phone: SpokenPhone
    remarks: ScoreNotes = ()


class Performance(NewRow, Sung):
    """A recording of what is sung, with the time of each phone."""

    wave: Wave
    notes: Notes
    durations: Durations
    split: Split
    seconds: Seconds
    speaker: Speaker
    licence: Licence


class Untimed(Schema):
    """Phones on notes, and how long each would be if nobody counted: predicted, or as in the recording they come from."""

    notes: Notes
    phones: Phones
    note_of_phone: NoteOfPhone
    spoken_phone: SpokenPhone | None = None
    durations: Durations | None = None
    spoken: apart(Durations, "spoken") | None = None


class InTime(Schema):
    durations: Durations


class Sounding(Schema):
    notes: Notes
    phones: Phones
    durations: Durations


class Pitched(Schema):
    phone_pitch: PhonePitch


REST_OCTAVE, REST_STEP = 10, 13
