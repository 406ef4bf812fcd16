"""A flow turns a log-mel into a latent of the same size and back, without loss, and says how likely the log-mel is.

What conditions it is declared in its settings and wired by name: `streams` hold a number or a row of numbers for each frame,
`globals` a name or a vector for the whole (who speaks, in which language). Pitch and phones have fields of their own.

Axes: frames T, phones N, channels C of a stream.
"""

from typing import Annotated

from pydantic import Field

from blocks.arrays import (
    Durations,
    FrameNumbers,
    Global,
    Latent,
    LogMel,
    Phones,
    Pitch,
    Speaker,
    Split,
    Value,
    Voicing,
)
from blocks.base import Schema

Nll = Annotated[float, Value("nll", "negative log-likelihood of a log-mel; over log 2 it is bits", "nats a dimension")]
Remark = Annotated[str, Value("remark", "what was found amiss in a row that was made all the same")]


class Conditions(Schema):
    pitch: Pitch | None = None
    voicing: Voicing | None = None  # frames it denies are unvoiced whatever their pitch
    phones: Phones | None = None
    durations: Durations | None = None  # of the phones
    streams: dict[str, FrameNumbers] = Field(default_factory=dict)
    globals: dict[str, Global] = Field(default_factory=dict)


class Spectral(Conditions):
    """What `apply` takes. Phones, or the prior's means, are of use to a prior that depends on them, and for `nll` alone."""

    log_mel: LogMel
    prior_mean: Latent | None = None


class TrainItem(Spectral):
    speaker: Speaker | None = None  # what `balance` counts, where no global of that name says it
    split: Split | None = None


class Coded(Schema):
    latent: Latent
    nll: Nll | None = None  # none where the prior's means were not given
    remark: Remark | None = None


class Latents(Conditions):
    """What `decode` takes: a latent, and the conditions to speak it under, which may be another voice's."""

    latent: Latent


class Decoded(Schema):
    log_mel: LogMel
    remark: Remark | None = None


class PriorRequest(Conditions):
    """What a prior is asked with: phones and their durations."""

    phones: Phones
    durations: Durations


class PriorTrainItem(PriorRequest):
    """What a prior is trained on."""

    log_mel: LogMel
    speaker: Speaker | None = None  # what `balance` counts, where no global of that name says it
    split: Split | None = None


class Prior(Schema):
    prior_mean: Latent  # of each frame's phone
