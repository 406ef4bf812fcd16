"""Rows with a field of nearly every type, to wire wrongly."""

from typing import Annotated

import numpy as np

from blocks.arrays import RATE, Array, LogMel, Seconds, Speaker, Split, Text, Wave, apart
from blocks.base import NewRow, Schema

Wave64 = Annotated[np.ndarray, Array("wave", "float64", "samples", unit="of full scale", bound=RATE)]
Wave16 = Annotated[np.ndarray, Array("wave", "float32", "samples", unit="of 16 bits", bound=RATE)]
Stereo = Annotated[np.ndarray, Array("wave", "float32", "samples", "channels", unit="of full scale", bound=RATE)]


class Everything(NewRow):
    wave: Wave
    wave64: Wave64
    wave16: Wave16
    stereo: Stereo
    text: Text
    speaker: Speaker
    split: Split
    seconds: Seconds
    count: int
    maybe: Wave | None = None


class Sound(Schema):
    wave: Wave


class Mel(Schema):
    log_mel: LogMel


class Words(Schema):
    text: Text


class Number(Schema):
    number: float


class Pair(Schema):
    prediction: apart(Wave, "prediction")
    reference: apart(Wave, "reference")


class Scores(Schema):
    scores: dict[str, dict[str, float]]


class Hint(Schema):
    wave: Wave | None = None
    id: str
