"""Rows of a Schema as Arrow columns, and values back out of them: arrays without a copy.

An array is ``struct<data: large_list<dtype>, shape: fixed_size_list<int32, rank>>``, so that ragged arrays of any
rank lie end to end; truth values take a byte each, since Arrow's bits could not be read in place. Where a node keeps its audio as
FLAC, the data of a wave are its bytes. Plain values are native Arrow types, dicts and nested models JSON text. None is null. Every
table has ``id`` and ``parents`` in front.
"""

import json
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from blocks.arrays import Array, marker
from blocks.base import Schema, field_type
from runner.store.sound import Coding, as_flac, from_flac

_NATIVE = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64(), bytes: pa.binary()}
_ARRAY, _JSON, _CODING = b"array", b"json", b"coding"  # keys of a field's metadata that say how to read it back
_SOUND = "wave"  # the type of array that is audio


def stored_fields(schema: type[Schema]) -> list[str]:
    """The fields with a column of their own; `id` and `parents` belong to every table."""
    return [name for name in schema.model_fields if name not in ("id", "parents")]


def arrow_schema(schema: type[Schema], audio: Coding = "") -> pa.Schema:
    """The columns of a table of `schema`, its audio coded or not. Raises TypeError for a field that cannot be stored exactly."""
    fields = [pa.field("id", pa.string(), nullable=False), pa.field("parents", pa.list_(pa.string()))]
    return pa.schema(fields + [_field(schema, name, audio) for name in stored_fields(schema)])


def encode(
    schema: type[Schema],
    ids: Sequence[str],
    rows: Sequence[Schema],
    parents: Sequence[Sequence[str]] | None = None,
    audio: Coding = "",
) -> pa.RecordBatch:
    """One record batch. `parents` are those of the rows themselves where they have any.

    Raises ValueError naming the field for a value that does not fit its column.
    """
    if len(ids) != len(rows):
        raise ValueError(f"want one id for each row, got {len(ids)} ids for {len(rows)} rows")
    if parents is None:
        parents = [getattr(row, "parents", None) for row in rows]
    elif len(parents) != len(rows):
        raise ValueError(f"want the parents of each row, got {len(parents)} for {len(rows)} rows")
    columns = arrow_schema(schema, audio)
    values = [ids, parents] + [[getattr(row, name) for row in rows] for name in columns.names[2:]]
    return pa.record_batch([_column(schema, field, column) for field, column in zip(columns, values)], schema=columns)


def reader(field: pa.Field, column: pa.Array) -> Callable[[int], Any]:
    """A function from row number to value; arrays are read-only views of the column's memory.

    Tuples come back as lists, models as dicts: what a pydantic schema makes them from again.
    """
    meta = field.metadata or {}
    if _ARRAY in meta:
        return _array_reader(np.dtype(meta[_ARRAY].decode()), column, _CODING in meta)
    if _JSON in meta:
        return lambda row: None if (text := column[row].as_py()) is None else json.loads(text)
    return lambda row: column[row].as_py()


def is_array(field: pa.Field) -> bool:
    """Whether a column holds arrays."""
    return _ARRAY in (field.metadata or {})


def is_json(field: pa.Field) -> bool:
    """Whether the texts of a column are JSON of what they stand for."""
    return _JSON in (field.metadata or {})


# ---- types ----


def _field(schema: type[Schema], name: str, audio: Coding) -> pa.Field:
    hint = field_type(schema, name)
    where = f"{schema.__module__}.{schema.__name__}.{name}"
    if isinstance(mark := marker(hint), Array):
        if not mark.dims or mark.dtype.kind not in "biuf" or not mark.dtype.isnative:
            raise TypeError(f"{where}: cannot store {mark}; want at least one axis of bool, int, uint or float")
        stored = pa.uint8() if mark.dtype == bool else pa.from_numpy_dtype(mark.dtype)
        coded = {_CODING: audio} if audio and mark.name == _SOUND else {}
        stored = pa.uint8() if coded else stored
        parts = {"data": pa.large_list(stored), "shape": pa.list_(pa.int32(), len(mark.dims))}
        return pa.field(name, pa.struct(parts.items()), metadata={_ARRAY: mark.dtype.name, **coded})
    if native := _native(hint):
        return pa.field(name, native)
    if unfit := _not_json(hint):
        raise TypeError(
            f"{where}: cannot store {unfit}; want arrays as fields of their own, and str, int, float, bool, bytes or "
            "lists, str-keyed dicts and models of them"
        )
    return pa.field(name, pa.string(), metadata={_JSON: "1"})


def _bare(hint):
    """The annotation without markers and without ``| None``."""
    while True:
        if typing.get_origin(hint) is typing.Annotated:
            hint = hint.__origin__
        elif typing.get_origin(hint) in (types.UnionType, typing.Union):
            others = [arg for arg in typing.get_args(hint) if arg is not type(None)]
            if len(others) != 1:
                return hint
            hint = others[0]
        else:
            return hint


def _native(hint) -> pa.DataType | None:
    hint = _bare(hint)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal and len({type(arg) for arg in args}) == 1:
        return _NATIVE.get(type(args[0]))
    inner = args[0] if origin is list or (origin is tuple and args[1:] == (...,)) else None
    if inner is not None and (item := _native(inner)) is not None:
        return pa.list_(item)
    return _NATIVE.get(hint)


def _not_json(hint) -> str | None:
    """The part of an annotation that JSON could not give back as it was, or None."""
    hint = _bare(hint)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        found = (_not_json(field_type(hint, name)) for name in hint.model_fields)
    elif origin is dict and _bare(args[0]) is str:
        found = (_not_json(args[1]),)
    elif origin in (list, tuple, types.UnionType, typing.Union):
        found = (_not_json(arg) for arg in args if arg is not ...)
    elif origin is typing.Literal:
        found = (_not_json(type(arg)) for arg in args)
    else:
        known = (Any, str, int, float, bool, type(None), list)
        return None if hint in known else str(getattr(hint, "__name__", hint)) if origin is None else str(hint)
    return next(filter(None, found), None)


# ---- values: by buffers, because pa.array and to_numpy import pandas where it is installed (half a second) ----


def text_column(texts: Sequence[str]) -> pa.Array:
    return _native_column(pa.string(), texts)


def _column(schema: type[Schema], field: pa.Field, values: Sequence) -> pa.Array:
    meta = field.metadata or {}
    try:
        if _ARRAY in meta:
            return _array_column(field.type, marker(field_type(schema, field.name)), values, _CODING in meta)
        if _JSON in meta:
            values = [None if value is None else json.dumps(value, default=_model) for value in values]
        return _native_column(field.type, values)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"{schema.__name__}.{field.name}: cannot be stored as {field.type}: {error}") from error


def _model(value):
    if isinstance(value, BaseModel):
        return value.model_dump()
    raise TypeError(f"{type(value).__name__} is not JSON")


def _native_column(kind: pa.DataType, values: Sequence) -> pa.Array:
    valid, children = _bits(_known(values)) if None in values else None, []
    if pa.types.is_list(kind):
        children = [_native_column(kind.value_type, [item for value in values for item in value or ()])]
        buffers = [_offsets([len(value or ()) for value in values], np.int32)]
    elif pa.types.is_string(kind) or pa.types.is_binary(kind):
        to_bytes = str.encode if pa.types.is_string(kind) else bytes
        parts = [b"" if value is None else to_bytes(value) for value in values]
        buffers = [_offsets([len(part) for part in parts], np.int32), pa.py_buffer(b"".join(parts))]
    elif pa.types.is_boolean(kind):
        buffers = [_bits([bool(value) for value in values])]
    else:
        dtype = np.int64 if pa.types.is_integer(kind) else np.float64
        buffers = [pa.py_buffer(np.array([0 if value is None else value for value in values], dtype))]
    return pa.Array.from_buffers(kind, len(values), [valid, *buffers], children=children)


def _array_column(kind: pa.StructType, mark: Array, values: Sequence[np.ndarray | None], coded: bool) -> pa.Array:
    empty = np.empty((0,) * len(mark.dims), mark.dtype)
    arrays = [empty if value is None else mark.check(value) for value in values]
    parts = [np.frombuffer(as_flac(array), np.uint8) if coded else array.ravel() for array in arrays]
    flat = np.concatenate([np.empty(0, np.uint8 if coded else mark.dtype), *parts])
    lists, sizes = kind.field("data").type, kind.field("shape").type
    items = pa.Array.from_buffers(lists.value_type, flat.size, [None, pa.py_buffer(flat)])
    ends = _offsets([part.size for part in parts], np.int64)
    data = pa.Array.from_buffers(lists, len(arrays), [None, ends], children=[items])
    numbers = np.array([array.shape for array in arrays], np.int32).ravel()
    shapes = pa.Array.from_buffers(pa.int32(), numbers.size, [None, pa.py_buffer(numbers)])
    shape = pa.Array.from_buffers(sizes, len(arrays), [None], children=[shapes])
    known = _known(values)
    valid = None if all(known) else _bits(known)
    return pa.Array.from_buffers(kind, len(arrays), [valid], children=[data, shape])


def _known(values: Sequence) -> list[bool]:
    return [value is not None for value in values]


def _bits(flags: Sequence[bool]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(np.array(flags, bool), bitorder="little"))


def _offsets(sizes: Sequence[int], dtype: type) -> pa.Buffer:
    ends = np.cumsum([0, *sizes], dtype=np.int64)
    if ends[-1] > np.iinfo(dtype).max:
        raise OverflowError(f"{ends[-1]} bytes or items in one shard; want fewer rows in a shard")
    return pa.py_buffer(ends.astype(dtype))


def _array_reader(dtype: np.dtype, column: pa.StructArray, coded: bool) -> Callable[[int], np.ndarray | None]:
    data, shape = column.field("data"), column.field("shape")
    flat = numbers(data.values, np.uint8 if coded else dtype)
    flat.flags.writeable = False
    ends = numbers(data, np.int64, len(column) + 1).tolist()
    shapes = numbers(shape.values, np.int32).reshape(len(column), shape.type.list_size).tolist()
    missing = {row for row, valid in enumerate(column.is_valid().to_pylist()) if not valid} if column.null_count else ()

    def read(row: int) -> np.ndarray | None:
        if row in missing:
            return None
        data = flat[ends[row] : ends[row + 1]]
        return (from_flac(data.data) if coded else data).reshape(shapes[row])

    return read


def numbers(column: pa.Array, dtype, count: int | None = None) -> np.ndarray:
    """The column's own memory: its values, or for a list its offsets."""
    count, buffer = len(column) if count is None else count, column.buffers()[1]
    at = column.offset * np.dtype(dtype).itemsize
    return np.frombuffer(buffer, dtype, count, at) if count and buffer else np.zeros(count, dtype)
