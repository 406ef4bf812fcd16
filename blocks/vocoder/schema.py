"""A vocoder makes audio. One that is a function of the mel takes Spectral; one that analyses a recording takes Recorded."""

from blocks.arrays import LogMel, Wave
from blocks.base import Schema


class Spectral(Schema):
    log_mel: LogMel


class Recorded(Schema):
    wave: Wave


class Voiced(Schema):
    """``spec.samples(frames)`` samples for a Spectral, as many as came in for a Recorded."""

    wave: Wave
