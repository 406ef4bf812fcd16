"""What the toys exchange: tones."""

from blocks.arrays import Speaker, Split, Wave
from blocks.base import DerivedRow, NewRow, Schema


class Tone(NewRow):
    wave: Wave
    speaker: Speaker
    split: Split


class Sound(Schema):
    wave: Wave


class Scaled(Schema):
    scaled: Wave


class Joined(DerivedRow):
    wave: Wave


class Level(Schema):
    level: float


class Identified(Schema):
    id: str
    wave: Wave
