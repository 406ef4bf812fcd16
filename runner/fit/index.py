"""What a training on many rows knows of each of them before it reads one: id, split, length, group, in Arrow columns.

Lengths and groups are what the block says of stand-ins (`runner.work.lengths`); one that looks at arrays is asked about the items.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from blocks.base import Schema, Trainable
from runner.store.columns import numbers
from runner.store.files import Files
from runner.store.ids import Ids
from runner.store.table import read_batch
from runner.work.lengths import ABSENT, Leaf, NeedsValues, alike, asked, leaves_of, look
from runner.work.rows import Rows

INDEX = "index.arrow"  # beside the checkpoints


@dataclass
class Index:
    """By row, in the order of the node's rows."""

    ids: Ids
    dev: np.ndarray  # bool
    lengths: np.ndarray  # int32, in frames of `Trainable.length`
    groups: np.ndarray  # int32, numbers of groups
    first: np.ndarray  # bool: rows in which a text of some field is met first among those that are trained on

    def write(self, files: Files, folder: str) -> None:
        columns = {
            "id": self.ids.column,
            "dev": self.dev,
            "length": self.lengths,
            "group": self.groups,
            "first": self.first,
        }
        arrays = {name: each if isinstance(each, pa.Array) else _column(each) for name, each in columns.items()}
        batch = pa.record_batch(list(arrays.values()), names=list(arrays))
        with files.new(f"{folder}/{INDEX}") as stream, pa.ipc.new_file(stream, batch.schema) as writer:
            writer.write_batch(batch)

    @classmethod
    def read(cls, files: Files, folder: str) -> "Index | None":
        """As it was written; None where it was not."""
        if files.size(path := f"{folder}/{INDEX}") is None:
            return None
        with files.open(path) as file:
            batch = read_batch(files.at(path), file, None)
        dev, first = (numbers(batch.column(name), np.uint8).astype(bool) for name in ("dev", "first"))
        lengths, groups = (numbers(batch.column(name), np.int32) for name in ("length", "group"))
        return cls(Ids(batch.column("id")), dev, lengths, groups, first)


def _column(values: np.ndarray) -> pa.Array:
    values = values.astype(np.uint8) if values.dtype == bool else values.astype(np.int32)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def splits(rows: Rows) -> tuple[np.ndarray, list]:
    """A number for every row, and the split that each number stands for."""
    leaf = Leaf(rows, ("split",), rows.checked.node.inputs["split"])
    look(rows, [leaf])
    examples, codes = alike([leaf.codes], len(rows.ids))
    return codes, [None if (value := leaf.value(at)) is ABSENT else value for at in examples]


def measure(
    rows: Rows, block: Trainable, schema: type[Schema], trained: np.ndarray, make: Callable[[str], Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lengths and groups of all rows, and in which of the `trained` ones a text is met first.

    `make` turns an id into an item, for a block that has to see one.
    """
    leaves = leaves_of(rows)
    first = look(rows, leaves, trained)
    try:
        answers, kinds = asked(block.length, schema, rows, leaves)
        lengths = np.array(answers, np.int32)[kinds]
        answers, kinds = asked(block.group, schema, rows, leaves)
        groups = _numbered(answers)[kinds]
    except NeedsValues:
        pairs = [(block.length(item), block.group(item)) for item in map(make, rows.ids)]
        lengths, groups = np.array([length for length, _ in pairs], np.int32), _numbered([name for _, name in pairs])
    return lengths, groups, first


def greatest(rows: Rows, schema: type[Schema], trained: np.ndarray, of: Callable[[Any], float]) -> float:
    """The greatest number that `of` gives of any of the `trained` rows. Raises NeedsValues where it looks at an array."""
    look(rows, leaves := leaves_of(rows))
    answers, kinds = asked(of, schema, rows, leaves)
    return float(np.array(answers)[kinds][trained].max())


def _numbered(names: list[str]) -> np.ndarray:
    known: dict[str, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names], np.int32)
