"""A vocoder makes audio. One that is a function of the mel takes Spectral; one that analyses a recording takes Recorded."""

from blocks.arrays import LogMel, Speaker, Split, Wave
from blocks.base import Schema


class Spectral(Schema):
    log_mel: LogMel


class Recorded(Schema):
    wave: Wave


class Lesson(Spectral):
    """What a vocoder learns from: a recording and its log-mel. Speakers are drawn evenly where they are known."""

    wave: Wave
    speaker: Speaker | None = None
    split: Split | None = None


class Voiced(Schema):
    """``spec.samples(frames)`` samples for a Spectral, as many as came in for a Recorded."""

    wave: Wave
