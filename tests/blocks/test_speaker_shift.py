"""Whose voice a conversion has."""

import numpy as np
import pytest

from blocks.base import Failure, Skip
from blocks.metric.speaker_shift import Shift, SpeakerShift, Voices
from blocks.spec import AudioSpec


def at(degrees: float, length: float = 1.0) -> np.ndarray:
    angle = np.deg2rad(degrees)
    return (length * np.array([np.cos(angle), np.sin(angle)])).astype(np.float32)


def shift(**voices):
    return SpeakerShift(SpeakerShift.tiny, AudioSpec()).apply([Voices(**voices)])[0]


@pytest.mark.parametrize(("degrees", "nearer"), [(50, 1.0), (40, 0.0), (90, 1.0), (0, 0.0)])
def test_it_is_nearer_to_one_of_two(degrees, nearer):
    found = shift(prediction=at(degrees), source=at(0), target=at(90))
    assert isinstance(found, Shift)
    assert found.nearer == nearer
    assert found.to_target == pytest.approx(np.sin(np.deg2rad(degrees)), abs=1e-6)
    assert found.to_source == pytest.approx(np.cos(np.deg2rad(degrees)), abs=1e-6)


def test_lengths_do_not_matter_but_zeros_and_two_encoders_do():
    short = shift(prediction=at(30), source=at(0), target=at(90, 0.1))
    assert short.to_target == pytest.approx(0.5, abs=1e-6)
    none = shift(prediction=at(30), source=at(0, 0.0), target=at(90))
    assert isinstance(none, Failure)
    assert "source: an embedding of 2 zeros" in none.reason
    other = shift(prediction=at(30), source=at(0), target=np.ones(3, np.float32))
    assert "of 2, 2 and 3 numbers: want all three of one encoder" in other.reason


def test_what_is_unlike_the_target_is_left_out_with_its_cosines():
    voices = [Voices(prediction=at(degrees), source=at(0), target=at(90)) for degrees in (30, 10)]
    kept, left = SpeakerShift(SpeakerShift.Config(min_to_target=0.3), AudioSpec()).apply(voices)
    assert kept.to_target == pytest.approx(0.5, abs=1e-6)
    assert isinstance(left, Skip)
    assert "0.17 with the target's voice, 0.98 with the source's: want 0.3" in left.reason
