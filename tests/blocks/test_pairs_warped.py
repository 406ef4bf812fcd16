"""Mels of two timings: the made one is laid along the recording."""

import numpy as np

from blocks.base import Failure
from blocks.common.dtw import along
from blocks.pairs.warped import MelPair, Warped, WarpedPairs
from blocks.spec import AudioSpec

SPEC = AudioSpec(n_mels=20)
MEL = np.random.default_rng(0).normal(-5, 2, size=(30, 20)).astype(np.float32)


def warped(made, recorded):
    return WarpedPairs(WarpedPairs.Config(), SPEC).apply([MelPair(log_mel=made, target_log_mel=recorded)])[0]


def test_each_frame_of_the_recording_is_given_its_own():
    times = np.random.default_rng(1).integers(1, 4, size=30)
    recorded = np.repeat(MEL, times, axis=0)
    made = warped(MEL, recorded)
    assert isinstance(made, Warped)
    np.testing.assert_array_equal(made.log_mel, recorded)
    assert made.target_log_mel is recorded


def test_a_slower_one_is_thinned_from_start_to_end():
    slow = np.repeat(MEL, 3, axis=0)
    at, distance = along(slow, MEL)
    assert distance < 1e-9
    np.testing.assert_array_equal(at // 3, np.arange(30))
    assert (np.diff(at) >= 0).all()


def test_a_single_frame_leads_nowhere():
    made = warped(MEL[:1], MEL)
    assert isinstance(made, Failure)
    assert "1 and 30 frames, want 2" in made.reason
