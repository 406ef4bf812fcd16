"""Scores of every system with 95 % intervals, and paired tests between systems.

A score is a number of each utterance, or a count of errors (`Errors`). Numbers are averaged over the utterances that a system
has a score for; counts are added up first, errors over all words (corpus level), so that a long utterance counts for more than
a short one. Beside either stands the median of utterances, and beside counts how many of them are loops of the recogniser.
Intervals are percentile bootstraps over utterances. Two systems are compared over the utterances that both have: the
difference, its interval, and the p-value of a two-sided permutation test that exchanges the two systems in some utterances: all
ways of that are tried where there are no more of them than `permutations`. Both are SciPy's. No p-value is corrected for
the number of comparisons. Random draws are seeded by the seed, the metric, the systems and the group: a cell stays the same
when others are added. With a `group`, such as the speaker, each has such a table of its own beside that of all. Axes: U utterances.
"""

import zlib
from collections.abc import Iterable, Iterator
from itertools import combinations

import numpy as np
from pydantic import BaseModel, ConfigDict, PositiveInt

from blocks.base import BlockConfig, Reducer, Schema
from blocks.load import suggest
from blocks.metric.schema import Errors, Scores

_LEVEL = 0.95
_DRAWN_AT_ONCE = 2_000_000  # numbers, so that memory stays flat in U


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Mean(_Row):
    """One cell of the table. `low` and `high` are None for a single utterance, `loops` where nothing is counted."""

    system: str
    metric: str
    n: int
    mean: float  # of counts: errors over all that there is, in %
    low: float | None
    high: float | None
    median: float  # of utterances
    loops: int | None
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


class Group(_Row):
    """The table of the rows of one group."""

    name: str
    means: list[Mean]
    differences: list[Difference]


class Table(Schema):
    """Rows in the order in which systems, metrics and groups first appear."""

    systems: list[str]
    metrics: list[str]
    lower: list[str]  # the metrics where less is better
    means: list[Mean]
    differences: list[Difference]
    groups: list[Group]  # none where the rows have none


class Config(BlockConfig):
    baseline: str | None = None  # the system all others are compared with; None: every pair
    lower: tuple[str, ...] = ()  # metrics where less is better, to mark the best
    resamples: PositiveInt = 2000  # of a bootstrap
    permutations: PositiveInt = 10000  # of a test


class TableOfScores(Reducer[Config]):
    """Raises ValueError for a baseline or a metric that no row has, a score that is not finite, counts and numbers under one
    name, a group on some rows alone, or no scores at all."""

    tiny = Config(resamples=20, permutations=50)
    stochastic = True

    @classmethod
    def check_wiring(cls, config: Config, wired: dict) -> Iterator[tuple[tuple, str]]:
        """A baseline that is no system, and metrics in `lower` that no system has."""
        systems = wired.get("scores")
        if not isinstance(systems, dict):
            return
        if config.baseline is not None and config.baseline not in systems:
            yield ("baseline",), f"no system {config.baseline!r} is wired{suggest(config.baseline, list(systems))}"
        if not all(isinstance(metrics, dict) for metrics in systems.values()):
            return
        known = list(dict.fromkeys(metric for metrics in systems.values() for metric in metrics))
        for number, metric in enumerate(config.lower):
            if metric not in known:
                yield ("lower", number), f"no metric {metric!r} is wired{suggest(metric, known)}"

    def reduce(self, items: list[Scores]) -> Table:
        cells = _cells(items)
        systems = list(dict.fromkeys(system for system, _ in cells))
        metrics = list(dict.fromkeys(metric for _, metric in cells))
        _known([self.config.baseline] if self.config.baseline else [], systems, "baseline", "system")
        _known(self.config.lower, metrics, "lower", "metric")
        groups = []
        for name, rows in _groups(items).items():
            own = {
                cell: some
                for cell, scores in cells.items()
                if (some := {row: scores[row] for row in rows if row in scores})
            }
            groups.append(Group(name=name, **self._rows(own, systems, metrics, name)))
        return Table(
            systems=systems,
            metrics=metrics,
            lower=[metric for metric in metrics if metric in self.config.lower],
            groups=groups,
            **self._rows(cells, systems, metrics),
        )

    def _rows(self, cells: dict, systems: list[str], metrics: list[str], *group: str) -> dict[str, list]:
        pairs = [
            (system, against, metric)
            for metric in metrics
            for system, against in self._pairs(systems)
            if cells.keys() >= {(system, metric), (against, metric)}
            and cells[system, metric].keys() & cells[against, metric].keys()
        ]
        return dict(
            means=self._means(cells, metrics, *group),
            differences=[self._difference(cells, *pair, *group) for pair in pairs],
        )

    def _pairs(self, systems: list[str]) -> list[tuple[str, str]]:
        baseline = self.config.baseline
        if baseline is None:
            return [(system, against) for against, system in combinations(systems, 2)]
        return [(system, baseline) for system in systems if system != baseline]

    def _means(self, cells: dict, metrics: list[str], *group: str) -> list[Mean]:
        tables = {cell: _table(list(scores.values())) for cell, scores in cells.items()}
        means = {cell: float(mean(table)) for cell, table in tables.items()}
        best = {
            metric: (min if metric in self.config.lower else max)(found)
            for metric in metrics
            if (found := [mean for (_, of), mean in means.items() if of == metric])
        }
        rows = []
        for (system, metric), table in tables.items():
            low, high = self._interval(table, None, metric, system, *group)
            scores = cells[system, metric].values()
            counts = [score for score in scores if isinstance(score, Errors)]
            rows.append(
                Mean(
                    system=system,
                    metric=metric,
                    n=len(scores),
                    mean=means[system, metric],
                    low=low,
                    high=high,
                    median=float(np.median(table[0] / table[1])),
                    loops=sum(count.loop for count in counts) if counts else None,
                    best=means[system, metric] == best[metric],
                )
            )
        return rows

    def _difference(self, cells: dict, system: str, against: str, metric: str, *group: str) -> Difference:
        mine, theirs = cells[system, metric], cells[against, metric]
        shared = [row for row in mine if row in theirs]
        mine, theirs = _table([mine[row] for row in shared]), _table([theirs[row] for row in shared])
        low, high = self._interval(mine, theirs, metric, system, against, *group)
        return Difference(
            system=system,
            against=against,
            metric=metric,
            n=len(shared),
            mean=float(mean(mine) - mean(theirs)),
            low=low,
            high=high,
            p=exchanged(mine, theirs, self.config.permutations, self._random("test", metric, system, against, *group)),
        )

    def _interval(self, mine, theirs, *names: str) -> tuple[float | None, float | None]:
        if mine.shape[1] < 2:
            return None, None
        return bootstrap(mine, theirs, self.config.resamples, self._random("interval", *names))

    def _random(self, *names: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, *(zlib.crc32(name.encode()) for name in names)])


def _cells(items: list[Scores]) -> dict[tuple[str, str], dict[int, float | Errors]]:
    """``cells[system, metric][row]`` of every score, systems and metrics in the order of their first appearance."""
    cells: dict[tuple[str, str], dict[int, float | Errors]] = {}
    kinds: dict[str, type] = {}
    for row, item in enumerate(items):
        for system, scores in item.scores.items():
            for metric, score in scores.items():
                if not isinstance(score, Errors) and not np.isfinite(score):
                    raise ValueError(f"row {row + 1}: {metric} of {system} is {score}, wants a finite number")
                if kinds.setdefault(metric, type(score)) is not type(score):
                    raise ValueError(
                        f"row {row + 1}: {metric} of {system} is a {'count' if isinstance(score, Errors) else 'number'}, "
                        "and was not before: wants one kind under one name"
                    )
                cells.setdefault((system, metric), {})[row] = score
    if not cells:
        raise ValueError(f"none of {len(items)} rows has a score: wants at least one system with one metric")
    return cells


def _groups(items: list[Scores]) -> dict[str, list[int]]:
    """The rows of each group, by its name."""
    found: dict[str, list[int]] = {}
    for row, item in enumerate(items):
        if item.group is not None:
            found.setdefault(str(item.group), []).append(row)
    if found and (without := [row + 1 for row, item in enumerate(items) if item.group is None]):
        raise ValueError(
            f"group: {len(without)} of {len(items)} rows have none (the first is row {without[0]}): want all or none"
        )
    return found


def _known(wanted: Iterable[str], there: list[str], key: str, what: str) -> None:
    for name in wanted:
        if name not in there:
            raise ValueError(f"{key}: no row has a {what} {name!r}{suggest(name, there)}")


# ---- statistics: a number is a count of itself over one, so that both are sums over sums ----


def _table(scores: list[float | Errors]) -> np.ndarray:
    """float (2, U): what is added up, errors in %, and what it is over."""
    pairs = [(100.0 * s.errors, s.of) if isinstance(s, Errors) else (s, 1.0) for s in scores]
    return np.array(pairs, float).T


def mean(table: np.ndarray) -> np.ndarray:
    """Sum over sum of (2, ..., U)."""
    return table[0].sum(axis=-1) / table[1].sum(axis=-1)


def bootstrap(
    mine: np.ndarray, theirs: np.ndarray | None, resamples: int, random: np.random.Generator
) -> tuple[float, float]:
    """Percentile interval of the mean of (2, U), or of the difference of two, from draws of U utterances with replacement."""
    from scipy import stats

    def statistic(rows, axis=-1):
        rows = rows.astype(int)
        return mean(mine[:, rows]) - (0.0 if theirs is None else mean(theirs[:, rows]))

    count = mine.shape[1]
    found = stats.bootstrap(
        (np.arange(count),), statistic, n_resamples=resamples, batch=max(1, _DRAWN_AT_ONCE // count), vectorized=True,
        confidence_level=_LEVEL, method="percentile", rng=random,
    ).confidence_interval  # fmt: skip
    return float(found.low), float(found.high)


def exchanged(mine: np.ndarray, theirs: np.ndarray, permutations: int, random: np.random.Generator) -> float:
    """Two-sided p-value of two (2, U) under the hypothesis that in every utterance they could as well be exchanged."""
    from scipy import stats

    count = mine.shape[1]
    if count < 2 or np.array_equal(mine, theirs):
        return 1.0  # exchanging changes nothing but the sign
    both = np.concatenate([mine, theirs], axis=1)

    def statistic(one, other, axis=-1):
        return mean(both[:, one.astype(int)]) - mean(both[:, other.astype(int)])

    return float(
        stats.permutation_test(
            (np.arange(count), np.arange(count, 2 * count)), statistic, permutation_type="samples", vectorized=True,
            n_resamples=permutations, batch=max(1, _DRAWN_AT_ONCE // count), rng=random,
        ).pvalue
    )  # fmt: skip
