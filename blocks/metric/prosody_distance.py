"""How far the prosody of several systems lies from that of recordings, and how much of the gap each closes.

Of each of six statistics of an utterance (`features.prosody_statistics`) the Wasserstein distance between a system's distribution and
that of the recordings, in units of the standard deviation of the recordings; their mean is the system's distance. With a `lower_anchor` and
`upper_anchors`, the gap closed is (lower - system) / (lower - upper): 100 % is as near as the upper anchor; one that is the recordings
themselves lies at 0. Ribeiro et al. 2022 tell the gap so, of listeners' scores, with the conversions and the recordings as upper anchors.
Only utterances that all systems have are counted. Intervals are percentile bootstraps over these (SciPy's).
"""

import numpy as np
from pydantic import BaseModel, ConfigDict, PositiveInt

from blocks.arrays import ProsodyStatistics
from blocks.base import BadItem, BlockConfig, Reducer, Schema
from blocks.load import suggest

NAMES = ("log-F0 mean", "log-F0 deviation", "log-F0 range", "level deviation", "phones a second", "pauses")
_LEVEL = 0.95
_FEWEST = 2  # utterances with a distribution


class Utterance(Schema):
    prosody: dict[str, ProsodyStatistics]  # of an utterance, by system


class Distance(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    system: str
    distance: float  # mean over the statistics, in deviations of the recordings
    low: float
    high: float
    statistics: dict[str, float]  # of each alone


class Closed(BaseModel):
    """`percent` of the gap; none where both anchors are equally far, or the upper one is farther."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    system: str
    upper_anchor: str
    percent: float | None
    low: float | None
    high: float | None


class Distances(Schema):
    utterances: int
    distances: list[Distance]
    closed: list[Closed]


class Config(BlockConfig):
    reference: str = "recordings"  # the system that the others are held against
    lower_anchor: str | None = None
    upper_anchors: tuple[str, ...] = ()
    resamples: PositiveInt = 500


class ProsodyDistance(Reducer[Config]):
    """Raises BadItem for fewer than two utterances that all systems have, and for a system that is not wired."""

    tiny = Config(resamples=10)
    paper = "Ribeiro et al. 2022 (the gap); the distances are ours"
    stochastic = True

    @classmethod
    def check_wiring(cls, config: Config, wired: dict):
        """Systems that the settings name and nothing is wired to."""
        systems = wired.get("prosody")
        if isinstance(systems, dict):
            named = [(("reference",), config.reference), (("lower_anchor",), config.lower_anchor)]
            named += [(("upper_anchors", number), name) for number, name in enumerate(config.upper_anchors)]
            for path, name in named:
                if name is not None and name not in systems:
                    yield path, f"no system {name!r} is wired{suggest(name, list(systems))}"

    def reduce(self, items: list[Utterance]) -> Distances:
        systems = list(dict.fromkeys(name for item in items for name in item.prosody))
        whole = [item.prosody for item in items if len(item.prosody) == len(systems)]
        if len(whole) < _FEWEST:
            raise BadItem(
                f"{len(whole)} of {len(items)} utterances have all of {', '.join(systems)}: want {_FEWEST} at least"
            )
        spoken = {name: np.stack([each[name] for each in whole]).astype(np.float64) for name in systems}
        table = self._distances(spoken)
        found = self._resampled(spoken, {name: row.mean() for name, row in table.items()})
        distances = [
            Distance(
                system=name,
                distance=float(values[0]),
                **_interval(values[1:]),
                statistics=dict(zip(NAMES, map(float, table[name]), strict=True)),
            )
            for name, values in found.items()
        ]
        return Distances(utterances=len(whole), distances=distances, closed=self._closed(found))

    def _resampled(self, spoken: dict[str, np.ndarray], of_all: dict[str, float]) -> dict[str, np.ndarray]:
        """The distance of each system by all utterances, then by each draw of a bootstrap over these, the same for all systems."""
        from scipy.stats import bootstrap

        def distances(draws_RU: np.ndarray, axis: int) -> np.ndarray:
            tables = (
                self._distances({name: rows[draw] for name, rows in spoken.items()}) for draw in draws_RU.astype(int)
            )
            return np.array([[table[name].mean() for name in of_all] for table in tables]).T

        utterances = np.arange(len(next(iter(spoken.values()))))
        drawn = bootstrap(
            (utterances,), distances, n_resamples=self.config.resamples, vectorized=True, method="percentile",
            rng=np.random.default_rng(self.seed),
        ).bootstrap_distribution  # fmt: skip
        return {name: np.append(of_all[name], rows) for name, rows in zip(of_all, drawn, strict=True)}

    def _distances(self, spoken: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        from scipy.stats import wasserstein_distance

        if self.config.reference not in spoken:
            raise BadItem(f"no system {self.config.reference!r}{suggest(self.config.reference, list(spoken))}")
        wanted = spoken[self.config.reference]
        spread = np.maximum(wanted.std(0), 1e-3)
        return {
            name: np.array([wasserstein_distance(rows[:, k], wanted[:, k]) for k in range(len(NAMES))]) / spread
            for name, rows in spoken.items()
        }

    def _closed(self, found: dict[str, np.ndarray]) -> list[Closed]:
        """Of each system that is neither lower anchor nor recordings, for each upper anchor that is another."""
        made, lower = [], self.config.lower_anchor
        if lower is None:
            return made
        for name in found:
            for upper_anchor in self.config.upper_anchors:
                if name in (lower, upper_anchor, self.config.reference):
                    continue
                gap = found[lower] - found[upper_anchor]
                with np.errstate(divide="ignore", invalid="ignore"):
                    percent = np.where(gap > 0, 100 * (found[lower] - found[name]) / gap, np.nan)
                drawn = percent[1:][np.isfinite(percent[1:])]
                there = bool(np.isfinite(percent[0]) and len(drawn))
                bounds = _interval(drawn) if there else {"low": None, "high": None}
                made.append(
                    Closed(
                        system=name, upper_anchor=upper_anchor, percent=float(percent[0]) if there else None, **bounds
                    )
                )
        return made


def _interval(values: np.ndarray) -> dict[str, float]:
    low, high = np.quantile(values, ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2))
    return {"low": float(low), "high": float(high)}
