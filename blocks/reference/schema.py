"""A reference encoder turns a recording into a fixed-size vector."""

from blocks.arrays import Embedding, Wave
from blocks.base import Schema


class Recorded(Schema):
    wave: Wave


class Embedded(Schema):
    embedding: Embedding
