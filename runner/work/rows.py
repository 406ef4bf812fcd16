"""Joining the tables that a node reads into rows for its block.

Plain edges are an inner join on the utterance id; edges inside a ``dict`` port are an outer join, so that a metric
which failed on one utterance leaves a gap instead of taking the row with it. A one-row table joins every row, as does a constant. A field of
another row joins by what tells that row; where it tells none, the row fails. A table of groups joins each row of a group.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, fields
from functools import cache, cached_property

import numpy as np

from blocks.base import BadItem
from blocks.load import suggest
from runner.check import CheckedNode
from runner.graph import Constant, Edge, Lookup
from runner.store import Store
from runner.store.ids import Ids, those, together

_COMPARED = 10_000  # ids at most among which the nearest to a wrong one is sought


@dataclass(frozen=True)
class Rows:
    """The rows of one node, in the order of its first table; `tables` maps node names to stored tables."""

    checked: CheckedNode
    tables: dict
    single: frozenset[str]  # nodes whose table is one row that joins every row

    @cached_property
    def ids(self) -> Sequence[str]:
        """The ids that every plain table holds and every condition accepts, in the order of the first table.

        A list, where there are many `Ids`.
        """
        if isinstance(self._joined, Ids) and not self._grouped and not self.checked.node.where:
            return self._joined
        return those(
            self._joined, lambda id: all(self._in_group(name, id) for name in self._grouped) and self._accepted(id)
        )

    @cached_property
    def groups(self) -> dict[str, list[str]]:
        """The ids of each group of a node with `by`, in the order in which groups first appear."""
        found: dict[str, list[str]] = {}
        for id in self.ids:
            found.setdefault(self._value(self.checked.node.by, id), []).append(id)
        return found

    @property
    def offered(self) -> int:
        """How many rows there would be without `where`."""
        return len(self._joined)

    @cached_property
    def unmatched(self) -> dict[str, int]:
        """Per table: how many ids of the other tables it lacks, or rows whose group (they failed on the way to it)."""
        lost = _lacked({name: self.tables[name].ids for name in self._plain})
        lost |= {name: sum(not self._in_group(name, id) for id in self._joined) for name in self._grouped}
        return {name: count for name, count in lost.items() if count}

    def items(self, ids: list[str]) -> Iterator[dict | BadItem]:
        """The fields of the input schema, row by row, or why a row cannot have them (`make_item` raises it)."""
        for id in ids:
            try:
                row = self.take(self.checked.node.inputs, id)
            except BadItem as error:
                yield error
                continue
            if self.checked.inputs and "id" in self.checked.inputs.model_fields:
                row["id"] = id
            yield row

    # ---- which ids ----

    @cached_property
    def _edges(self) -> tuple[list[str], list[str]]:
        """Node names on plain edges and inside dict ports, in the order written, without one-row tables and groups."""
        plain: list[str] = []
        nested: list[str] = []
        for path, edge in self.checked.node.edges():
            (plain if len(path) == 1 else nested).append(edge.node)
        others = self.single | self.checked.groups.keys()
        return _unique(plain, others), _unique(nested, others)

    @cached_property
    def _chosen(self) -> list[str]:
        """Nodes whose rows choose those of this one."""
        node = self.checked.node
        plain = [edge.node for path, edge in node.edges() if len(path) == 1] + ([node.by.node] if node.by else [])
        return _unique(plain + [condition.edge.node for condition in node.where], self.single)

    @cached_property
    def _plain(self) -> list[str]:
        return [name for name in self._chosen if name not in self.checked.groups]

    @cached_property
    def _grouped(self) -> list[str]:
        return [name for name in self._chosen if name in self.checked.groups]

    @cached_property
    def _known(self) -> dict[str, Set[str] | Ids]:
        groups = (by.node for by in self.checked.groups.values())
        return {name: _findable(self.tables[name].ids) for name in {*self._plain, *self._edges[1], *groups}}

    @cached_property
    def _joined(self) -> Sequence[str]:
        plain, nested = self._edges
        if plain:
            start = self.tables[plain[0]].ids
        elif nested:
            start = _unique([id for name in nested for id in self.tables[name].ids], frozenset())
        else:  # only one-row tables
            start = next(table for name, table in self.tables.items() if name in self.single).ids
        others = [self._known[name] for name in self._plain]
        if isinstance(start, Ids) and all(isinstance(other, Ids) for other in others):
            for other in others:
                start = start.where(other.numbers(start) >= 0)
            return start
        return those(start, lambda id: all(id in other for other in others))

    def _accepted(self, id: str) -> bool:
        return all(c.holds(self._value(c.edge, id)) for c in self.checked.node.where)

    # ---- values ----

    def _group(self, name: str, id: str) -> str | None:
        """The group of a row in a table of groups, which may lack it; None where nothing tells."""
        by = self.checked.groups[name]
        known = self._groups.setdefault(name, {})
        if id not in known:
            known[id] = self._value(by, id) if id in self._known[by.node] else None
        return known[id]

    @cached_property
    def _groups(self) -> dict[str, dict[str, str | None]]:
        return {}

    def _in_group(self, name: str, id: str) -> bool:
        return self._group(name, id) in self.tables[name]

    def take(self, inputs: dict, id: str) -> dict:
        """The values of some ports of a row; one that a table of an outer join lacks is left out."""
        row = {}
        for field, wired in inputs.items():
            if isinstance(wired, dict):
                row[field] = self.take(wired, id)
            elif isinstance(wired, Constant):
                row[field] = _vector(wired.value) if isinstance(wired.value, tuple) else wired.value
            elif isinstance(wired, Lookup):
                if isinstance(wired.at, Constant):
                    row[field] = self._at(wired, wired.at.value)
                elif self._has(wired.at, id):
                    row[field] = self._at(wired, self._value(wired.at, id))
            elif self._has(wired, id):
                row[field] = self._value(wired, id)
        return row

    def _has(self, edge: Edge, id: str) -> bool:
        if edge.node in self.checked.groups:
            return self._in_group(edge.node, id)
        return edge.node in self.single or id in self._known[edge.node]

    def _at(self, lookup: Lookup, key: str):
        """The field of the other row. Raises BadItem where the table has no such row."""
        table, field = self.tables[lookup.row.node], lookup.row.field
        if key not in table:
            raise BadItem(f"{lookup.row.node} has no row {key!r}{self._why_not(lookup.row.node, key)}")
        return table.get(key, [field])[field]

    def _why_not(self, name: str, key: str) -> str:
        table = self.tables[name]
        reasons = (failure.reason for failure in getattr(table, "failures", ()) if failure.id == key)
        if reason := next(reasons, None):
            return f", which was lost there: {reason}"
        return suggest(key, table.ids) if len(table) <= _COMPARED else ""

    def _value(self, edge: Edge, id: str):
        table = self.tables[edge.node]
        key = table.ids[0] if edge.node in self.single else id
        key = self._group(edge.node, id) if edge.node in self.checked.groups else key
        return table.get(key, [edge.field])[edge.field]


@dataclass
class NodeWork:
    """A node as data that can travel to a worker: `tables` are the digests of what it reads, by node.

    The weights it is given (its model; what a fit starts from) lie in the folder `weights` of this machine, or as
    `artifact` in the store.
    """

    checked: CheckedNode
    store: Store
    digest: str
    meta: dict
    tables: dict[str, str]
    single: frozenset[str]  # nodes whose table is one row
    seed: int
    weights: str | None = None
    artifact: str | None = None

    def __getstate__(self) -> dict:
        """Its fields, without what was worked out from them here."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def given(self) -> str | None:
        """A local folder with the weights, or None where it is given none."""
        return self.store.find_artifact(self.artifact) if self.artifact else self.weights

    @cached_property
    def rows(self) -> Rows:
        tables = {name: self.store.find_table(digest) for name, digest in self.tables.items()}
        return Rows(self.checked, tables, self.single)


def _findable(ids: Sequence[str]) -> Set[str] | Ids:
    return ids if isinstance(ids, Ids) else set(ids)


def _lacked(tables: dict[str, Sequence[str]]) -> dict[str, int]:
    """Per table how many ids of the others it lacks."""
    every = list(tables.values())
    if not every or all(ids is every[0] or ids == every[0] for ids in every):
        return dict.fromkeys(tables, 0)
    everyone = together(every)
    return {name: everyone - len(ids) for name, ids in tables.items()}


@cache
def _vector(value: tuple) -> np.ndarray:
    """A constant vector as blocks take it, one for all rows."""
    vector = np.array(value, np.float32)
    vector.flags.writeable = False
    return vector


def _unique(names: list[str], without: frozenset[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name not in without]
