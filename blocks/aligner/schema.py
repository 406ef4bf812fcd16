"""An aligner says how many frames each phone of a recording takes. Silences are phones like the others.

Axes: phones N, frames T.
"""

from typing import Annotated

from pydantic import model_validator

from blocks.arrays import Durations, LogMel, Phones, Speaker, Split, Value, Wave, WordOfPhone
from blocks.base import Schema


class Utterance(Schema):
    phones: Phones
    log_mel: LogMel


class TrainItem(Utterance):
    speaker: Speaker | None = None  # what `balance` counts
    split: Split | None = None  # dev rows are for validation


class Recording(Schema):
    """For aligners that hear the recording itself and know words."""

    wave: Wave
    phones: Phones
    word_of_phone: WordOfPhone

    @model_validator(mode="after")
    def _lengths_agree(self):
        if len(self.phones) != len(self.word_of_phone):
            raise ValueError(
                f"word_of_phone has {len(self.word_of_phone)} entries, but there are {len(self.phones)} phones"
            )
        return self


class Aligned(Schema):
    """`durations` sum to the frame count of the log-mel that was aligned; no phone has none."""

    durations: Durations
    score: Annotated[float, Value("alignment_score", "how well phones and recording fit, higher is better")]

    @model_validator(mode="after")
    def _no_phone_is_lost(self):
        if not len(self.durations) or self.durations.min() < 1:
            raise ValueError(f"every phone must have a frame, got durations {self.durations.tolist()[:20]}")
        return self
