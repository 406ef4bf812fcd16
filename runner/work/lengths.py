"""What a block says of rows that nobody has read: their lengths and groups, asked about stand-ins.

A stand-in has the values of an item, and in the place of its arrays and lists their shapes, which the store tells without
reading them. A block is asked once for all rows alike in what it looked at. One that looks at an array itself cannot be asked so.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from blocks.base import Schema
from runner.graph import Constant, Edge, Lookup
from runner.store.ids import Ids
from runner.store.outline import Outline, places
from runner.work.rows import Rows


class NeedsValues(Exception):
    """A block looks at an array's values to tell a length or a group."""


class Outlined:
    """Stands in for an array or a list: it has a shape, and nothing else."""

    def __init__(self, shape: tuple[int, ...]):
        self.shape, self.ndim, self.size = shape, len(shape), math.prod(shape)

    def __len__(self) -> int:
        return self.shape[0]

    def _refuse(self, *_):
        raise NeedsValues

    __getattr__ = __getitem__ = __iter__ = __array__ = __contains__ = __eq__ = __bool__ = _refuse
    __hash__ = None


ABSENT = object()  # of a port that is optional, in a row whose table has no such row


class Leaf:
    """One wired port over all rows of a node."""

    def __init__(self, rows: Rows, path: tuple[str, ...], wired: Edge | Lookup | Constant):
        self.rows, self.path, self.wired = rows, path, wired
        self.key = self._key(wired)
        self.shapes: np.ndarray | None = None
        self.values: list | None = None
        # Equal where the values are; None: all differ.
        self.codes: np.ndarray | None = np.zeros(len(rows.ids), np.int32)

    def _key(self, wired) -> Edge | None:
        """The column whose values tell rows apart; None where all have one value."""
        if isinstance(wired, Constant):
            return None
        if isinstance(wired, Lookup):
            return self._key(wired.at)
        if wired.node in self.rows.checked.groups:
            return self._key(self.rows.checked.groups[wired.node])
        return None if wired.node in self.rows.single else wired

    def take(self, seen: Outline) -> None:
        """What the table of the key says of the rows."""
        name, own = self.key.field, self.key is self.wired
        if name in seen.shapes:
            self.codes = alike([seen.shapes[name]], seen.rows)[1]
            self.shapes = seen.shapes[name] if own else None
            return
        self.codes = seen.codes[name]
        self.values = seen.values[name] if own and self.codes is not None and name not in seen.raw else None

    def value(self, at: int) -> Any:
        """Of a row: a stand-in, or what it is."""
        if self.shapes is not None:
            shape = tuple(self.shapes[at].tolist())
            return ABSENT if shape[0] == -2 else None if shape[0] == -1 else Outlined(shape)
        if self.values is not None:
            return ABSENT if (code := self.codes[at]) < 0 else self.values[code]
        return self.rows.take({"": self.wired}, self.rows.ids[at]).get("", ABSENT)


def look(rows: Rows, leaves: list[Leaf], trained: np.ndarray | None = None) -> np.ndarray:
    """Let the leaves know their rows. Gives a mask: of the `trained` rows some that hold every text that stands in any."""
    by_node: dict[str, list[Leaf]] = {}
    for leaf in leaves:
        if leaf.key is not None:
            by_node.setdefault(leaf.key.node, []).append(leaf)
    first = np.zeros(len(rows.ids), bool)
    for node, some in by_node.items():
        table, names = rows.tables[node], {leaf.key.field: leaf.key.field for leaf in some}
        seen = table.outline(names).of(names, places(table.ids, rows.ids))
        for leaf in some:
            leaf.take(seen)
        for name in names if trained is not None else ():
            found = seen.first(name, trained)
            first[_first_of(table, name, rows.ids, trained) if found is None else found] = True
    return first


def _first_of(table, field: str, ids: Ids, trained: np.ndarray) -> list[int]:
    """The same for one field of lists, from its values: where those few rows that are noted of a text are no such rows."""
    met: set[str] = set()
    found = []
    for at in np.flatnonzero(trained).tolist():
        if (id := ids[at]) in table and not met.issuperset(texts := table.get(id, [field])[field] or ()):
            met.update(texts)
            found.append(at)
    return found


def asked(function: Callable, schema: type[Schema], rows: Rows, leaves: list[Leaf]) -> tuple[list, np.ndarray]:
    """What a block says of one row of each kind, and the kind of every row: of rows that differ in a field it looks at.

    Raises NeedsValues where it looks at an array.
    """
    looked: set[str] = set()
    traced = _traced(schema, looked)
    while True:
        before, answers = set(looked), []
        fields = [leaf.codes for leaf in leaves if leaf.path[0] in looked] + ([None] if "id" in looked else [])
        examples, codes = alike(fields, len(rows.ids))
        for at in examples:
            answers.append(function(_hollow(traced, rows, leaves, int(at))))
            if looked != before:
                break  # it has looked at a field more
        else:
            return answers, codes


def _traced(schema: type[Schema], looked: set[str]) -> type[Schema]:
    """The same schema, whose items note which fields are looked at."""

    def get(self, name: str):
        if name in schema.model_fields:
            looked.add(name)
        return schema.__getattribute__(self, name)

    return type(schema.__name__, (schema,), {"__getattribute__": get, "__module__": schema.__module__})


def _hollow(traced: type[Schema], rows: Rows, leaves: list[Leaf], at: int) -> Schema:
    fields: dict[str, Any] = {"id": rows.ids[at]} if "id" in traced.model_fields else {}
    for leaf in leaves:
        inner = fields
        for name in leaf.path[:-1]:
            inner = inner.setdefault(name, {})
        if (value := leaf.value(at)) is not ABSENT:
            inner[leaf.path[-1]] = value
    return traced.model_construct(**fields)


def alike(columns: list[np.ndarray | None], count: int) -> tuple[np.ndarray, np.ndarray]:
    """One row of each kind, and the kind of every row: of rows with equal numbers in all columns (None: all differ)."""
    kinds = np.zeros(count, np.int64)
    for column in columns:
        if column is None:
            return np.arange(count), np.arange(count)
        for values in column.T if column.ndim > 1 else [column]:
            kinds = kinds * (int(values.max(initial=0)) + 3) + values + 2
            kinds = np.unique(kinds, return_inverse=True)[1]
    return np.unique(kinds, return_index=True)[1], kinds


def leaves_of(rows: Rows) -> list[Leaf]:
    """The ports of its node that are wired."""
    return [Leaf(rows, path, wired) for path, wired in _wired(rows.checked.node.inputs)]


def _wired(inputs: dict, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, wired in inputs.items():
        if isinstance(wired, dict):
            yield from _wired(wired, (*path, name))
        else:
            yield (*path, name), wired
