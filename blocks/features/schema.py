"""What every feature extractor takes: one recording. Each variant adds its own result."""

from blocks.arrays import Wave
from blocks.base import Schema


class Recorded(Schema):
    wave: Wave
