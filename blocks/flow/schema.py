"""A flow turns a log-mel into a latent of the same size and back, without loss, and says how likely the log-mel is.

What conditions it is optional, field by field: a flow is conditioned on what it was given when it was fitted.
"""

from typing import Annotated

from blocks.arrays import Durations, Embedding, Latent, LogMel, Phones, Pitch, Split, Value, Voicing
from blocks.base import Schema

Nll = Annotated[float, Value("nll", "negative log-likelihood of a log-mel; over log 2 it is bits", "nats a dimension")]


class Conditions(Schema):
    pitch: Pitch | None = None
    voicing: Voicing | None = None
    embedding: Embedding | None = None  # of the voice
    phones: Phones | None = None
    durations: Durations | None = None  # of the phones


class Spectral(Conditions):
    log_mel: LogMel


class Lesson(Spectral):
    split: Split | None = None


class Coded(Schema):
    latent: Latent
    nll: Nll


class Latents(Conditions):
    """What `decode` takes: a latent, and the conditions to speak it under, which may be another voice's."""

    latent: Latent


class Decoded(Schema):
    log_mel: LogMel
