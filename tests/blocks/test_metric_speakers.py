"""The scale of speaker similarity, by hand, beside plain loops and beside what normal distributions must give."""

import itertools

import numpy as np
import pytest
from scipy import stats

from blocks.metric.equal_error_rate import EqualErrorRate, Trial, _curves, _spread
from blocks.spec import AudioSpec


def scale(*rows):
    items = [Trial(embedding=np.asarray(vector, np.float32), speaker=speaker) for speaker, vector in rows]
    return EqualErrorRate(EqualErrorRate.tiny, AudioSpec()).reduce(items)


def at(degrees):
    return np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))])


def test_pairs_by_hand():
    made = scale(("ann", at(0)), ("bob", at(90)), ("ann", 3 * at(60)), ("bob", at(90)))
    assert made.voices == 2
    assert (made.same_low, made.same_high) == pytest.approx((0.5, 1))
    assert made.same == pytest.approx((np.cos(np.pi / 3) + 1) / 2)
    assert made.different == pytest.approx((0 + np.cos(np.pi / 6)) / 2, abs=1e-6)
    assert made.equal_error_rate == 50  # ann's pair lies below those of her second row with bob


def test_voices_apart_make_no_error_and_one_voice_under_two_names_half_of_all():
    apart = scale(*[("ann", at(n)) for n in range(4)], *[("bob", at(90 + n)) for n in range(4)])
    assert apart.equal_error_rate == 0
    assert apart.different_high < apart.threshold <= apart.same_low
    rng = np.random.default_rng(0)
    alike = scale(*[(name, rng.standard_normal(8)) for name in "ab" for _ in range(60)])
    assert alike.equal_error_rate == pytest.approx(50, abs=5)


def test_each_speaker_counts_alike():
    """Of two speakers one is told apart always and one never, and has many more rows."""
    few = [("few", at(200 + n)) for n in range(3)]
    many = [("many", at(n)) for n in np.linspace(0, 90, 40)]
    made = scale(*few, *many)
    means = {
        name: np.mean([a @ b for (_, a), (_, b) in itertools.combinations(rows, 2)])
        for name, rows in (("few", few), ("many", many))
    }
    assert made.same == pytest.approx(np.mean(list(means.values())), abs=1e-5)


def test_of_two_normal_distributions_the_rate_and_the_spread_are_known():
    rng = np.random.default_rng(1)
    scores = np.concatenate([rng.normal(0.7, 0.1, 20000), rng.normal(0.4, 0.1, 20000)])
    missed, taken, at = _curves(scores, np.arange(40000) < 20000, np.ones(40000))
    best = np.argmin(np.abs(missed - taken))
    assert missed[best] == pytest.approx(stats.norm.sf(1.5), abs=0.004)
    assert at[best] == pytest.approx(0.55, abs=0.01)
    spread = _spread("same", scores[:20000], np.ones(20000))
    assert spread["same_low"] == pytest.approx(0.7 - 0.1645, abs=0.005)
    assert spread["same_high"] == pytest.approx(0.7 + 0.1645, abs=0.005)
