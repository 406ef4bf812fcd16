"""What a large table tells of its rows without their arrays: shapes, which rows share a value, and rows that hold each text.

A table of many rows has it in a file of its own, written with its manifest. Of one without, as older versions wrote them, it is
found by one pass over the shards, which of a mapped file touches only the few pages that hold these.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import pyarrow as pa

from runner.store.columns import is_array, is_json, numbers
from runner.store.ids import Ids

_TOGETHER = 256  # shards
_VALUES = 2**16  # different values of a field up to which it is a name rather than a text of its own
_ROWS = 64  # rows noted of each text that stands in a list


@dataclass
class Outline:
    """By field, for every row of a table."""

    rows: int
    shapes: dict[str, np.ndarray] = field(default_factory=dict)  # of arrays and lists: int32 (rows, axes), -1 for None
    codes: dict[str, np.ndarray | None] = field(
        default_factory=dict
    )  # int32 (rows), equal for equal values; None: too many
    values: dict[str, list] = field(default_factory=dict)  # what each code stands for
    floats: dict[str, np.ndarray] = field(default_factory=dict)  # of fields of float: float64 (rows), NaN for None
    raw: set[str] = field(default_factory=set)  # fields whose values are JSON texts
    held: dict[str, list[tuple[np.ndarray, bool]]] = field(
        default_factory=dict
    )  # of lists: rows with each text, whether all

    def of(self, names: dict[str, str], places: np.ndarray) -> "Outline":
        """Of these rows (-1 where there is none), with fields by other names: each by the one it has here."""
        absent, made = places < 0, Outline(len(places))
        back = np.full(self.rows, -1, np.int64)
        back[places[~absent]] = np.flatnonzero(~absent)
        for name, here in names.items():
            if here in self.shapes:
                made.shapes[name] = np.where(absent[:, None], -2, self.shapes[here][places])
                made.held[name] = [(back[rows][back[rows] >= 0], whole) for rows, whole in self.held.get(here, ())]
            else:
                codes = self.codes[here]
                made.codes[name] = None if codes is None else np.where(absent, -1, codes[places])
                made.values[name] = self.values[here]
                made.raw |= {name} if here in self.raw else set()
                if here in self.floats:
                    made.floats[name] = np.where(absent, np.nan, self.floats[here][places])
        return made

    def add(self, other: "Outline") -> None:
        """Take further fields of the same rows."""
        for mine, theirs in ((self.shapes, other.shapes), (self.codes, other.codes), (self.values, other.values)):
            mine |= theirs
        self.held |= other.held
        self.floats |= other.floats
        self.raw |= other.raw

    def first(self, name: str, keep: np.ndarray) -> np.ndarray | None:
        """Rows of a mask that hold each text of a field that stands in any of them; None where it cannot be told."""
        if name in self.held:
            found = [(rows[keep[rows]], whole) for rows, whole in self.held[name]]
            if not all(len(rows) or whole for rows, whole in found):
                return None
            return np.array([rows[0] for rows, _ in found if len(rows)], np.int64)
        codes = self.codes.get(name)
        if codes is None or not any(isinstance(value, str) for value in self.values[name]):
            return np.empty(0, np.int64)
        kept = np.flatnonzero(keep & (codes >= 0))
        return kept[np.unique(codes[kept], return_index=True)[1]]

    def encoded(self) -> bytes:
        columns = {f"{name}/{axis}": each for name, shape in self.shapes.items() for axis, each in enumerate(shape.T)}
        columns |= {name: codes for name, codes in self.codes.items() if codes is not None}
        columns |= {f"{name}/float": each for name, each in self.floats.items()}
        about = {
            "rows": self.rows,
            "axes": {name: shape.shape[1] for name, shape in self.shapes.items()},
            "values": self.values,
            "many": [name for name, codes in self.codes.items() if codes is None],
            "raw": sorted(self.raw),
            "floats": list(self.floats),
            "held": {name: [[rows.tolist(), whole] for rows, whole in found] for name, found in self.held.items()},
        }
        arrays = [_arrow(each) for each in columns.values()]
        fields = [pa.field(name, each.type) for name, each in zip(columns, arrays)]
        schema = pa.schema(fields, {"voxblocks": json.dumps(about)})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, schema) as writer:
            writer.write_batch(pa.record_batch(arrays, schema=schema))
        return sink.getvalue().to_pybytes()

    @classmethod
    def decoded(cls, batch: pa.RecordBatch) -> "Outline":
        about = json.loads(batch.schema.metadata[b"voxblocks"])
        columns = {
            name: numbers(batch.column(name), np.float64 if name.endswith("/float") else np.int32)
            for name in batch.schema.names
        }
        shapes = {
            name: np.stack([columns[f"{name}/{axis}"] for axis in range(axes)], axis=1)
            for name, axes in about["axes"].items()
        }
        codes = {name: None if name in about["many"] else columns[name] for name in about["values"]}
        held = {
            name: [(np.array(rows, np.int64), whole) for rows, whole in found] for name, found in about["held"].items()
        }
        floats = {name: columns[f"{name}/float"] for name in about["floats"]}
        return cls(about["rows"], shapes, codes, about["values"], floats, set(about["raw"]), held)


def _arrow(values: np.ndarray) -> pa.Array:
    values = np.ascontiguousarray(values, np.float64 if values.dtype.kind == "f" else np.int32)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def places(ids, some) -> np.ndarray:
    """Where some ids stand among those of a table; -1 where they do not."""
    if isinstance(ids, Ids) and isinstance(some, Ids):
        return ids.numbers(some)
    if isinstance(ids, Ids):
        return np.array([-1 if (at := ids.number(id)) is None else at for id in some], np.int64)
    known = {id: at for at, id in enumerate(ids)}
    return np.fromiter((known.get(id, -1) for id in some), np.int64, len(some))


def gathered(batches: Iterator[tuple[pa.RecordBatch, dict]], fields: Iterable[str]) -> Outline:
    """Of the shards of a table, in their order: columns, and by field the shapes of arrays whose columns are left out."""
    known, at, batches = {name: _Field() for name in fields}, 0, iter(batches)
    while some := list(islice(batches, _TOGETHER)):
        for name, one in known.items():
            if name in some[0][0].schema.names:
                one.add(some[0][0].schema.field(name), [batch.column(name) for batch, _ in some], at)
            else:
                one.shapes += [np.array(shapes[name], np.int32) for _, shapes in some]
        at += sum(len(batch) for batch, _ in some)
    made = Outline(at)
    for name, one in known.items():
        if one.shapes:
            made.shapes[name] = np.concatenate(one.shapes)
            if one.held is not None and not one.too_many:
                made.held[name] = [(np.array(rows, np.int64), len(rows) < _ROWS) for rows in one.held]
        else:
            made.codes[name] = None if one.too_many else np.concatenate([np.empty(0, np.int32), *one.codes])
            made.values[name] = [] if one.too_many else list(one.known)
            made.raw |= {name} if one.raw else set()
            if one.floats:
                made.floats[name] = np.concatenate(one.floats)
    return made


def joined(parts: list[Outline], fields: Iterable[str]) -> Outline:
    """The rows of several, one after the other."""
    made = Outline(sum(part.rows for part in parts))
    starts = np.cumsum([0, *(part.rows for part in parts)])
    for name in fields:
        if name in parts[0].shapes:
            made.shapes[name] = np.concatenate([part.shapes[name] for part in parts])
            if all(name in part.held for part in parts):
                made.held[name] = [
                    (rows + at, all_) for part, at in zip(parts, starts) for rows, all_ in part.held[name]
                ]
        elif any(part.codes[name] is None for part in parts):
            made.codes[name], made.values[name] = None, []
        else:
            known: dict = {}
            tables = [
                np.array([known.setdefault(v, len(known)) for v in part.values[name]] + [-1], np.int32)
                for part in parts
            ]
            made.codes[name] = np.concatenate([table[part.codes[name]] for table, part in zip(tables, parts)])
            made.values[name] = list(known)
        made.raw |= {name} if any(name in part.raw for part in parts) else set()
        if all(name in part.floats for part in parts):
            made.floats[name] = np.concatenate([part.floats[name] for part in parts])
    return made


def shapes_of(batch: pa.RecordBatch) -> dict[str, list]:
    """By field the shapes of a shard's arrays."""
    arrays = [about for about in batch.schema if is_array(about)]
    return {about.name: _shapes(about, batch.column(about.name)).tolist() for about in arrays}


class _Field:
    """One field, shard after shard."""

    def __init__(self):
        self.shapes: list[np.ndarray] = []
        self.codes: list[np.ndarray] = []
        self.floats: list[np.ndarray] = []
        self.known: dict = {}
        self.held: list[list[int]] | None = None  # by code
        self.too_many = self.raw = False

    def add(self, about: pa.Field, columns: list[pa.Array], at: int) -> None:
        """Take the columns of some shards, whose first row has the number `at` in the table."""
        if is_array(about):
            self.shapes += [_shapes(about, column) for column in columns]
            return
        column = pa.concat_arrays(columns)
        if not pa.types.is_list(about.type):
            self.raw = is_json(about)
            self.codes.append(self._coded(column))
            if pa.types.is_floating(column.type):
                self.floats.append(np.where(_valid(column), numbers(column, np.float64), np.nan))
            return
        counts = np.diff(numbers(column, np.int32, len(column) + 1))
        self.shapes.append(_without(column, counts[:, None].astype(np.int32)))
        self.held = self.held or []
        codes = self._coded(column.values)
        self.held += [[] for _ in range(len(self.known) - len(self.held))]
        if self.too_many or not len(codes) or not pa.types.is_string(column.type.value_type):
            return
        rows = at + np.repeat(np.arange(len(column)), counts)
        order = np.argsort(codes, kind="stable")
        found, starts = np.unique(codes[order], return_index=True)
        for code, start, end in zip(found, starts, [*starts[1:], len(order)]):
            if (room := _ROWS - len(self.held[code])) > 0:
                self.held[code] += np.unique(rows[order[start:end]])[:room].tolist()

    def _coded(self, column: pa.Array) -> np.ndarray:
        if self.too_many or pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
            self.too_many = True
            return np.zeros(len(column), np.int32)
        coded = column.dictionary_encode(null_encoding="encode")
        table = [self.known.setdefault(value, len(self.known)) for value in coded.dictionary.to_pylist()]
        self.too_many = len(self.known) > _VALUES
        return np.array(table or [0], np.int32)[numbers(coded.indices, np.int32)]


def _shapes(about: pa.Field, column: pa.Array) -> np.ndarray:
    axes = about.type.field("shape").type.list_size
    shapes = numbers(column.field("shape").values, np.int32, len(column) * axes).reshape(-1, axes)
    return _without(column, shapes).copy()  # a view would keep the shard mapped


def _without(column: pa.Array, shapes: np.ndarray) -> np.ndarray:
    """-1 where there is nothing."""
    if not column.null_count:
        return shapes
    return np.where(_valid(column)[:, None], shapes, np.int32(-1))


def _valid(column: pa.Array) -> np.ndarray:
    return np.array(column.is_valid().to_pylist(), bool) if column.null_count else np.ones(len(column), bool)
