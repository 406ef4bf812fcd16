"""The shards of one map node: which there are, and making one. Every executor makes them here, with the same bytes.

An item that takes its whole process down (a crash in native code) cannot be caught, so what is being worked on is
noted beside the table. Who comes next knows: the batch is tried again whole, then item by item, and an item at which
three processes have died becomes a failure record.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from blocks.base import BadItem, Block, Failure, Mapper, Schema
from blocks.training import bucket
from runner.store import Store, TableWriter
from runner.work.apply import SHARD_ROWS, BlockError, Shard, make_block, make_item, map_rows, trace_of
from runner.work.rows import NodeWork

DEATHS = 3  # of a process at one item, until the item is blamed
_SETUP = "setup"  # stands in the notes where a batch does, while the block is loaded


@dataclass
class MapWork(NodeWork):
    """A map node."""

    shared: Any = None  # in process: `take(node, make)` gives what a node before it set up

    @cached_property
    def trials(self) -> "Trials":
        return Trials(self.store, self.digest)

    @cached_property
    def chunks(self) -> list[list[str]]:
        """The ids of each shard: the same wherever and however often this is asked."""
        ids = self.rows.ids
        return [ids[at : at + SHARD_ROWS] for at in range(0, len(ids), SHARD_ROWS)]

    @cached_property
    def writer(self) -> TableWriter:
        return open_writer(self.store, self.digest, self.checked.output, self.meta)

    def reopen(self) -> None:
        """Look again at which shards there are, after others made some."""
        self.__dict__.pop("writer", None)

    @cached_property
    def block(self) -> Block:
        make = partial(make_block, self.checked, self.seed, self.given())
        block = self.shared.take(self.checked.node.name, make) if self.shared else make()
        if type(block).warm is not Mapper.warm:
            self._warm(block)
        return block

    def _warm(self, block: Mapper) -> None:
        """One item of each padded length; what is wrong with one is found, and said, when its turn comes."""
        found: dict[int, Schema] = {}
        with suppress(Exception):
            for fields in self.rows.items(self.rows.ids):
                with suppress(BadItem):
                    item = make_item(self.checked.inputs, fields)
                    found.setdefault(bucket(block.length(item)), item)
            block.warm([found[length] for length in sorted(found)])

    def make(self, index: int) -> Shard:
        """Make and write the shard. Raises BlockError where the block breaks its contract."""
        trial = self.trials.begin(index)
        ids = self.chunks[index]
        batch = self.checked.node.scale.batch_size or self.checked.cls.batch_size
        shard = Shard()
        try:
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
            shard.write(self.writer, index)
            if shard.first_error and not isinstance(shard.first_error, BadItem):
                self.store.keep_error(self.digest, trace_of(shard.first_error))
        finally:
            self.trials.end(index)
        return shard

    def _set_up(self, trial: "Trial") -> Block:
        if "block" not in self.__dict__:
            if trial.batches.get(_SETUP, 0) >= DEATHS:
                raise BlockError(f"{DEATHS} processes died while they loaded {self.checked.node.block}")
            trial.note(_SETUP)
        return self.block

    def _alone(self, trial: "Trial", at: int, id: str, block: Block) -> Shard:
        if trial.is_blamed(at, id):
            return Shard(failures=[Failure(f"the worker process died {DEATHS} times while it worked on this item", id)])
        trial.note(at, id)
        return self._map([id], block)

    def _map(self, ids: list[str], block: Block) -> Shard:
        checked, rows = self.checked, zip(ids, self.rows.items(ids))
        return map_rows(block, checked.inputs, checked.output, rows, len(ids), checked.node.method)


def open_writer(store: Store, digest: str, schema: type[Schema], meta: dict) -> TableWriter:
    """A table's writer; shards of another size, by an older version, are not mixed with ours."""
    return store.write_table(digest, schema, meta, layout=f"{SHARD_ROWS} rows a shard")


class Trials:
    """Notes of what is being worked on, one file a shard; one that is found was left by a process that died."""

    def __init__(self, store: Store, digest: str):
        self.files, self.folder = store.files, f"trials/{digest}"

    def begin(self, index: int) -> "Trial":
        found = self.files.read_json(self._path(index)) or {"batches": {}, "items": {}}
        batches, items = found["batches"], found["items"]
        if (at := found.get("at")) is not None:
            batches[at] = batches.get(at, 0) + 1
        if (id := found.get("id")) is not None:
            items[id] = items.get(id, 0) + 1
        return Trial(batches, items, lambda note: self.files.write_json(self._path(index), note, sync=False))

    def end(self, index: int) -> None:
        self.files.delete(self._path(index))

    def forget(self) -> None:
        """Drop the notes of every shard."""
        self.files.delete_folder(self.folder)

    def _path(self, index: int) -> str:
        return f"{self.folder}/{index:05d}.json"


@dataclass
class Trial:
    """How many processes died at each batch (named by its first row's number) and at each single item of one shard."""

    batches: dict[str, int]
    items: dict[str, int]
    write: Callable[[dict], None]

    def careful(self, at: int) -> bool:
        """Whether the batch is suspect enough to be taken apart; not after one death, which may be the machine's."""
        return self.batches.get(str(at), 0) > 1

    def is_blamed(self, at: int, id: str) -> bool:
        return self.items.get(id, 0) > 0 and self.batches[str(at)] >= DEATHS

    def note(self, at: int | str, id: str | None = None) -> None:
        self.write({"at": str(at), "id": id, "batches": self.batches, "items": self.items})
