"""A vocoder makes audio. One that is a function of the mel takes Spectral; one that analyses a recording takes Recorded."""

from blocks.arrays import LogMel, Pitch, Speaker, Split, Wave
from blocks.base import Schema


class Spectral(Schema):
    log_mel: LogMel


class Recorded(Schema):
    wave: Wave


class TrainItem(Spectral):
    """What a vocoder learns from: a recording, its log-mel and, for some, its pitch. Speakers are drawn evenly where they are known."""

    wave: Wave
    pitch: Pitch | None = None
    speaker: Speaker | None = None
    split: Split | None = None


class Voiced(Schema):
    """``spec.samples(frames)`` samples for a Spectral, as many as came in for a Recorded."""

    wave: Wave
