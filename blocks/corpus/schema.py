"""What every corpus yields: one row per recording, at the graph's sample rate, in a stable order."""

from blocks.arrays import (
    BandHz,
    Durations,
    Language,
    Licence,
    Phones,
    RecordingNotes,
    Seconds,
    Speaker,
    Split,
    Style,
    Text,
    Wave,
    WordOfPhone,
    Words,
)
from blocks.base import NewRow


class Recording(NewRow):
    """A recording of one voice, mono, resampled to the spec's rate if it was recorded at a higher one."""

    wave: Wave
    seconds: Seconds
    band_hz: BandHz
    speaker: Speaker
    language: Language
    style: Style
    split: Split
    licence: Licence
    notes: RecordingNotes = ()


class Utterance(Recording):
    """A recording with what is said in it."""

    text: Text


class Labelled(Utterance):
    """An utterance with its phones, silences among them, and when each is said, as the corpus has it."""

    phones: Phones
    durations: Durations


class Timed(Labelled):
    """A labelled utterance that tells the words apart; `word_of_phone` counts them from 0 and is -1 for a silence."""

    words: Words
    word_of_phone: WordOfPhone


class Line(NewRow):
    """A text to be spoken; there is no recording."""

    text: Text
    language: Language
