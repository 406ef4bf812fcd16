"""A reference encoder turns a recording into a fixed-size vector."""

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
