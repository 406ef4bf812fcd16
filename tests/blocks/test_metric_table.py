"""The table of means and paired tests, against SciPy, hand-made numbers and simulation."""

import numpy as np
import pytest
from scipy import stats

from blocks.metric.schema import Scores
from blocks.metric.table import TableOfScores, _portions, bootstrap, sign_flip
from blocks.spec import AudioSpec

FAST = dict(resamples=400, permutations=999)


def table(items, seed=0, **config):
    items = [Scores(scores=item) for item in items]
    return TableOfScores(TableOfScores.Config(**(FAST | config)), AudioSpec(), seed).reduce(items)


def rows(n=30, shift=0.5, seed=0):
    rng = np.random.default_rng(seed)
    base = 3 + rng.standard_normal(n)
    better = base + shift + 0.3 * rng.standard_normal(n)
    return [{"old": {"mos": a, "mcd": 9 - a}, "new": {"mos": b, "mcd": 9 - b}} for a, b in zip(base, better)]


def test_means_and_counts_by_hand():
    made = table([{"a": {"mos": 1.0}, "b": {"mos": 2.0}}, {"a": {"mos": 3.0}}, {"b": {"mos": 6.0, "cer": 5.0}}])
    assert made.systems == ["a", "b"]
    assert made.metrics == ["mos", "cer"]
    cells = {(row.system, row.metric): (row.n, row.mean, row.best) for row in made.means}
    assert cells == {("a", "mos"): (2, 2.0, False), ("b", "mos"): (2, 4.0, True), ("b", "cer"): (1, 5.0, True)}
    alone = made.means[-1]
    assert (alone.low, alone.high) == (None, None)


def test_differences_are_over_utterances_that_both_have():
    made = table([{"a": {"mos": 1.0}, "b": {"mos": 2.0}}, {"a": {"mos": 3.0}}, {"a": {"mos": 5.0}, "b": {"mos": 9.0}}])
    (row,) = made.differences
    assert (row.system, row.against, row.metric, row.n, row.mean) == ("b", "a", "mos", 2, 2.5)
    assert row.p == 0.5  # of the signs ++ -- +- -+ two are as far from zero


def test_lower_marks_the_smaller_mean_as_best():
    made = table(rows(), lower=("mcd",))
    assert {(row.system, row.metric): row.best for row in made.means} == {
        ("old", "mos"): False,
        ("new", "mos"): True,
        ("old", "mcd"): False,
        ("new", "mcd"): True,
    }
    assert made.lower == ["mcd"]


def test_a_baseline_is_compared_with_all_others_and_without_one_every_pair():
    items = [{name: {"mos": n + k} for n, name in enumerate("abc")} for k in range(3)]
    assert [(row.system, row.against) for row in table(items).differences] == [("b", "a"), ("c", "a"), ("c", "b")]
    assert [(row.system, row.against) for row in table(items, baseline="b").differences] == [("a", "b"), ("c", "b")]


def test_a_real_difference_is_found_and_its_interval_holds_it():
    row = next(row for row in table(rows(shift=0.5)).differences if row.metric == "mos")
    assert (row.system, row.against) == ("new", "old")
    assert 0 < row.low < 0.5 < row.high
    assert row.p == 0.001  # none of 999 patterns is as far


def test_the_bootstrap_agrees_with_scipy():
    values = np.random.default_rng(1).gamma(2.0, size=80)
    ours = bootstrap(values, 20000, np.random.default_rng(2))
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20000, method="percentile", rng=3).confidence_interval
    np.testing.assert_allclose(ours, theirs, atol=0.02 * values.std())


def test_about_95_of_100_intervals_hold_the_mean():
    rng = np.random.default_rng(4)
    held = [low <= 0 <= high for low, high in (bootstrap(rng.standard_normal(40), 400, rng) for _ in range(400))]
    assert 0.90 < np.mean(held) < 0.98


@pytest.mark.parametrize("count", [2, 5, 13])
def test_the_exact_test_agrees_with_scipy(count):
    gains = np.random.default_rng(count).standard_normal(count) + 0.4
    p = stats.permutation_test((gains,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    assert sign_flip(gains, 1, np.random.default_rng(0)) == pytest.approx(p)


def test_the_drawn_test_agrees_with_the_paired_t_test():
    gains = np.random.default_rng(5).standard_normal(60) + 0.25
    assert sign_flip(gains, 20000, np.random.default_rng(6)) == pytest.approx(
        stats.ttest_1samp(gains, 0).pvalue, abs=0.01
    )


def test_no_difference_at_all_has_p_1():
    for count in (3, 30):
        assert sign_flip(np.zeros(count), 99, np.random.default_rng(0)) == 1


def test_a_cell_stays_the_same_when_others_join_and_changes_with_the_seed():
    items = rows()
    more = [item | {"third": {"cer": 1.0 * n}} for n, item in enumerate(items)]
    small, large = table(items), table(more)
    assert [row for row in large.means if row.system != "third"] == small.means
    assert [row for row in large.differences if row.metric in ("mos", "mcd")] == small.differences
    assert table(items) == small
    assert table(items, seed=1).means[0].low != small.means[0].low


def test_draws_come_in_portions_that_fit():
    assert _portions(10, width=30, at_once=100) == [3, 3, 3, 1]
    assert _portions(2, width=1000, at_once=100) == [1, 1]


def test_the_table_survives_json():
    made = table(rows(), baseline="old", lower=("mcd",))
    assert type(made).model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize(
    ("items", "config", "message"),
    [
        ([], {}, "none of 0 rows has a score"),
        ([{"a": {"mos": 1.0}}], {"baseline": "b"}, "baseline: no row has a system 'b'; there is a"),
        ([{"a": {"mcd_db": 1.0}}], {"lower": ("mcd",)}, "lower: no row has a metric 'mcd'; did you mean 'mcd_db'?"),
        ([{"a": {"mos": float("nan")}}], {}, "row 1: mos of a is nan, wants a finite number"),
    ],
)
def test_what_cannot_be_tabled_is_said(items, config, message):
    with pytest.raises(ValueError, match="^" + message.replace("?", r"\?")):
        table(items, **config)
