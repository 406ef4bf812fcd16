"""An effect makes of a recording what it would be under another condition: whispered, sung, in noise.

It is no training data by itself: it asks of other blocks what they do with what was seldom or never in their training data.
"""

from blocks.arrays import Wave
from blocks.base import Schema


class Recorded(Schema):
    wave: Wave


class Changed(Schema):
    wave: Wave
