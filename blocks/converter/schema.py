"""A converter gives a recording another voice, frame by frame: what is said, and when, stays; a log-mel of as many frames comes out.

What is known of the voices is named in the model's settings and wired by those names: `source` is of the voice that is
heard, `target` of the voice to be heard, each a name or a vector (an embedding of one recording, or a voice's centroid).
So are `streams`, numbers or classes of each frame that the conversion is to have (energy, a style, an articulation).
What else is known of the recording is optional, field by field; a variant says what it has a use for.

Axes: frames T, phones N, classes C of a posteriorgram.
"""

from pydantic import Field

from blocks.arrays import (
    BandHz,
    Durations,
    FrameNumbers,
    Global,
    LogMel,
    Phones,
    Pitch,
    Posteriorgram,
    Speaker,
    Split,
    Voicing,
    apart,
)
from blocks.base import Schema


class Recorded(Schema):
    """A recording, and what is known of it."""

    log_mel: LogMel
    pitch: Pitch | None = None  # of the conversion: moved beforehand where the target speaks higher or lower
    voicing: Voicing | None = None  # frames it denies are unvoiced whatever their pitch
    phones: Phones | None = None
    durations: Durations | None = None  # of the phones; their sum is the log-mel's frames
    posteriorgram: Posteriorgram | None = None
    streams: dict[str, FrameNumbers] = Field(
        default_factory=dict
    )  # a stream of zeros says nothing, as does one left out
    source: dict[str, Global] = Field(default_factory=dict)
    reference: apart(LogMel, "reference") | None = None  # another recording of the target, for those that listen to one


class Conversion(Recorded):
    """What is asked: the target need not be the row's own speaker."""

    target: dict[str, Global] = Field(default_factory=dict)


class TrainItem(Recorded):
    """A recording to be made again under its own voice, which is `source` and `target` in one.

    Or a pair that is parallel frame by frame, for converters that learn from such: `log_mel` is another voice's, `target_log_mel` the recording's, and
    all else is told of the recording.
    """

    target_log_mel: LogMel | None = None
    speaker: Speaker | None = None  # what `balance` counts
    band_hz: BandHz | None = None  # nothing is learned of what lies above
    split: Split | None = None  # dev rows are for validation


class Converted(Schema):
    log_mel: LogMel  # of as many frames as the source's
