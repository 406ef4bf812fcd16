"""What the measured blocks exchange: short vectors and waves."""

from typing import Annotated

import numpy as np

from blocks.arrays import Array, Split, Wave
from blocks.base import NewRow, Schema

Numbers = Annotated[np.ndarray, Array("numbers", "float32", "n")]


class Vector(Schema):
    x: Numbers


class NewVector(NewRow):
    x: Numbers


class Recorded(NewRow):
    wave: Wave
    split: Split


class Sound(Schema):
    wave: Wave
