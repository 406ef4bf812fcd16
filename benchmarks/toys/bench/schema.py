"""What the measured blocks exchange: short vectors, waves, and log-mels with phones."""

from typing import Annotated

import numpy as np

from blocks.arrays import Array, LogMel, Phones, Speaker, Split, Wave
from blocks.base import NewRow, Schema

Numbers = Annotated[np.ndarray, Array("numbers", "float32", "n")]


class Vector(Schema):
    x: Numbers


class NewVector(NewRow):
    x: Numbers


class Recorded(NewRow):
    wave: Wave
    split: Split


class Uttered(NewRow):
    log_mel: LogMel
    phones: Phones


class Sound(Schema):
    wave: Wave


Stream = Annotated[np.ndarray, Array("stream", "float32", "frames")]


class Utterance(NewRow):
    pitch: Stream
    energy: Stream
    tilt: Stream
    phones: Phones
    speaker: Speaker
    split: Split
