"""What aligner.synthesised alone promises: boundaries of what a model said are led over to a recording."""

import numpy as np
import pytest

from blocks.aligner.synthesised import Said, Synthesised, at_least_one
from blocks.base import Failure
from blocks.spec import AudioSpec

SPEC = AudioSpec(n_mels=20)
MEL = np.random.default_rng(0).normal(-5, 2, size=(30, 20)).astype(np.float32)
DURATIONS = np.array([4, 1, 10, 15], np.int32)


def aligned(**fields):
    return Synthesised(Synthesised.Config(), SPEC).apply([Said(**fields)])[0]


def test_boundaries_go_where_the_frames_went():
    times = np.random.default_rng(1).integers(1, 4, size=30)
    recorded = np.repeat(MEL, times, axis=0)
    made = aligned(made_log_mel=MEL, durations=DURATIONS, log_mel=recorded)
    np.testing.assert_array_equal(made.durations, np.add.reduceat(times, [0, 4, 5, 15]))
    assert -0.01 < made.score <= 0  # means over frames differ a little


def test_what_lies_above_the_band_is_not_compared():
    other = MEL.copy()
    other[:, 15:] = 0
    whole = aligned(made_log_mel=MEL, durations=DURATIONS, log_mel=other)
    below = aligned(made_log_mel=MEL, durations=DURATIONS, log_mel=other, band_hz=2000.0)
    assert below.score == pytest.approx(0, abs=1e-6)
    assert whole.score < -0.01


@pytest.mark.parametrize(
    ("durations", "want"),
    [
        ([3, 2], [3, 2]),
        ([0, 4, 0], [1, 2, 1]),
        ([0, 0, 3], [1, 1, 1]),
        ([3, 0, 0], [1, 1, 1]),
        ([5, 0, 0, 5], [5, 1, 1, 3]),
    ],
)
def test_every_phone_gets_a_frame(durations, want):
    np.testing.assert_array_equal(at_least_one(np.array(durations)), want)


def test_too_few_frames_and_durations_of_something_else_are_refused():
    short = aligned(made_log_mel=MEL, durations=DURATIONS, log_mel=MEL[:3])
    assert isinstance(short, Failure)
    assert "3 frames for 4 phones" in short.reason
    wrong = aligned(made_log_mel=MEL[:29], durations=DURATIONS, log_mel=MEL)
    assert isinstance(wrong, Failure)
    assert "durations of 30 frames for a made mel of 29" in wrong.reason
