"""The global batch plan of a large table: read in long runs of rows, shuffled in windows that a disk cache holds.

`BatchPlan` draws every batch from the whole table, so that each of its items lies in another shard. Here an epoch is the runs of
the table in a shuffled order; `WINDOW` items of these at a time make a window, within which items of one length bucket share
batches, and the batches are shuffled: what Lhotse's DynamicBucketingSampler does of its buffer. Lhotse's own is not used: it walks
to a step (a resumed training would draw all batches before it), wants cuts, and would bring torch to the planner. Like
`BatchPlan`, this one is found from a step's number, and does not depend on the number of processes.
"""

from functools import lru_cache

import numpy as np

from blocks.training import bucket
from runner.fit.batches import Part

RUN = 512  # rows that stand side by side in the table, in the order of an epoch
WINDOW = 16 * RUN  # items that are shuffled together


class WindowPlan:
    """`lengths` and `groups` (numbers, one for each group) of the items; the rest as in `BatchPlan`.

    A window ends with a batch of each bucket that is not full, and what ends so is drawn anew in each epoch: one has a few
    steps more or fewer than the next.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        seed: int,
        budget: int,
        most: int,
        names=None,
        groups: np.ndarray | None = None,
        balance: float = 0.0,
    ):
        if not len(lengths):
            raise ValueError("no items to train on")
        if (longest := int(lengths.max())) > budget:
            at = int(lengths.argmax())
            raise ValueError(
                f"{names[at] if names is not None else f'item {at}'} is {longest} frames long, but max_frames is {budget}: "
                "raise it, or leave long items out"
            )
        self.lengths, self.seed, self.budget, self.most = lengths, seed, budget, most
        different, codes = np.unique(lengths, return_inverse=True)
        padded, kinds = np.unique([min(bucket(int(each)), budget) for each in different], return_inverse=True)
        self.padded = padded.tolist()  # the buckets, ascending
        self.kinds = kinds[codes].astype(np.int16)  # the bucket of each item
        self.sizes = np.array([max(1, min(budget // length, most)) for length in self.padded])  # items of a full batch
        self.weights = _weights(groups, balance) if groups is not None and balance else None
        self._ends = [0]  # the last steps of the epochs, as far as they were asked for

    @property
    def steps_per_epoch(self) -> int:
        """Of the first."""
        self.epoch_of(1)
        return self._ends[1]

    @property
    def waste(self) -> float:
        """Share of padding in what is computed."""
        padded = np.array(self.padded)[self.kinds]
        return 1 - float(np.average(self.lengths, weights=self.weights) / np.average(padded, weights=self.weights))

    def epoch_of(self, step: int) -> int:
        while self._ends[-1] < step:
            self._ends.append(self._ends[-1] + int(self._epoch(len(self._ends) - 1)[1][-1]))
        return int(np.searchsorted(self._ends, step)) - 1

    def part(self, step: int, rank: int = 0, world: int = 1) -> Part:
        """What `rank` of `world` trains on at `step` (from 1)."""
        epoch = self.epoch_of(step)
        at = step - 1 - self._ends[epoch]
        ends = self._epoch(epoch)[1]
        window = int(np.searchsorted(ends, at, side="right")) - 1
        indices, kind = self._window(epoch, window)[at - int(ends[window])]
        mine = indices[rank::world]
        share = world * int(self.lengths[list(mine)].sum()) / int(self.lengths[list(indices)].sum())
        # A rank without an item works on somebody's with no weight: every rank takes part in every step.
        return Part(mine or indices[:1], self.padded[kind], -(-int(self.sizes[kind]) // world), share)

    @lru_cache(maxsize=2)  # noqa: B019  a plan lives as long as its training
    def _epoch(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The items in their order, and how many steps there are before each window, and in all."""
        rng = np.random.default_rng([self.seed, epoch])
        count = len(self.lengths)
        starts = rng.permutation(-(-count // RUN)) * RUN
        order = np.concatenate([np.arange(start, min(start + RUN, count), dtype=np.int32) for start in starts])
        if self.weights is not None:
            points = np.floor(np.cumsum(self.weights[order]) + rng.random()).astype(np.int64)
            order = np.repeat(order, np.diff(points, prepend=0))
        windows = -(-len(order) // WINDOW)
        places = np.arange(len(order)) // WINDOW * len(self.padded) + self.kinds[order]
        counts = np.bincount(places, minlength=windows * len(self.padded)).reshape(windows, -1)
        return order, np.concatenate([[0], np.cumsum((-(-counts // self.sizes)).sum(1))])

    @lru_cache(maxsize=3)  # noqa: B019  of the step, of those that are read ahead
    def _window(self, epoch: int, window: int) -> list[tuple[tuple[int, ...], int]]:
        """Its batches: positions of items, and the bucket."""
        rng = np.random.default_rng([self.seed, epoch, window])
        items = self._epoch(epoch)[0][window * WINDOW : (window + 1) * WINDOW]
        batches = []
        for kind, size in enumerate(self.sizes.tolist()):
            found = rng.permutation(items[self.kinds[items] == kind])
            batches += [(tuple(found[at : at + size].tolist()), kind) for at in range(0, len(found), size)]
        return [batches[index] for index in rng.permutation(len(batches))]


def _weights(groups: np.ndarray, balance: float) -> np.ndarray:
    """How often each item is drawn in an epoch, on average: as many draws as there are items."""
    weights = np.bincount(groups)[groups].astype(float) ** -balance
    return weights * (len(groups) / weights.sum())
