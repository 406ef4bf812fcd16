"""What `features.relative_prosody` tells of a recording, and what it does not."""

import numpy as np
import pytest

from blocks.base import Failure
from blocks.features.relative_prosody import Config, RelativeProsody, Utterance
from blocks.spec import preset


@pytest.fixture
def block():
    return RelativeProsody(Config(), preset("vox_16k"))


def utterance(hz: float = 120.0, wide: float = 0.2, db: float = -20.0) -> Utterance:
    turns = np.sin(np.linspace(0, 6, 100))
    pitch = np.where(np.arange(100) % 10 < 7, hz * np.exp(wide * turns), 0.0)
    return Utterance(pitch=pitch.astype(np.float32), energy=(db + 5 * turns).astype(np.float32))


def test_neither_height_nor_gain_is_told(block):
    low, high = block.apply([utterance(), utterance(hz=250.0, db=-35.0)])
    assert low.frame_vectors.shape == (100, 3)
    np.testing.assert_allclose(low.frame_vectors, high.frame_vectors, atol=1e-4)


def test_a_wide_melody_is_told_as_wide(block):
    narrow, wide = block.apply([utterance(wide=0.1), utterance(wide=0.2)])
    np.testing.assert_allclose(2 * narrow.frame_vectors[:, 0], wide.frame_vectors[:, 0], atol=1e-4)
    assert abs(wide.frame_vectors[wide.frame_vectors[:, 1] > 0, 0].mean()) < 1e-5


def test_pauses_and_noise_lie_on_a_floor(block):
    item = utterance()
    energy = item.energy.copy()
    energy[:30] = -100.0
    (made,) = block.apply([item.model_copy(update={"energy": energy})])
    assert (made.frame_vectors[:30, 2] == -4).all()


def test_what_has_no_melody_and_what_does_not_belong_together_fail_alone(block):
    flat = utterance().model_copy(update={"pitch": np.zeros(100, np.float32)})
    other = utterance().model_copy(update={"energy": np.zeros(50, np.float32)})
    first, second, third = block.apply([flat, other, utterance()])
    assert isinstance(first, Failure)
    assert "0 voiced frames" in first.reason
    assert isinstance(second, Failure)
    assert "100 frames of pitch, but 50 of level" in second.reason
    assert not isinstance(third, Failure)
