"""What metrics compare. `prediction` is what a system made, `reference` what it should have made; their lengths may differ."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt

from blocks.arrays import Embedding, Language, Pitch, Text, Value, Voicing, Wave, apart
from blocks.base import Schema


class Audio(Schema):
    """For metrics that need no reference."""

    prediction: Wave


class WavePair(Schema):
    prediction: apart(Wave, "prediction")
    reference: apart(Wave, "reference")


class PitchPair(Schema):
    prediction: apart(Pitch, "prediction")
    prediction_voicing: apart(Voicing, "prediction")
    reference: apart(Pitch, "reference")
    reference_voicing: apart(Voicing, "reference")


class VoicePair(Schema):
    prediction: Embedding
    reference: Embedding


class Transcribed(Schema):
    """For recognisers."""

    prediction: Wave
    text: Text
    language: Language


class Errors(BaseModel):
    """How many of what was to be said are wrong, so that a table can count over all utterances. A `loop` is a recogniser
    that repeats itself: of such an utterance everything counts as wrong, and no more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    errors: NonNegativeInt
    of: PositiveInt
    loop: bool = False

    @property
    def percent(self) -> float:
        return 100 * self.errors / self.of


WordErrors = Annotated[Errors, Value("word_errors", "word edits, of the words of the text", unit="%")]
CharacterErrors = Annotated[
    Errors, Value("character_errors", "character edits, of the characters of the text", unit="%")
]


class Scores(Schema):
    """``scores[system][metric]`` of one utterance; an entry is absent where the metric failed on it."""

    scores: dict[str, dict[str, float | Errors]]
    group: str | int | float | bool | None = None  # such as the speaker: a table of its own for each
