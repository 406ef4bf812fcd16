"""The global batch plan: which items every step trains on, from lengths, groups and seed alone.

It does not depend on the number of processes, every rank has the same number of steps, and any step is found
without walking to it. Items of one length bucket share a batch, so that padding is bounded and shapes repeat.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from blocks.training import bucket


@dataclass(frozen=True)
class Part:
    """One rank's part of one global batch: positions in the list of items."""

    indices: tuple[int, ...]
    length: int  # of the bucket
    size: int  # items every rank pads its part to
    share: float  # this part's weight, so that shares average to 1 over the ranks


class BatchPlan:
    """`lengths` of the items, `budget` in the same unit for a padded batch, at most `most` items in it.

    An epoch holds every item once. With a `balance` above 0 the `groups` of the items are drawn with p ~ n ** (1 - balance)
    where n is how many items a group has: in an epoch of about as many items those of rare groups come several times.

    Raises ValueError where there are no items, or one is longer than the whole budget.
    """

    def __init__(
        self,
        lengths: list[int],
        seed: int,
        budget: int,
        most: int,
        names: list[str] | None = None,
        groups: list[str] | None = None,
        balance: float = 0.0,
    ):
        if not lengths:
            raise ValueError("no items to train on")
        if (longest := max(lengths)) > budget:
            name = names[lengths.index(longest)] if names else f"item {lengths.index(longest)}"
            raise ValueError(
                f"{name} is {longest} frames long, but max_frames is {budget}: raise it, or leave long items out"
            )
        self.lengths, self.seed, self.budget, self.most = lengths, seed, budget, most
        self.weights = _weights(groups, balance) if groups and balance else None

    @cached_property
    def buckets(self) -> dict[int, list[int]]:
        """Padded length -> positions of the items padded to it."""
        found: dict[int, list[int]] = {}
        for index, length in enumerate(self.lengths):
            found.setdefault(min(bucket(length), self.budget), []).append(index)
        return dict(sorted(found.items()))

    def items_of(self, length: int) -> int:
        """Items of a full batch of that bucket."""
        return max(1, min(self.budget // length, self.most))

    @cached_property
    def draws(self) -> dict[int, int]:
        """Padded length -> how many items of that bucket an epoch draws: the same in every epoch, and at least one."""
        if self.weights is None:
            return {length: len(found) for length, found in self.buckets.items()}
        return {length: max(1, round(self.weights[found].sum())) for length, found in self.buckets.items()}

    @cached_property
    def steps_per_epoch(self) -> int:
        return sum(-(-drawn // self.items_of(length)) for length, drawn in self.draws.items())

    @cached_property
    def waste(self) -> float:
        """Share of padding in what is computed."""
        padded = [min(bucket(length), self.budget) for length in self.lengths]
        return 1 - float(np.average(self.lengths, weights=self.weights) / np.average(padded, weights=self.weights))

    def epoch_of(self, step: int) -> int:
        return (step - 1) // self.steps_per_epoch

    def part(self, step: int, rank: int = 0, world: int = 1) -> Part:
        """What `rank` of `world` trains on at `step` (from 1)."""
        indices, length = self._epoch(self.epoch_of(step))[(step - 1) % self.steps_per_epoch]
        mine = indices[rank::world]
        whole = sum(self.lengths[index] for index in indices)
        share = world * sum(self.lengths[index] for index in mine) / whole
        # A rank without an item works on somebody's with no weight: every rank takes part in every step.
        return Part(mine or indices[:1], length, -(-self.items_of(length) // world), share)

    @lru_cache(maxsize=2)  # noqa: B019  a plan lives as long as its training
    def _epoch(self, epoch: int) -> list[tuple[tuple[int, ...], int]]:
        rng = np.random.default_rng([self.seed, epoch])
        batches = []
        for length, found in self.buckets.items():
            order = rng.permutation(found)
            if self.weights is not None:
                order = rng.permutation(_drawn(order, self.weights[order], self.draws[length], rng))
            size = self.items_of(length)
            batches += [(tuple(order[at : at + size].tolist()), length) for at in range(0, len(order), size)]
        return [batches[index] for index in rng.permutation(len(batches))]


def _weights(groups: list[str], balance: float) -> np.ndarray:
    """How often each item is drawn in an epoch, on average: as many draws as there are items."""
    sizes = Counter(groups)
    weights = np.array([sizes[group] for group in groups]) ** -balance
    return weights * (len(groups) / weights.sum())


def _drawn(items: np.ndarray, weights: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` of the items, each as often as its share of the weights says, but for a rounding up or down."""
    edges = np.cumsum(weights) * (count / weights.sum())
    points = rng.random() + np.arange(count)
    return items[np.searchsorted(edges[:-1], points, side="right")]
