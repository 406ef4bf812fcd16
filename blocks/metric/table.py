"""Means of every metric for every system with 95 % intervals, and paired tests between systems.

Means are over the utterances a system has a score for, with a percentile bootstrap interval over utterances.
Two systems are compared over the utterances that both have: the mean difference, its percentile bootstrap interval,
and the p-value of a two-sided sign-flip permutation test, exact up to 13 utterances and drawn at random beyond. No
p-value is corrected for the number of comparisons. Random draws are seeded by the seed, the metric and the systems:
a cell stays the same when another system or metric is added. Axes: U utterances.
"""

import zlib
from collections.abc import Iterable
from itertools import combinations

import numpy as np
from pydantic import BaseModel, ConfigDict, PositiveInt

from blocks.base import BlockConfig, Reducer, Schema
from blocks.load import suggest
from blocks.metric.schema import Scores

_LEVEL = 0.95
_EXACT = 13  # utterances whose 2^U sign patterns are all tried
_DRAWN_AT_ONCE = 2_000_000  # numbers, so that memory stays flat in U


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Mean(_Row):
    """One cell of the table. `low` and `high` are None for a single utterance."""

    system: str
    metric: str
    n: int
    mean: float
    low: float | None
    high: float | None
    best: bool  # no other system's mean is better


class Difference(_Row):
    """`system` minus `against`, over the `n` utterances that both have."""

    system: str
    against: str
    metric: str
    n: int
    mean: float
    low: float | None
    high: float | None
    p: float


class Table(Schema):
    """Rows in the order in which systems and metrics first appear."""

    systems: list[str]
    metrics: list[str]
    lower: list[str]  # the metrics where less is better
    means: list[Mean]
    differences: list[Difference]


class Config(BlockConfig):
    baseline: str | None = None  # the system all others are compared with; None: every pair
    lower: tuple[str, ...] = ()  # metrics where less is better, to mark the best
    resamples: PositiveInt = 2000  # of a bootstrap
    permutations: PositiveInt = 10000  # of a test


class TableOfScores(Reducer[Config]):
    """Raises ValueError for a baseline or a metric that no row has, a score that is not finite, or no scores at all."""

    tiny = Config(resamples=20, permutations=50)
    stochastic = True

    def reduce(self, items: list[Scores]) -> Table:
        cells = _cells(items)
        systems = list(dict.fromkeys(system for system, _ in cells))
        metrics = list(dict.fromkeys(metric for _, metric in cells))
        _known([self.config.baseline] if self.config.baseline else [], systems, "baseline", "system")
        _known(self.config.lower, metrics, "lower", "metric")
        return Table(
            systems=systems,
            metrics=metrics,
            lower=[metric for metric in metrics if metric in self.config.lower],
            means=self._means(cells, metrics),
            differences=[
                self._difference(cells, system, against, metric)
                for metric in metrics
                for system, against in self._pairs(systems)
                if cells.keys() >= {(system, metric), (against, metric)}
                and cells[system, metric].keys() & cells[against, metric].keys()
            ],
        )

    def _pairs(self, systems: list[str]) -> list[tuple[str, str]]:
        baseline = self.config.baseline
        if baseline is None:
            return [(system, against) for against, system in combinations(systems, 2)]
        return [(system, baseline) for system in systems if system != baseline]

    def _means(self, cells: dict, metrics: list[str]) -> list[Mean]:
        means = {cell: float(np.mean(list(scores.values()))) for cell, scores in cells.items()}
        best = {
            metric: (min if metric in self.config.lower else max)(
                mean for (_, of), mean in means.items() if of == metric
            )
            for metric in metrics
        }
        rows = []
        for (system, metric), scores in cells.items():
            low, high = self._interval(np.array(list(scores.values())), metric, system)
            mean = means[system, metric]
            rows.append(
                Mean(
                    system=system,
                    metric=metric,
                    n=len(scores),
                    mean=mean,
                    low=low,
                    high=high,
                    best=mean == best[metric],
                )
            )
        return rows

    def _difference(self, cells: dict, system: str, against: str, metric: str) -> Difference:
        mine, theirs = cells[system, metric], cells[against, metric]
        gains = np.array([score - theirs[row] for row, score in mine.items() if row in theirs])
        low, high = self._interval(gains, metric, system, against)
        p = sign_flip(gains, self.config.permutations, self._random("test", metric, system, against))
        return Difference(
            system=system,
            against=against,
            metric=metric,
            n=len(gains),
            mean=float(gains.mean()),
            low=low,
            high=high,
            p=p,
        )

    def _interval(self, values: np.ndarray, *names: str) -> tuple[float | None, float | None]:
        if len(values) < 2:
            return None, None
        return bootstrap(values, self.config.resamples, self._random("interval", *names))

    def _random(self, *names: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, *(zlib.crc32(name.encode()) for name in names)])


def _cells(items: list[Scores]) -> dict[tuple[str, str], dict[int, float]]:
    """``cells[system, metric][row]`` of every score, systems and metrics in the order of their first appearance."""
    cells: dict[tuple[str, str], dict[int, float]] = {}
    for row, item in enumerate(items):
        for system, scores in item.scores.items():
            for metric, score in scores.items():
                if not np.isfinite(score):
                    raise ValueError(f"row {row + 1}: {metric} of {system} is {score}, wants a finite number")
                cells.setdefault((system, metric), {})[row] = score
    if not cells:
        raise ValueError(f"none of {len(items)} rows has a score: wants at least one system with one metric")
    return cells


def _known(wanted: Iterable[str], there: list[str], key: str, what: str) -> None:
    for name in wanted:
        if name not in there:
            raise ValueError(f"{key}: no row has a {what} {name!r}{suggest(name, there)}")


def bootstrap(values: np.ndarray, resamples: int, random: np.random.Generator) -> tuple[float, float]:
    """Percentile interval of the mean of float (U,) from `resamples` draws of U with replacement."""
    means = [
        values[random.integers(len(values), size=(some, len(values)))].mean(axis=1)
        for some in _portions(resamples, len(values))
    ]
    low, high = np.quantile(np.concatenate(means), [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)


def sign_flip(differences: np.ndarray, permutations: int, random: np.random.Generator) -> float:
    """Two-sided p-value of float (U,) under the hypothesis that every difference could as well have its other sign.

    The share of sign patterns whose mean is at least as far from zero as the one observed; drawn patterns count the
    observed one in, so that p is never zero.
    """
    count = len(differences)
    observed = abs(differences.mean()) * (1 - 1e-9)  # equal up to rounding is equal
    if count <= _EXACT:
        signs = 1 - 2 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
        return float(np.mean(np.abs((signs * differences).mean(axis=1)) >= observed))
    as_far = sum(
        int((np.abs(((1 - 2 * random.integers(2, size=(some, count))) * differences).mean(axis=1)) >= observed).sum())
        for some in _portions(permutations, count)
    )
    return (1 + as_far) / (1 + permutations)


def _portions(total: int, width: int, at_once: int = _DRAWN_AT_ONCE) -> list[int]:
    """`total` rows of `width` numbers in portions of at most `at_once` numbers, or of one row."""
    size = max(1, at_once // width)
    return [min(size, total - done) for done in range(0, total, size)]
