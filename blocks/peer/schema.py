"""A peer is somebody else's voice: a text in, speech out, to be judged beside the voices made here."""

from blocks.arrays import Language, Text, Wave
from blocks.base import Schema


class Written(Schema):
    """One sentence or more. A peer reads numbers and abbreviations in its own way unless they are spelled out."""

    text: Text
    language: Language


class Voiced(Schema):
    wave: Wave  # at the audio spec's rate, whatever the peer's own
