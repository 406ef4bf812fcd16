"""A recogniser turns recordings into phones: which they are, when each of them is, and how likely every phone was all along.

Axes: phones N, frames T, classes of sound C.
"""

from typing import Annotated

import numpy as np

from blocks.arrays import FRAMES, Array, Durations, LogMel, Phones, Posteriorgram, Speaker, Split, TokenVectors, Value
from blocks.base import Schema

Spans = Annotated[
    np.ndarray,
    Array("phone_spans", "int32", "phones", 2, unit="frames", bound=FRAMES, about="the first frame of each phone's label, and the one behind its last"),
]  # fmt: skip


class Recorded(Schema):
    log_mel: LogMel


class TrainItem(Recorded):
    """A recording with the phones that are said in it. No times are wanted."""

    phones: Phones
    speaker: Speaker | None = None  # what `balance` counts
    split: Split | None = None  # dev rows are for validation


class Recognised(Schema):
    """Phones without stress, and ``sil`` where nobody speaks. A recording without speech is one ``sil``."""

    phones: Phones
    # The same with one name for all phones, for models that are conditioned on `phone_posteriors`, without an identity.
    unnamed: Annotated[tuple[str, ...], Value("phones", "``sil`` and ``phone`` alone")]
    spans: Spans  # of a pause: all of it
    durations: Durations  # ends lie half-way between two labels; their sum is the frames of the log-mel
    posteriorgram: Posteriorgram
    phone_posteriors: TokenVectors  # (N, C): the mean of the posteriorgram under each label
