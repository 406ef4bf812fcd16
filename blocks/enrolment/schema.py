"""Enrolment: of a speaker's recordings, those that a voice is learnt from, or one sentence that says why none can be.

Rows of several speakers are kept apart by `speaker`; a failure of one costs the others nothing.
"""

from typing import Annotated

from blocks.arrays import BandHz, Embedding, Id, Language, Seconds, Speaker, Split, Text, Value, Wave
from blocks.base import DerivedRow, Schema


class Offered(Schema):
    """A recording; the last three are for checks, and left out where the recordings are known."""

    id: Id
    wave: Wave
    text: Text
    language: Language
    speaker: Speaker
    band_hz: BandHz
    embedding: Embedding | None = None  # by a judge of identity
    transcript: Annotated[str, Value("transcript")] | None = None
    detected_language: Language | None = None


class Enrolled(DerivedRow):
    """A recording to learn from; dev is held out, to choose the best step by."""

    wave: Wave
    text: Text
    language: Language
    speaker: Speaker
    split: Split
    seconds: Seconds
    band_hz: BandHz
    after: Annotated[float, Value("after", "what was drawn of the speaker to learn from before this row", unit="s")] = (
        0.0
    )
