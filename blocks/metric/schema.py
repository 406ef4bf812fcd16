"""What metrics compare. `heard` is what a system made, `meant` what it should have made; their lengths may differ."""

from blocks.arrays import Embedding, Language, Pitch, Text, Voicing, Wave, apart
from blocks.base import Schema


class Heard(Schema):
    """For metrics that need no reference."""

    heard: Wave


class WavePair(Schema):
    heard: apart(Wave, "heard")
    meant: apart(Wave, "meant")


class PitchPair(Schema):
    heard: apart(Pitch, "heard")
    heard_voicing: apart(Voicing, "heard")
    meant: apart(Pitch, "meant")
    meant_voicing: apart(Voicing, "meant")


class VoicePair(Schema):
    heard: Embedding
    meant: Embedding


class Spoken(Schema):
    """For recognisers."""

    heard: Wave
    text: Text
    language: Language


class Scores(Schema):
    """``scores[system][metric]`` of one utterance; an entry is absent where the metric failed on it."""

    scores: dict[str, dict[str, float]]
