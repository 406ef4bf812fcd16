"""A reference encoder turns a recording into a fixed-size vector, of its speaker or its style.

Two other things bear the name: the `reference` that a metric compares a prediction with, and the `references` (recordings) that
an acoustic model is conditioned on.
"""

from blocks.arrays import Embedding, LogMel, Speaker, Split, Wave
from blocks.base import Schema


class Recorded(Schema):
    wave: Wave


class TrainItem(Schema):
    """A recording of one voice, for encoders that learn to tell voices apart."""

    log_mel: LogMel
    speaker: Speaker
    split: Split | None = None  # dev rows are for validation


class Named(Schema):
    speaker: Speaker


class Embedded(Schema):
    embedding: Embedding
