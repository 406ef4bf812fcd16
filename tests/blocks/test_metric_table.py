"""The table of scores and paired tests, against SciPy, hand-made numbers and simulation."""

import numpy as np
import pytest
from scipy import stats

from blocks.metric.schema import Errors, Scores
from blocks.metric.table import TableOfScores, _table, bootstrap, exchanged
from blocks.spec import AudioSpec

FAST = dict(resamples=400, permutations=999)


def table(items, seed=0, groups=None, **config):
    items = [Scores(scores=item, group=group) for item, group in zip(items, groups or [None] * len(items))]
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
    assert row.p == 0.002  # none of 999 is as far, on either side


def numbers(values):
    return _table(list(values))


def test_the_bootstrap_of_numbers_is_scipys():
    values = np.random.default_rng(1).gamma(2.0, size=80)
    ours = bootstrap(numbers(values), None, 20000, np.random.default_rng(2))
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20000, method="percentile", rng=3).confidence_interval
    np.testing.assert_allclose(ours, theirs, atol=0.02 * values.std())


def test_about_95_of_100_intervals_hold_the_mean():
    rng = np.random.default_rng(4)
    held = [
        low <= 0 <= high
        for low, high in (bootstrap(numbers(rng.standard_normal(40)), None, 400, rng) for _ in range(400))
    ]
    assert 0.90 < np.mean(held) < 0.98


@pytest.mark.parametrize("count", [2, 5, 13])
def test_the_exact_test_of_numbers_is_that_of_all_signs(count):
    gains = np.random.default_rng(count).standard_normal(count) + 0.4
    signs = 1 - 2 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
    p = np.mean(np.abs((signs * gains).mean(axis=1)) >= abs(gains.mean()) * (1 - 1e-9))
    tables = numbers(gains + 3), numbers(np.full(count, 3.0))
    assert exchanged(*tables, 10000, np.random.default_rng(0)) == pytest.approx(p)


def test_the_drawn_test_agrees_with_the_paired_t_test():
    gains = np.random.default_rng(5).standard_normal(60) + 0.25
    found = exchanged(numbers(gains), numbers(np.zeros(60)), 20000, np.random.default_rng(6))
    assert found == pytest.approx(stats.ttest_1samp(gains, 0).pvalue, abs=0.01)


def test_no_difference_at_all_has_p_1():
    for count in (1, 3, 30):
        same = numbers(np.arange(count))
        assert exchanged(same, same, 99, np.random.default_rng(0)) == 1
    assert exchanged(numbers([1.0]), numbers([2.0]), 99, np.random.default_rng(0)) == 1, "one row shows nothing"


# ---- counts ----


def counts(*pairs, loops=()):
    return [Errors(errors=errors, of=of, loop=row in loops) for row, (errors, of) in enumerate(pairs)]


def test_counts_are_added_up_before_they_are_divided():
    items = [{"a": {"WER": count}} for count in counts((0, 18), (1, 1), (1, 1), loops=[2])]
    (row,) = table(items, lower=("WER",)).means
    assert (row.n, row.mean, row.median, row.loops) == (3, 10.0, 100.0, 1)
    assert row.low < 10 < row.high
    number = table([{"a": {"mos": 3.0}}]).means[0]
    assert (number.mean, number.median, number.loops) == (3.0, 3.0, None)


def test_the_bootstrap_of_counts_is_scipys_of_a_ratio():
    rng = np.random.default_rng(7)
    of = rng.integers(1, 30, 60)
    errors = rng.binomial(of, 0.2)
    ours = bootstrap(_table(counts(*zip(errors.tolist(), of.tolist()))), None, 20000, np.random.default_rng(8))
    theirs = stats.bootstrap(
        (errors, of), lambda e, n, axis: 100 * e.sum(axis) / n.sum(axis), n_resamples=20000, paired=True,
        method="percentile", rng=9,
    ).confidence_interval  # fmt: skip
    np.testing.assert_allclose(ours, theirs, atol=0.3)


def test_counts_are_compared_over_all_words_of_the_rows_that_both_have():
    mine = counts((2, 10), (0, 20), (9, 9))
    theirs = counts((5, 10), (4, 20))
    items = [{"a": {"WER": one}} for one in mine]
    for item, other in zip(items, theirs):
        item["b"] = {"WER": other}
    (row,) = table(items).differences
    assert (row.system, row.n) == ("b", 2)
    assert row.mean == pytest.approx(30 - 100 * 2 / 30)
    assert row.p == 0.5  # of the four ways to exchange two rows, two are as far apart


def test_a_test_of_counts_finds_what_is_there_and_nothing_else():
    rng = np.random.default_rng(10)
    of = rng.integers(3, 30, 80)
    worse, better, also = (counts(*zip(rng.binomial(of, share).tolist(), of.tolist())) for share in (0.3, 0.2, 0.3))
    made = table([{"x": {"WER": a}, "y": {"WER": b}, "z": {"WER": c}} for a, b, c in zip(worse, better, also)])
    p = {(row.system, row.against): row.p for row in made.differences}
    assert p["y", "x"] < 0.01
    assert p["z", "x"] > 0.05


# ---- groups ----


def test_each_group_has_a_table_of_its_own_beside_that_of_all():
    items = rows(12)
    names = ["ann", "bob", "cid"] * 4
    made = table(items, groups=names, lower=("mcd",))
    assert [group.name for group in made.groups] == ["ann", "bob", "cid"]
    whole = table(items, lower=("mcd",))
    assert (made.means, made.differences) == (whole.means, whole.differences)
    assert whole.groups == []
    for group in made.groups:
        alone = table([item for item, name in zip(items, names) if name == group.name], lower=("mcd",))
        assert [(row.system, row.n, row.mean, row.best) for row in group.means] == [
            (row.system, row.n, row.mean, row.best) for row in alone.means
        ]
        assert [(row.mean, row.p) for row in group.differences] == [(row.mean, row.p) for row in alone.differences]


def test_a_group_may_lack_a_system_and_be_a_number():
    made = table([{"a": {"mos": 1.0}}, {"a": {"mos": 2.0}, "b": {"mos": 3.0}}], groups=[1, 2], baseline="a")
    one, two = made.groups
    assert (one.name, [row.system for row in one.means], one.differences) == ("1", ["a"], [])
    assert [(row.system, row.against) for row in two.differences] == [("b", "a")]


def test_a_cell_stays_the_same_when_others_join_and_changes_with_the_seed():
    items = rows()
    more = [item | {"third": {"cer": 1.0 * n}} for n, item in enumerate(items)]
    small, large = table(items), table(more)
    assert [row for row in large.means if row.system != "third"] == small.means
    assert [row for row in large.differences if row.metric in ("mos", "mcd")] == small.differences
    assert table(items) == small
    assert table(items, seed=1).means[0].low != small.means[0].low


def test_the_table_survives_json():
    made = table(rows(), groups=["x", "y"] * 15, baseline="old", lower=("mcd",))
    assert type(made).model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize(
    ("items", "config", "message"),
    [
        ([], {}, "none of 0 rows has a score"),
        ([{"a": {"mos": 1.0}}], {"baseline": "b"}, "baseline: no row has a system 'b'; there is a"),
        ([{"a": {"mcd_db": 1.0}}], {"lower": ("mcd",)}, "lower: no row has a metric 'mcd'; did you mean 'mcd_db'?"),
        ([{"a": {"mos": float("nan")}}], {}, "row 1: mos of a is nan, wants a finite number"),
        (
            [{"a": {"WER": 1.0}}, {"a": {"WER": Errors(errors=0, of=1)}}],
            {},
            "row 2: WER of a is a count, and was not before: wants one kind under one name",
        ),
        ([{"a": {"mos": 1.0}}] * 2, {"groups": ["x", None]}, r"group: 1 of 2 rows have none \(the first is row 2\)"),
    ],
)
def test_what_cannot_be_tabled_is_said(items, config, message):
    with pytest.raises(ValueError, match="^" + message.replace("?", r"\?")):
        table(items, **config)
