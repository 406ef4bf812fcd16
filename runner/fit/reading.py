"""Items of a training, made from its rows when they are asked for; of a remote store their shards are fetched before that."""

import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from blocks.base import Schema
from blocks.common.folders import cache
from runner.store.staged import Staged
from runner.work.apply import make_item
from runner.work.rows import NodeWork, Rows


class Items(Sequence):
    """Items of a table by position: `make` turns an id into one, `ahead` is told which ids are asked for soon."""

    def __init__(
        self,
        ids: Sequence[str],
        make: Callable[[str], Any],
        ahead: Callable[[Iterable[str]], None] | None = None,
    ):
        self.ids, self.make, self._ahead = ids, make, ahead

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int):
        return self.make(self.ids[index])

    def of(self, ids: Sequence[str]) -> "Items":
        """Others of the same table."""
        return Items(ids, self.make, self._ahead)

    def ahead(self, places: Iterable[int]) -> None:
        """What is fetched from afar may be fetched now."""
        if self._ahead:
            self._ahead([self.ids[at] for at in places])


def items_of(work: NodeWork, staging: bool = False) -> Items:
    """Of all rows of a node, to take some of by their ids; those of a remote store by way of the local disk, if asked for."""
    rows, ahead = work.rows, None
    if staging and not work.store.files.local:
        staged = Staged(work.store.files, cache() / "staged")
        rows = _staged(work, staged)
        ahead = partial(_fetch, rows, staged)
    return Items(rows.ids, partial(_make, rows, threading.Lock()), ahead)


def _staged(work: NodeWork, staged: Staged) -> Rows:
    node, wanted = work.checked.node, {}
    edges = [edge for _, edge in node.edges()] + [condition.edge for condition in node.where]
    edges += [edge for _, lookup in node.lookups() for edge in (lookup.row, lookup.at)] + [
        *work.checked.groups.values()
    ]
    for edge in edges:
        if hasattr(edge, "field"):
            wanted.setdefault(edge.node, set()).add(edge.field)
    return Rows(
        work.checked,
        {name: staged.table(work.rows.tables[name], fields) for name, fields in wanted.items()},
        work.single,
    )


def _fetch(rows: Rows, staged: Staged, ids: Iterable[str]) -> None:
    single = rows.single | rows.checked.groups.keys()
    by_node: dict[str, set[str]] = {}
    for _, edge in rows.checked.node.edges():
        if edge.node not in single:
            by_node.setdefault(edge.node, set()).add(edge.field)
    for name, fields in by_node.items():
        staged.ahead(rows.tables[name].paths(ids, fields))


def _make(rows: Rows, one_at_a_time: threading.Lock, id: str) -> Schema:
    """Batches are read ahead in a thread, dev items in the one that trains."""
    with one_at_a_time:
        return make_item(rows.checked.inputs, next(iter(rows.items([id]))))
