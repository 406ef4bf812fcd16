"""What may travel on an edge: arrays with named axes, dtype and unit, and plain values with a meaning.

Blocks meet in NumPy; torch and JAX never cross an edge. An array carries no batch axis and no padding, and is
always time-first: a log-mel is (frames, mels). An axis that is a word must have the same length in every field
of one item that names it; ``mels`` must equal the audio spec's n_mels.
"""

import types
from dataclasses import dataclass
from typing import Annotated, Literal, Union, get_args, get_origin

import numpy as np
from pydantic import BaseModel, ConfigDict
from pydantic_core import core_schema

# Spec fields that an array depends on; two ends of an edge must agree on these.
RATE = ("sample_rate",)
FRAMES = ("sample_rate", "n_fft", "hop_length", "padding")
ALL = None  # every field


@dataclass(frozen=True)
class Array:
    """Marker of a NumPy field: ``Annotated[np.ndarray, Array("log_mel", "float32", "frames", "mels")]``."""

    name: str
    dtype: np.dtype
    dims: tuple[str | int, ...]
    unit: str
    about: str
    bound: tuple[str, ...] | None  # spec fields it depends on; () for none, None for all
    open: bool = (
        False  # of a port: takes numbers of any meaning, unit and dtype that are counted along the same first axis
    )

    def __init__(self, name, dtype, *dims, unit="", about="", bound=(), open=False):
        for key, value in dict(
            name=name, dtype=np.dtype(dtype), dims=dims, unit=unit, about=about, bound=bound, open=open
        ).items():
            object.__setattr__(self, key, value)

    def __str__(self) -> str:
        axes = ", ".join(map(str, self.dims))
        return f"{self.name} {'of numbers' if self.open else self.dtype}({axes})" + (
            f" {self.unit}" if self.unit else ""
        )

    def holds(self, dtype: np.dtype) -> bool:
        """Whether values may be of this dtype."""
        return dtype == self.dtype or (self.open and dtype.kind in "fiub")

    def check(self, value):
        """The array itself if dtype, rank and fixed axes fit. Raises ValueError naming both sides."""
        if not isinstance(value, np.ndarray):
            raise ValueError(f"want {self}, got {type(value).__name__}")
        if not self.holds(value.dtype) or value.ndim != len(self.dims):
            raise ValueError(f"want {self}, got {value.dtype}{value.shape}")
        for want, size in zip(self.dims, value.shape):
            if want.__class__ is int and want != size:
                raise ValueError(f"want {self}, got {value.dtype}{value.shape}")
        return value

    def __get_pydantic_core_schema__(self, source, handler):
        array, dtype, rank = np.ndarray, self.dtype, len(self.dims)
        fixed = any(isinstance(dim, int) for dim in self.dims)

        def check(value):  # runs for every array of every item at every node: a third of the time of `self.check`
            if not fixed and isinstance(value, array) and value.dtype == dtype and value.ndim == rank:
                return value
            return self.check(value)

        return core_schema.no_info_plain_validator_function(
            check,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda a: a.tolist(), when_used="json"),
        )

    def __get_pydantic_json_schema__(self, schema, handler):
        return {"type": "array", "description": str(self)}


@dataclass(frozen=True)
class Value:
    """Marker of a plain field with a meaning, so that a text cannot be wired to a speaker."""

    name: str
    about: str = ""
    unit: str = ""

    def __str__(self) -> str:
        return self.name + (f" {self.unit}" if self.unit else "")


Wave = Annotated[
    np.ndarray, Array("wave", "float32", "samples", unit="of full scale", bound=RATE, about="mono audio in -1..1")
]
LogMel = Annotated[
    np.ndarray,
    Array("log_mel", "float32", "frames", "mels", bound=ALL, about="log-mel spectrogram as the audio spec defines it"),
]
Latent = Annotated[
    np.ndarray,
    Array(
        "latent", "float32", "frames", "mels", bound=ALL, about="a log-mel as a flow sees it: noise, if it fits well"
    ),
]
LatentMean = Annotated[
    np.ndarray, Array("latent_mean", "float32", "channels", about="mean of each channel of a voice's latents")
]
LatentSpread = Annotated[
    np.ndarray, Array("latent_spread", "float32", "channels", about="deviation of each channel of a voice's latents")
]
Pitch = Annotated[
    np.ndarray,
    Array("pitch", "float32", "frames", unit="Hz", bound=FRAMES, about="fundamental frequency, 0 where unvoiced"),
]
Voicing = Annotated[np.ndarray, Array("voicing", "bool", "frames", bound=FRAMES, about="whether the frame is voiced")]
Energy = Annotated[
    np.ndarray,
    Array("energy", "float32", "frames", unit="dB", bound=FRAMES, about="root mean square level below full scale"),
]
Embedding = Annotated[
    np.ndarray, Array("embedding", "float32", "embedding", about="a vector of unit length that stands for a voice")
]
Posteriorgram = Annotated[
    np.ndarray,
    Array(
        "posteriorgram", "float32", "frames", "classes", bound=FRAMES,
        about="how likely each phone or other class of sound is in a frame; a row sums to 1",
    ),
]  # fmt: skip
StyleVector = Annotated[
    np.ndarray,
    Array(
        "style_vector", "float32", "latent", about="how something is said: the latent of a model's reference encoder"
    ),
]
ProsodyStatistics = Annotated[
    np.ndarray,
    Array(
        "prosody_statistics", "float32", 6,
        about="of a recording: log-F0 mean, deviation and range (nats), deviation of its level (dB), phones a second, share of pauses",
    ),
]  # fmt: skip
WordOfPhone = Annotated[
    np.ndarray,
    Array("word_of_phone", "int32", "phones", about="the number of the word a phone is in, -1 for a silence"),
]
JoinTag = Annotated[
    np.ndarray,
    Array(
        "join_tag", "float32", "phones", about="1 on the first phone after a place where recordings were joined, else 0"
    ),
]
Durations = Annotated[
    np.ndarray,
    Array(
        "durations",
        "int32",
        "phones",
        unit="frames",
        bound=FRAMES,
        about="frames each phone takes; their sum is the log-mel's",
    ),
]
PhonePitch = Annotated[
    np.ndarray,
    Array("phone_pitch", "float32", "phones", unit="Hz", about="geometric mean of F0 over a phone, 0 where unvoiced"),
]
PhoneEnergy = Annotated[
    np.ndarray, Array("phone_energy", "float32", "phones", unit="dB", about="mean level over a phone's frames")
]
PhoneRate = Annotated[
    np.ndarray,
    Array("phone_rate", "float32", "phones", about="how fast each phone is said: 1 as it would be, 2 in half the time"),
]
PhoneShift = Annotated[
    np.ndarray,
    Array("phone_shift", "float32", "phones", unit="semitones", about="how far each phone's pitch is moved up"),
]
NoteOfPhone = Annotated[
    np.ndarray,
    Array("note_of_phone", "int32", "phones", about="the number of the note or rest a phone is sung on"),
]
SpokenPhone = Annotated[
    np.ndarray,
    Array(
        "spoken_phone", "int32", "phones",
        about="which phone of the spoken text is sung here, again on each note of a melisma; -1 for a rest",
    ),
]  # fmt: skip
PhonePause = Annotated[
    np.ndarray,
    Array("phone_pause", "float32", "phones", unit="s", about="how long a silence lasts; -1 where that is left open"),
]


TokenStream = Annotated[
    np.ndarray, Array("stream", "float32", "phones", about="a number for each phone: a class from 0, or a quantity")
]
TokenVectors = Annotated[
    np.ndarray, Array("stream_vectors", "float32", "phones", "channels", about="a row of numbers for each phone")
]
FrameStream = Annotated[
    np.ndarray,
    Array("frame_stream", "float32", "frames", about="a number for each frame: a class from 0, or a quantity"),
]
FrameVectors = Annotated[
    np.ndarray, Array("frame_vectors", "float32", "frames", "channels", about="a row of numbers for each frame")
]


def any_numbers(hint):
    """A port for these and for whatever else is counted along the same first axis: ``dict[str, any_numbers(TokenStream)]``
    takes a `TokenStream`, and the pitch of phones, their durations, the word each is in."""
    base, mark = hint.__origin__, hint.__metadata__[0]
    return Annotated[base, Array(mark.name, mark.dtype, *mark.dims, unit=mark.unit, about=mark.about, open=True)]


PhoneNumbers = any_numbers(TokenStream) | any_numbers(TokenVectors)
FrameNumbers = any_numbers(FrameStream) | any_numbers(FrameVectors)


def marker(hint) -> Array | Value | None:
    """The Array or Value of an annotation, also inside ``X | None``."""
    for mark in getattr(hint, "__metadata__", ()):
        if isinstance(mark, Array | Value):
            return mark
    if isinstance(hint, types.UnionType) or get_origin(hint) is Union:
        return next(filter(None, map(marker, get_args(hint))), None)
    return None


def type_name(hint) -> str:
    """``log_mel``, ``text``, ``float``: the short name of a field's type."""
    mark = marker(hint)
    return mark.name if mark else getattr(hint, "__name__", str(hint))


def apart(hint, name: str):
    """The same array type with axes of its own, for a second one in a schema that may have another length.

    ``prediction: apart(Wave, "prediction")`` has the axis ``samples:prediction``; an edge compares only what stands before the colon.
    """
    base, mark = hint.__origin__, hint.__metadata__[0]
    dims = tuple(f"{dim}:{name}" if isinstance(dim, str) and dim != "mels" else dim for dim in mark.dims)
    return Annotated[base, Array(mark.name, mark.dtype, *dims, unit=mark.unit, about=mark.about, bound=mark.bound)]


class Span(BaseModel):
    """A constituent over words `first` to `last` (exclusive, from 0) of an utterance, and characters `start` to `end` of its text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str
    first: int
    last: int
    start: int | None = None
    end: int | None = None


class Note(BaseModel):
    """A note of a melody, or a rest. One without a lyric goes on with the syllable before it.

    The lyric is a syllable; one that ends in ``-`` goes on with the next syllable as the same word. Two that are sung on one
    note (an elision) are joined by ``‿``: ``ga‿e``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: float | None  # MIDI number: 69 is A4, 440 Hz, 1 a semitone; None for a rest
    seconds: float
    lyric: str = ""
    place: str = ""  # in its score: "bar 3, beat 2.5"


Id = Annotated[str, Value("id", "names one utterance within a table")]
Text = Annotated[str, Value("text", "what is said, as written")]
TextNotes = Annotated[
    tuple[str, ...], Value("text_notes", "what of a text was left out or written otherwise, and as what")
]
RecordingNotes = Annotated[
    tuple[str, ...],
    Value("recording_notes", "what of a recording or of its labels was changed or passed over on loading"),
]
Phones = Annotated[tuple[str, ...], Value("phones", "what is said, one token a phone or silence of the inventory")]
Words = Annotated[tuple[str, ...], Value("words", "what is said, word by word")]
Spans = Annotated[tuple[Span, ...], Value("spans", "a parse: labelled constituents over the words of an utterance")]
Notes = Annotated[tuple[Note, ...], Value("notes", "a melody: keys, lengths and syllables, one after the other")]
TextGrid = Annotated[
    str, Value("textgrid", "tiers of words and phones with their times, as a file of Praat's holds them")
]
Language = Annotated[str, Value("language", "BCP 47 tag, such as en-US")]
Speaker = Annotated[str, Value("speaker", "whose voice it is; one name for one person in every corpus")]
Style = Annotated[str, Value("style", "how it is said, such as neutral or acted")]
PitchMean = Annotated[float, Value("pitch_mean", "geometric mean of a voice's fundamental frequency", unit="Hz")]
PitchSpread = Annotated[float, Value("pitch_spread", "standard deviation of a voice's log-F0", unit="nats")]
Global = Speaker | Style | Language | Embedding  # what may be said of a whole utterance: a name, or a vector
SpeakingRate = Annotated[float, Value("speaking_rate", "how fast it is said: 1 as the voice does, 2 in half the time")]
Split = Annotated[Literal["train", "dev", "reserved"], Value("split", "what the row may be used for")]
Seconds = Annotated[float, Value("seconds", "length of the recording", unit="s")]
BandHz = Annotated[float, Value("band_hz", "a recording tells nothing of what lies above", unit="Hz")]
Licence = Annotated[str, Value("licence", "SPDX identifier of the terms the row comes under")]
