"""What `features.utterance_prosody` tells of a recording, and what it does not."""

import numpy as np
import pytest

from blocks.base import Failure
from blocks.features.utterance_prosody import SIZE, Config, Utterance, UtteranceProsody
from blocks.spec import preset


@pytest.fixture
def block():
    return UtteranceProsody(Config(), preset("vox_16k"))


def utterance(hz: float = 120.0, wide: float = 0.2, db: float = -20.0, frames: int = 10) -> Utterance:
    turns = np.repeat(np.sin(np.arange(9)), frames)
    return Utterance(
        phones=(*"abcdefgh", "sil"),
        durations=np.full(9, frames, np.int32),
        pitch=(hz * np.exp(wide * turns)).astype(np.float32),
        energy=(db + 5 * turns).astype(np.float32),
    )


def test_neither_height_nor_gain_is_told(block):
    low, high = block.apply([utterance(), utterance(hz=250.0, db=-35.0)])
    assert low.frame_vectors.shape == (1, SIZE)
    np.testing.assert_allclose(low.frame_vectors, high.frame_vectors, atol=1e-4)


@pytest.mark.parametrize(("change", "told"), [({"wide": 0.3}, [0, 1]), ({"frames": 12}, [3])])
def test_what_is_said_otherwise_is_told_where_it_belongs(block, change, told):
    plain, other = (each.frame_vectors[0] for each in block.apply([utterance(), utterance(**change)]))
    assert (other[told] > plain[told] + 0.1).all()
    rest = np.setdiff1d(np.arange(SIZE), [*told, 4])  # the deviation of log(1 + frames) of equal ones is 0
    np.testing.assert_allclose(other[rest], plain[rest], atol=1e-4)


def test_silences_count_as_pauses_alone(block):
    item = utterance()
    long = item.durations.copy()
    long[-1] *= 4
    energy = np.append(item.energy, np.full(30, -90, np.float32))
    pitch = np.append(item.pitch, np.zeros(30, np.float32))
    plain, more = block.apply([item, item.model_copy(update={"durations": long, "energy": energy, "pitch": pitch})])
    assert more.frame_vectors[0, 5] > plain.frame_vectors[0, 5] + 1
    np.testing.assert_allclose(more.frame_vectors[0, :5], plain.frame_vectors[0, :5], atol=1e-5)


def test_what_has_no_melody_and_what_does_not_belong_together_fail_alone(block):
    flat = utterance().model_copy(update={"pitch": np.zeros(90, np.float32)})
    other = utterance().model_copy(update={"energy": np.zeros(50, np.float32)})
    first, second, third = block.apply([flat, other, utterance()])
    assert isinstance(first, Failure)
    assert "0 voiced phones" in first.reason
    assert isinstance(second, Failure)
    assert "90 frames of pitch and 50 of level" in second.reason
    assert not isinstance(third, Failure)
