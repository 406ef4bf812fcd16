"""An acoustic model says phones: their log-mel, and how long each of them takes.

What a system adds beyond phones is named in the model's settings and wired by those names, with no code of its own:
`streams` hold a number or a row of numbers for each phone (a tag, the step of a note, its seconds), `globals` a name or
a vector for the whole (who speaks, in which style, in which language). A stream of zeros says nothing, as does one left out.
`references` hold the prosody of a recording, in numbers for each phone of the request or for each frame of the recording: what an
encoder makes of them, which is trained with the model, is joined to the encoded phones. They too may be left out. In the place of a whole
recording that is encoded through a bottleneck, its latent will do, or a mean of several: `encode` gives it.

Axes: phones N, frames T, channels C of a stream.
"""

from typing import Annotated

from pydantic import Field

from blocks.arrays import (
    Durations,
    Energy,
    FrameNumbers,
    FrameVectors,
    Global,
    LogMel,
    PhoneEnergy,
    PhoneNumbers,
    PhonePause,
    PhonePitch,
    PhoneRate,
    Phones,
    PhoneShift,
    Pitch,
    Spans,
    SpeakingRate,
    Split,
    StyleVector,
    Value,
    WordOfPhone,
    any_numbers,
)
from blocks.base import Schema

Substituted = Annotated[str, Value("substituted", "phones that training had none of, and those they were said as")]


class Request(Schema):
    """What is to be said, and how."""

    phones: Phones
    streams: dict[str, PhoneNumbers] = Field(default_factory=dict)
    globals: dict[str, Global] = Field(default_factory=dict)
    references: dict[str, PhoneNumbers | FrameNumbers | StyleVector] = Field(default_factory=dict)
    speaking_rate: SpeakingRate | None = None


class Controlled(Request):
    """For models that obey: what is given is kept to, what is not is predicted, and changed as is asked.

    `phone_rate` and `phone_pause` are for durations that are predicted, `phone_shift` for such a pitch.
    """

    durations: Durations | None = None
    phone_pitch: PhonePitch | None = None
    phone_energy: PhoneEnergy | None = None
    phone_rate: PhoneRate | None = None  # times the speaking rate
    phone_shift: PhoneShift | None = None
    phone_pause: PhonePause | None = None


class TrainItem(Schema):
    """A recording with what it says; durations, pitch and energy where the model has a use for them."""

    phones: Phones
    streams: dict[str, PhoneNumbers] = Field(default_factory=dict)
    globals: dict[str, Global] = Field(default_factory=dict)
    references: dict[str, PhoneNumbers | FrameNumbers] = Field(default_factory=dict)
    log_mel: LogMel
    durations: Durations | None = None
    pitch: Pitch | None = None
    energy: Energy | None = None
    split: Split | None = None  # dev rows are for validation
    # for a model that is also trained on what it splices of these: a parse, and whose word each phone is
    spans: Spans | None = None
    word_of_phone: WordOfPhone | None = None
    group: str | None = None  # what `balance` in a training's settings draws alike; none: the speaker


class Prediction(Schema):
    log_mel: LogMel
    durations: Durations  # their sum is the log-mel's frames
    substituted: Substituted | None = None


class Controllable(Prediction):
    """With all that `Controlled` takes, so that it may be changed and said again."""

    phone_pitch: PhonePitch | None = None
    phone_energy: PhoneEnergy | None = None


class Referenced(Schema):
    """A recording to be taken as a reference, in numbers for each frame: for most, its log-mel."""

    reference: any_numbers(FrameVectors)


class Styled(Schema):
    style_vector: StyleVector
