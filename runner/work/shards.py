"""The shards of one map node, or of what is made row by row like one: which there are, and making one. Every executor makes them here,
with the same bytes.

Who makes a shard claims it first; what others have claimed is left to them. An item that takes its whole process down (a
crash in native code) cannot be caught, so what is being worked on is noted in the claim. Who comes next knows: the batch is
tried again whole, then item by item, and an item at which three processes have died becomes a failure record.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np

from blocks.base import BadItem, Block, Failure, Mapper, Schema
from blocks.training import bucket
from runner.store import Store, TableWriter
from runner.store.claims import Claim
from runner.work import threads
from runner.work.apply import SHARD_ROWS, BlockError, Shard, make_block, make_item, map_rows, trace_of
from runner.work.lengths import NeedsValues, asked, leaves_of, look
from runner.work.rows import NodeWork

DEATHS = 3  # of a process at one item, until the item is blamed
_SETUP = "setup"  # stands in the notes where a batch does, while the block is loaded


@dataclass
class ShardWork(NodeWork):
    """A node whose shards hang on nothing but what is in them. With a `run` only deaths within it count against an item: a cluster's
    driver takes its workers along."""

    run: str = ""
    shared: Any = None  # in process: `take(node, make)` gives what a node before it set up
    size: ClassVar[int] = SHARD_ROWS  # items of a shard
    row_each: ClassVar[bool] = True  # whether an item becomes one row, or fails

    @property
    def total(self) -> int:
        """How many items there are."""
        return len(self.rows.ids)

    @property
    def count(self) -> int:
        """How many shards they make."""
        return math.ceil(self.total / self.size)

    def items_of(self, index: int) -> int:
        return min(self.size, self.total - index * self.size)

    def ids_of(self, index: int) -> list[str]:
        """The ids of the items of a shard: the same wherever and however often this is asked."""
        return self.rows.ids[index * self.size : (index + 1) * self.size]

    @cached_property
    def writer(self) -> TableWriter:
        return open_writer(self.store, self.digest, self.checked.output, self.meta, self.size)

    @cached_property
    def block(self) -> Block:
        make = partial(make_block, self.checked, self.seed, self.given())
        return self.shared.take(self.checked.node.name, make) if self.shared else make()

    def claim_of(self, index: int) -> str:
        """The name under which a shard is claimed."""
        return f"{self.digest}-{index:05d}"

    def make(self, index: int) -> Shard | None:
        """Make and write the shard; None where another run has claimed it, or has made it meanwhile.

        Raises BlockError where the block breaks its contract.
        """
        if (claim := self.store.claims.take(self.claim_of(index), self.run)) is None:
            return None
        with claim:
            if self.writer.has(index):
                return None
            threads.use(self.checked.node.scale.threads)
            shard = self._made(index, Trial(claim, self.run))
            shard.write(self.writer, index)
        if shard.first_error and not isinstance(shard.first_error, BadItem):
            self.store.keep_error(self.digest, trace_of(shard.first_error))
        return shard

    def _made(self, index: int, trial: "Trial") -> Shard:
        raise NotImplementedError

    def _set_up(self, trial: "Trial") -> Block:
        if "block" not in self.__dict__:
            if trial.batches[_SETUP] >= DEATHS:
                raise BlockError(f"{DEATHS} processes died while they loaded {self.checked.node.block}")
            trial.note(_SETUP)
        return self.block


@dataclass
class MapWork(ShardWork):
    """A map node."""

    @cached_property
    def block(self) -> Block:
        block = super().block
        if type(block).warm is not Mapper.warm:
            self._warm(block)
        return block

    def _warm(self, block: Mapper) -> None:
        """One item of each padded length; what is wrong with one is found, and said, when its turn comes."""
        found: dict[int, Schema] = {}
        with suppress(Exception):
            for length, id in self._lengths(block):
                if length not in found:
                    with suppress(BadItem):
                        found[length] = make_item(self.checked.inputs, next(iter(self.rows.items([id]))))
            block.warm([found[length] for length in sorted(found)])

    def _lengths(self, block: Mapper) -> Iterable[tuple[int, str]]:
        """The padded length of every row, from the shapes of its arrays where they tell it."""
        ids, leaves = self.rows.ids, leaves_of(self.rows)
        look(self.rows, leaves)
        try:
            answers, kinds = asked(block.length, self.checked.inputs, self.rows, leaves)
        except NeedsValues:
            return self._measured(block)
        padded = np.array([bucket(length) for length in answers])[kinds]
        return zip(padded.tolist(), ids)

    def _measured(self, block: Mapper) -> Iterator[tuple[int, str]]:
        for id, fields in zip(self.rows.ids, self.rows.items(self.rows.ids)):
            with suppress(BadItem):
                yield bucket(block.length(make_item(self.checked.inputs, fields))), id

    def _made(self, index: int, trial: "Trial") -> Shard:
        ids = self.ids_of(index)
        batch = self.checked.node.scale.batch_size or self.checked.cls.batch_size
        shard = Shard()
        block = self._set_up(trial)
        for at in range(0, len(ids), batch):
            some = ids[at : at + batch]
            if trial.careful(at):
                for id in some:
                    shard.extend(self._alone(trial, at, id, block))
            else:
                trial.note(at)
                shard.extend(self._map(some, block))
        order = {id: n for n, id in enumerate(ids)}
        shard.failures.sort(key=lambda failure: order[failure.id])  # however the items were tried
        return shard

    def _alone(self, trial: "Trial", at: int, id: str, block: Block) -> Shard:
        if trial.is_blamed(at, id):
            return Shard(failures=[died(id)])
        trial.note(at, id)
        return self._map([id], block)

    def _map(self, ids: list[str], block: Block) -> Shard:
        checked, rows = self.checked, zip(ids, self.rows.items(ids))
        return map_rows(block, checked.inputs, checked.output, rows, len(ids), checked.node.method)


def died(id: str) -> Failure:
    """What becomes of an item that took its process down again and again."""
    return Failure(f"the worker process died {DEATHS} times while it worked on this item", id)


def open_writer(store: Store, digest: str, schema: type[Schema], meta: dict, size: int = SHARD_ROWS) -> TableWriter:
    """A table's writer; shards of another size, by an older version, are not mixed with ours."""
    return store.write_table(digest, schema, meta, f"{size} rows a shard", meta.get("audio", ""))


class Trial:
    """How many processes died at each batch (named by its first row's number) and at each single item of a claimed shard."""

    def __init__(self, claim: Claim, run: str = ""):
        dead = [left for left in claim.left if not run or left.get("run") == run]
        self.batches = Counter(left.get("at") for left in dead)
        self.items = Counter(left.get("id") for left in dead)
        self._claim = claim

    def careful(self, at: int) -> bool:
        """Whether the batch is suspect enough to be taken apart; not after one death, which may be the machine's."""
        return self.batches[at] > 1

    def is_blamed(self, at: int, id: str) -> bool:
        return self.items[id] > 0 and self.batches[at] >= DEATHS

    def note(self, at: int | str, id: str | None = None) -> None:
        self._claim.note(at=at, id=id)
