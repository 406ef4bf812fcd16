"""Values go into Arrow columns and come back exactly, array dtypes and shapes included."""

import io
import math
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import BaseModel

from blocks.arrays import Array, Speaker, Voicing, Wave
from blocks.base import DerivedRow, NewRow, Schema
from blocks.metric.schema import Scores
from runner.store.columns import arrow_schema, encode, reader

DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32"]
DTYPES += ["float64"]


def stored(schema, rows, ids=None, parents=None) -> tuple[pa.RecordBatch, bytes]:
    """A batch after a trip through an Arrow file, and the file's bytes."""
    batch = encode(schema, ids or [f"id{n}" for n in range(len(rows))], rows, parents)
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return pa.ipc.open_file(pa.py_buffer(sink.getvalue())).get_batch(0), sink.getvalue()


def values(schema, rows, name) -> list:
    batch, _ = stored(schema, rows)
    read = reader(batch.schema.field(name), batch.column(name))
    return [read(n) for n in range(len(rows))]


def same_array(a, b) -> bool:
    """Equal to the bit, dtype and shape included."""
    return (a is b is None) or (a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())


def arrays_of(dtype: str, rank: int):
    shapes = hnp.array_shapes(min_dims=rank, max_dims=rank, min_side=0, max_side=5)
    return st.lists(st.none() | hnp.arrays(dtype, shapes), max_size=5)


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_arrays_of_every_dtype_come_back_exactly(dtype, data):
    rank = data.draw(st.integers(1, 3))
    hint = Annotated[np.ndarray, Array("x", dtype, *"abc"[:rank])]

    class Row(Schema):
        x: hint | None

    given_arrays = data.draw(arrays_of(dtype, rank))
    found = values(Row, [Row(x=array) for array in given_arrays], "x")
    assert len(found) == len(given_arrays)
    assert all(map(same_array, found, given_arrays))


class Model(BaseModel):
    name: str
    weights: dict[str, float] = {}


class Everything(Schema):
    text: Speaker
    maybe: str | None
    flag: bool
    count: int
    number: float
    words: list[str]
    pair: tuple[str, ...]
    spans: list[list[float]]
    split: Literal["train", "dev"]
    table: dict[str, dict[str, float]]
    model: Model | None
    either: int | str
    raw: bytes


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
floats = st.floats()
everything = st.builds(
    Everything,
    text=texts,
    maybe=st.none() | texts,
    flag=st.booleans(),
    count=st.integers(-(2**63), 2**63 - 1),
    number=floats,
    words=st.lists(texts, max_size=3),
    pair=st.lists(texts, max_size=3).map(tuple),
    spans=st.lists(st.lists(floats, max_size=3), max_size=3),
    split=st.sampled_from(["train", "dev"]),
    table=st.dictionaries(texts, st.dictionaries(texts, floats, max_size=3), max_size=3),
    model=st.none() | st.builds(Model, name=texts, weights=st.dictionaries(texts, floats, max_size=2)),
    either=st.integers() | texts,
    raw=st.binary(max_size=5),
)


def same(a, b) -> bool:
    """Equal in value, type and order of keys; NaN equals NaN and 0.0 is not -0.0."""
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and a == b


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(everything, max_size=4))
def test_values_come_back_exactly_as_plain_data(rows):
    for name in Everything.model_fields:
        want = [row.model_dump()[name] for row in rows]
        want = [list(value) if isinstance(value, tuple) else value for value in want]
        assert same(values(Everything, rows, name), want)


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(everything, min_size=1, max_size=3))
def test_what_comes_back_makes_the_same_row_and_the_same_bytes(rows):
    columns = {name: values(Everything, rows, name) for name in Everything.model_fields}
    again = [Everything(**{name: column[n] for name, column in columns.items()}) for n in range(len(rows))]
    assert stored(Everything, again)[1] == stored(Everything, rows)[1]


def test_a_metric_table_is_a_dict_of_dicts_again():
    scores = {"world": {"mcd": 5.25, "pesq": float("nan")}, "griffin_lim": {}, "ünï\u2028\x00": {"f0": -0.0}}
    (found,) = values(Scores, [Scores(scores=scores)], "scores")
    assert same(found, scores)


def test_arrays_are_read_only_views_of_the_file_and_need_not_be_contiguous():
    class Row(Schema):
        wave: Wave
        voicing: Voicing

    square = np.arange(24, dtype="float32").reshape(4, 6)
    row = Row(wave=square[:, 1], voicing=np.array([True, False, True]))
    batch, _ = stored(Row, [row, row])
    for name in ("wave", "voicing"):
        read = reader(batch.schema.field(name), batch.column(name))
        found = read(1)
        assert same_array(found, np.ascontiguousarray(getattr(row, name)))
        assert np.shares_memory(found, read(1)), "each read made a copy"
        with pytest.raises(ValueError, match="read-only"):
            found[0] = 0


def test_ids_and_parents_stand_in_front():
    class Joined(DerivedRow):
        text: str

    rows = [Joined(id="a+b", parents=("a", "b"), text="x"), Joined(id="c", parents=(), text="y")]
    assert arrow_schema(Joined).names == ["id", "parents", "text"]
    batch, _ = stored(Joined, rows, ids=["a+b", "c"])
    assert batch.column("id").to_pylist() == ["a+b", "c"]
    assert batch.column("parents").to_pylist() == [["a", "b"], []]


def test_parents_given_by_the_caller_win_and_rows_without_have_none():
    class Row(NewRow):
        text: str

    rows = [Row(id="a", text="x")]
    assert stored(Row, rows)[0].column("parents").to_pylist() == [None]
    assert stored(Row, rows, parents=[("p",)])[0].column("parents").to_pylist() == [["p"]]
    with pytest.raises(ValueError, match="want the parents of each row, got 0 for 1 rows"):
        encode(Row, ["a"], rows, [])
    with pytest.raises(ValueError, match="want one id for each row, got 2 ids for 1 rows"):
        encode(Row, ["a", "b"], rows)


@pytest.mark.parametrize(
    ("hint", "named"),
    [
        (dict[int, str], r"dict\[int, str\]"),
        (set[str], r"set\[str\]"),
        (dict[str, Wave], "ndarray"),
        (list[complex], "complex"),
        (Annotated[np.ndarray, Array("x", "complex64", "a")], r"x complex64\(a\); want at least one axis of bool"),
        (Annotated[np.ndarray, Array("x", "float32")], r"x float32\(\); want at least one axis"),
        (Annotated[np.ndarray, Array("x", ">f4", "a")], r"x >f4\(a\)"),
    ],
)
def test_a_field_that_would_not_come_back_is_refused_by_name(hint, named):
    Row = type("Row", (Schema,), {"__annotations__": {"field": hint}, "__module__": "somewhere"})
    with pytest.raises(TypeError, match=rf"^somewhere\.Row\.field: cannot store .*{named}"):
        arrow_schema(Row)


def test_a_value_that_does_not_fit_is_refused_by_name():
    class Row(Schema):
        count: int = 0
        anything: Any = None

    with pytest.raises(ValueError, match=r"Row\.count: cannot be stored as int64"):
        encode(Row, ["a"], [Row(count=2**63)])
    with pytest.raises(ValueError, match=r"Row\.anything: cannot be stored as string: set is not JSON"):
        encode(Row, ["a"], [Row(anything={1})])
    with pytest.raises(ValueError, match=r"Row\.id: cannot be stored as string"):
        encode(Row, ["\udcff"], [Row()])


def test_a_melody_comes_back_as_it_was():
    from blocks.arrays import Note, Notes

    class Sung(Schema):
        notes: Notes

    sung = Sung(
        notes=(Note(key=69.0, seconds=0.5, lyric="la"), Note(key=70.5, seconds=0.2), Note(key=None, seconds=1.0))
    )
    batch = encode(Sung, ["a"], [sung])
    back = reader(batch.schema.field("notes"), batch.column("notes"))(0)
    assert Sung(notes=back) == sung
