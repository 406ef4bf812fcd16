"""Pairs of mels: what goes together passes, what lags or says something else is refused with the reason."""

import numpy as np
import pytest

from blocks.base import Failure
from blocks.pairs.parallel import MelPair, Parallel, ParallelPairs, correlation
from blocks.spec import AudioSpec

SPEC = AudioSpec(n_mels=20)
RNG = np.random.default_rng(0)
LEVEL = np.convolve(RNG.normal(size=140), np.ones(9) / 3, mode="valid")


def mel(level):
    return (level[:, None] + 0.1 * RNG.normal(size=(len(level), 20)) - 5).astype(np.float32)


def paired(lag=0, other=None, **config):
    made, recorded = LEVEL[12:112], LEVEL[12 - lag : 112 - lag] if other is None else other
    item = MelPair(log_mel=mel(made), target_log_mel=mel(recorded))
    return ParallelPairs(ParallelPairs.Config(**config), SPEC).apply([item])[0], item


@pytest.mark.parametrize("lag", [-2, 0, 1])
def test_what_goes_together_passes_as_it_came(lag):
    made, item = paired(lag)
    assert isinstance(made, Parallel)
    assert made.lag == lag
    assert made.agreement > 0.9
    assert made.log_mel is item.log_mel
    assert made.target_log_mel is item.target_log_mel


@pytest.mark.parametrize(
    ("lag", "words"), [(5, "the recording is 5 frames behind, want at most 2"), (-4, "4 frames ahead")]
)
def test_a_lag_is_refused(lag, words):
    made, _ = paired(lag)
    assert isinstance(made, Failure)
    assert words in made.reason


def test_another_text_is_refused():
    made, _ = paired(other=RNG.normal(size=100))
    assert isinstance(made, Failure)
    assert "levels agree by" in made.reason
    assert "want 0.5" in made.reason


def test_only_what_was_recorded_counts():
    _, item = paired()
    noisy = item.target_log_mel.copy()
    noisy[:, 10:] = 3 * RNG.normal(size=(100, 10)).cumsum(0)
    block = ParallelPairs(ParallelPairs.Config(), SPEC)
    whole, below = block.apply(
        [item.model_copy(update={"target_log_mel": noisy, "band_hz": hz}) for hz in (None, 1500.0)]
    )
    assert isinstance(whole, Failure) or whole.agreement < below.agreement
    assert below.agreement > 0.9


def test_a_few_frames_tell_nothing():
    item = MelPair(log_mel=mel(LEVEL[:9]), target_log_mel=mel(LEVEL[:9]))
    (made,) = ParallelPairs(ParallelPairs.Config(), SPEC).apply([item])
    assert "9 frames are too few" in made.reason


def test_the_correlation_is_that_of_numpy():
    one, other = RNG.normal(size=50), RNG.normal(size=50)
    assert correlation(one, other, 3) == pytest.approx(np.corrcoef(one[:47], other[3:])[0, 1])
    assert correlation(one, other, -4) == pytest.approx(np.corrcoef(one[4:], other[:46])[0, 1])
    assert correlation(np.ones(50), other, 0) == 0
