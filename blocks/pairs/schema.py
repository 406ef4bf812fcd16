"""Pairs say which recording is to be said in which other voice: rows that a converter is run, trained or judged on."""

from blocks.arrays import Id, Speaker, Split
from blocks.base import DerivedRow, Schema


class Utterance(Schema):
    id: Id
    speaker: Speaker
    split: Split


class Pair(DerivedRow):
    """Fields of the source are `{row: speech.wave, at: pairs.source}`, those of the other voice `{row: voices.embedding, at: pairs.target}`."""

    source: Id  # the recording's
    speaker: Speaker  # who speaks in it
    target: Speaker  # who shall
    split: Split  # the recording's
