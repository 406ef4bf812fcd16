"""What a large table tells of its rows without their arrays: shapes, which rows share a value, and where a text is met first.

One pass over the shards, which of a mapped file touches only the few pages that hold these.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import pyarrow as pa

from runner.store.columns import is_array, is_json, numbers
from runner.store.ids import Ids
from runner.store.table import Table, View

_TOGETHER = 256  # shards
_VALUES = 2**16  # different values of a field up to which it is a name rather than a text of its own


@dataclass
class Outline:
    """By field, for every row of a table."""

    shapes: dict[str, np.ndarray] = field(default_factory=dict)  # of arrays and lists: int32 (rows, axes), -1 for None
    codes: dict[str, np.ndarray | None] = field(
        default_factory=dict
    )  # int32 (rows), equal for equal values; None: too many
    values: dict[str, list] = field(default_factory=dict)  # what each code stands for
    raw: set[str] = field(default_factory=set)  # fields whose values are JSON texts
    first: np.ndarray | None = None  # bool (rows): where a text of some field, or of its list, is met first

    def at(self, places: np.ndarray) -> "Outline":
        """Of these rows."""
        codes = {name: None if found is None else found[places] for name, found in self.codes.items()}
        return replace(
            self, shapes={n: s[places] for n, s in self.shapes.items()}, codes=codes, first=self.first[places]
        )


def outline(table: Table, fields: Iterable[str], keep: np.ndarray | None = None) -> Outline:
    """`keep` is a mask of the rows in which a text counts as met; None for all."""
    fields = table.check_fields(fields)
    keep = np.ones(len(table), bool) if keep is None else keep
    return _of_view(table, fields, keep) if isinstance(table, View) else _of_table(table, fields, keep)


def _of_table(table: Table, fields: list[str], keep: np.ndarray) -> Outline:
    known = {name: _Field() for name in fields}
    first, at, batches = np.zeros(len(table), bool), 0, table.batches(fields)
    while some := list(islice(batches, _TOGETHER)):
        end = at + sum(map(len, some))
        for name, one in known.items():
            columns = [batch.column(name) for batch in some]
            first[at:end][one.add(some[0].schema.field(name), columns, keep[at:end])] = True
        at = end
    made = Outline(first=first)
    for name, one in known.items():
        if one.shapes:
            made.shapes[name] = np.concatenate(one.shapes)
        else:
            made.codes[name] = None if one.too_many else np.concatenate([np.empty(0, np.int32), *one.codes])
            made.values[name] = [] if one.too_many else list(one.known)
            made.raw |= {name} if one.raw else set()
    return made


def _of_view(view: View, fields: list[str], keep: np.ndarray) -> Outline:
    """Its parts, each as its tables have it."""
    ids, found, at = view.ids, [], 0
    for part in view.manifest["parts"]:
        some, kept = ids[at : at + part["rows"]], keep[at : at + part["rows"]]
        at += part["rows"]
        merged = Outline(first=np.zeros(len(some), bool))
        for digest in dict.fromkeys(part["fields"][name][0] for name in fields):
            names = {name: part["fields"][name][1] for name in fields if part["fields"][name][0] == digest}
            source = view.source(digest)
            there, theirs = places(source.ids, some), np.zeros(len(source), bool)
            theirs[there[kept]] = True
            seen = outline(source, dict.fromkeys(names.values()), theirs).at(there)
            for mine, name in names.items():
                for have, give in (
                    (merged.shapes, seen.shapes),
                    (merged.codes, seen.codes),
                    (merged.values, seen.values),
                ):
                    if name in give:
                        have[mine] = give[name]
                merged.raw |= {mine} if name in seen.raw else set()
            merged.first |= seen.first
        found.append(merged)
    return found[0] if len(found) == 1 else _joined(found, fields)


def _joined(parts: list[Outline], fields: list[str]) -> Outline:
    made = Outline(first=np.concatenate([part.first for part in parts]), raw=set().union(*(part.raw for part in parts)))
    for name in fields:
        if name in parts[0].shapes:
            made.shapes[name] = np.concatenate([part.shapes[name] for part in parts])
        elif any(part.codes[name] is None for part in parts):
            made.codes[name], made.values[name] = None, []
        else:
            known: dict = {}
            codes = []
            for part in parts:
                table = [known.setdefault(value, len(known)) for value in part.values[name]]
                codes.append(np.array(table or [0], np.int32)[part.codes[name]])
            made.codes[name], made.values[name] = np.concatenate(codes), list(known)
    return made


def places(ids, some) -> np.ndarray:
    """Where some ids stand among those of a table; -1 where they do not."""
    if isinstance(ids, Ids) and isinstance(some, Ids):
        return ids.numbers(some)
    if isinstance(ids, Ids):
        return np.array([-1 if (at := ids.number(id)) is None else at for id in some], np.int64)
    known = {id: at for at, id in enumerate(ids)}
    return np.fromiter((known.get(id, -1) for id in some), np.int64, len(some))


class _Field:
    """One field, shard after shard."""

    def __init__(self):
        self.shapes: list[np.ndarray] = []
        self.codes: list[np.ndarray] = []
        self.known: dict = {}
        self.met = np.zeros(0, bool)  # by code
        self.too_many = self.raw = False

    def add(self, about: pa.Field, columns: list[pa.Array], keep: np.ndarray) -> np.ndarray:
        """Take the columns of some shards; gives the rows of `keep` in which a text is met first."""
        if is_array(about):
            axes = about.type.field("shape").type.list_size
            for column in columns:
                shapes = numbers(column.field("shape").values, np.int32, len(column) * axes).reshape(-1, axes)
                self.shapes.append(_without(column, shapes).copy())  # a view would keep the shard mapped
            return np.empty(0, np.int64)
        column = pa.concat_arrays(columns)
        if pa.types.is_list(about.type):
            counts = np.diff(numbers(column, np.int32, len(column) + 1))
            self.shapes.append(_without(column, counts[:, None]))
            rows = np.repeat(np.arange(len(column)), counts)
            return self._first(self._coded(column.values), rows, keep)
        self.raw = is_json(about)
        codes = self._coded(column)
        self.codes.append(codes)
        return self._first(codes, np.arange(len(column)), keep) if pa.types.is_string(about.type) else codes[:0]

    def _coded(self, column: pa.Array) -> np.ndarray:
        if self.too_many or pa.types.is_nested(column.type):
            return np.zeros(len(column), np.int32)
        coded = column.dictionary_encode(null_encoding="encode")
        table = [self.known.setdefault(value, len(self.known)) for value in coded.dictionary.to_pylist()]
        self.too_many = len(self.known) > _VALUES
        return np.array(table or [0], np.int32)[numbers(coded.indices, np.int32)]

    def _first(self, codes: np.ndarray, rows: np.ndarray, keep: np.ndarray) -> np.ndarray:
        """Of each code that was not met before the first row that is kept."""
        self.met = np.append(self.met, np.zeros(max(0, len(self.known) - len(self.met)), bool))
        if self.too_many or not len(codes):
            return rows[:0]
        new = keep[rows] & ~self.met[codes]
        if not new.any():
            return rows[:0]
        found, at = np.unique(codes[new], return_index=True)
        self.met[found] = True
        return rows[new][at]


def _without(column: pa.Array, shapes: np.ndarray) -> np.ndarray:
    """-1 where there is nothing."""
    if not column.null_count:
        return shapes
    return np.where(np.array(column.is_valid().to_pylist())[:, None], shapes, -1)
