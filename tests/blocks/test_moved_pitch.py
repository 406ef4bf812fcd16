"""Registers of voices, melodies moved into them, and the centroid of a voice's vectors."""

import numpy as np
import pytest

from blocks.base import Failure
from blocks.common.pitch import FEWEST
from blocks.features.moved_pitch import Config, Move, Moved, MovedPitch
from blocks.features.register import Register, Voiced
from blocks.reference.centroid import Centroid, Part
from blocks.spec import AudioSpec

SPEC = AudioSpec()


def curve(hz: float, frames: int = 60, spread: float = 0.2) -> np.ndarray:
    logs = np.log(hz) + spread * np.sin(np.arange(frames))
    return np.where(np.arange(frames) % 5 < 3, np.exp(logs), 0.0).astype(np.float32)


def moved(**fields):
    return MovedPitch(Config(), SPEC).apply([Move(**fields)])[0]


def measured(*curves):
    return Register(Register.tiny, SPEC).reduce([Voiced(pitch=pitch) for pitch in curves])


def test_a_melody_keeps_its_shape_at_the_mean_of_another_voice():
    pitch = curve(110)
    found = moved(pitch=pitch, pitch_mean=220.0).pitch
    voiced = pitch > 0
    np.testing.assert_array_equal(found > 0, voiced)
    ratio = found[voiced] / pitch[voiced]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)
    assert np.exp(np.log(found[voiced]).mean()) == pytest.approx(220, rel=1e-5)


def test_the_mean_of_a_recording_serves_as_well():
    target = curve(220, 90)
    mean = measured(target).pitch_mean
    np.testing.assert_allclose(
        moved(pitch=curve(110), target=target).pitch, moved(pitch=curve(110), pitch_mean=mean).pitch, rtol=1e-6
    )


def test_a_melody_becomes_as_wide_as_both_spreads_say():
    pitch = curve(110)
    found = moved(pitch=pitch, pitch_mean=200.0, pitch_spread=0.1, own_spread=0.2).pitch
    voiced = pitch > 0
    assert np.log(found[voiced]).std() == pytest.approx(np.log(pitch[voiced]).std() / 2, rel=1e-4)


def test_too_little_voice_is_flat_or_refused_with_a_reason():
    short = np.zeros(60, np.float32)
    short[: FEWEST - 1] = 150.0 + np.arange(FEWEST - 1)
    found = moved(pitch=short, pitch_mean=200.0).pitch
    np.testing.assert_allclose(found[: FEWEST - 1], 200, rtol=1e-6)
    bad = moved(pitch=curve(110), target=short)
    assert isinstance(bad, Failure)
    assert f"{FEWEST - 1} voiced frames, want {FEWEST}" in bad.reason
    assert "want the mean" in moved(pitch=curve(110)).reason
    with pytest.raises(ValueError, match=f"{FEWEST - 1} voiced frames in 1 recordings"):
        measured(short)


def test_a_melody_stays_within_the_limits():
    found = moved(pitch=curve(110, spread=0.9), pitch_mean=700.0)
    assert isinstance(found, Moved)
    assert found.pitch.max() == Config().f_max


def test_a_register_is_that_of_all_voiced_frames_together():
    curves = curve(110), curve(180, 200)
    logs = np.log(np.concatenate(curves)[np.concatenate(curves) > 0])
    found = measured(*curves)
    assert found.pitch_mean == pytest.approx(np.exp(logs.mean()))
    assert found.pitch_spread == pytest.approx(logs.std())


def test_a_voice_is_the_direction_of_its_vectors_mean():
    vectors = np.eye(3, dtype=np.float32)[[0, 0, 1]]
    made = Centroid(Centroid.tiny, SPEC).reduce([Part(embedding=vector) for vector in vectors])
    np.testing.assert_allclose(made.embedding, np.array([2, 1, 0]) / np.sqrt(5), rtol=1e-6)
    with pytest.raises(ValueError, match="all directions"):
        Centroid(Centroid.tiny, SPEC).reduce([Part(embedding=v) for v in (vectors[0], -vectors[0])])
