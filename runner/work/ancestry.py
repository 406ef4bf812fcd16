"""Where rows come from, at any depth: the tables above a table, the rows that a row was made from, and what a model was trained on.

A row is made from others by `expand` alone; all else keeps ids. What a row was made from at last, its roots, is what counts:
two rows share an ancestor where they share a root. Two sources whose ids are equal are taken for one, as two settings of
one corpus are: those of a user's own want a `prefix`.
"""

import hashlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from runner.graph.nodes import CONSTANT
from runner.store import Store

TRAINED_ON = (
    "trained_on.safetensors"  # in an artifact: the roots of what it was trained on, as numbers in ascending order
)
_OLD_NAME = "heard.safetensors"  # up to format 3


class Ancestry:
    """The tables that some tables were made from, themselves first, the nearest before the farther ones."""

    def __init__(self, store: Store, digests: Iterable[str]):
        self.tables: dict[str, Any] = {}
        waiting = list(digests)
        while waiting:
            digest = waiting.pop(0)
            if digest not in self.tables and (table := store.find_table(digest)) is not None:
                self.tables[digest] = table
                meta = table.manifest["meta"]
                waiting += [*_digests(meta.get("inputs", {})), *meta.get("members", ())]

    def made_by(self) -> list[dict]:
        """Node, block, config and state of the data of each that a block has made."""
        metas = (table.manifest["meta"] for table in self.tables.values())
        keys = ("node", "block", "data")
        return [
            {key: meta[key] for key in keys if meta.get(key) is not None}
            | {"config": _public(meta.get("config") or {})}
            for meta in metas
            if meta.get("block")
        ]

    def roots(self, ids: Iterable[str]) -> set[str]:
        """What these rows were made from at last; a row that was made from none is its own root."""
        if not self._parents:
            return set(ids)
        found, seen, waiting = set(), set(), list(ids)
        while waiting:
            if (id := waiting.pop()) not in seen:
                seen.add(id)
                waiting += self._parents.get(id, ())
                found |= set() if id in self._parents else {id}
        return found

    @property
    def has_parents(self) -> bool:
        """Whether any row was made from others."""
        return bool(self._parents)

    @cached_property
    def _parents(self) -> dict[str, list[str]]:
        """Of every row that an expander made."""
        found: dict[str, list[str]] = {}
        for table in self.tables.values():
            if table.manifest["kind"] == "table":  # a view shows what others hold
                found |= table.parents()
        return found

    def values(self, kind: str, id: str) -> list:
        """The value of a type, such as ``speaker``, of a row; of a row made from others that tells none, those of its parents."""
        for table, column in self.columns(kind):
            if id in table and (value := table.get(id, (column,))[column]) is not None:
                return [value]
        return [value for parent in self._parents.get(id, ()) for value in self.values(kind, parent)]

    def columns(self, kind: str) -> Iterator[tuple]:
        """Fields of a type, whose name is the first word of how it is written."""
        for table in self.tables.values():
            yield from ((table, name) for name, hint in table.manifest["fields"].items() if hint.split(" ")[0] == kind)


class TrainedOn:
    """The roots that a model was trained on, itself or what it was trained from."""

    def __init__(self, numbers: np.ndarray):
        self.numbers = numbers  # uint64, ascending

    @classmethod
    def of(cls, roots: Iterable[str], before: "TrainedOn | None" = None) -> "TrainedOn":
        made = np.array([_number(root) for root in roots], np.uint64)
        return cls(np.unique(np.concatenate([made, before.numbers]) if before else made))

    @classmethod
    def read(cls, folder: str | Path) -> "TrainedOn | None":
        """What an artifact says; None for one that was made before artifacts said it."""
        from safetensors.numpy import load_file

        paths = (Path(folder) / name for name in (TRAINED_ON, _OLD_NAME))
        path = next((path for path in paths if path.is_file()), None)
        return cls(load_file(path)["roots"]) if path else None

    def write(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        save_file({"roots": self.numbers}, folder / TRAINED_ON)

    def among(self, roots: Iterable[str]) -> set[str]:
        """Those of these that it was trained on."""
        roots = list(roots)
        numbers = np.array([_number(root) for root in roots], np.uint64)
        return {root for root, known in zip(roots, np.isin(numbers, self.numbers)) if known}


def _number(root: str) -> int:
    return int.from_bytes(hashlib.blake2b(root.encode(), digest_size=8).digest(), "big")


def _public(config: dict) -> dict:
    """Without paths of this machine, which say nothing to others."""
    return {key: value for key, value in config.items() if not (isinstance(value, str) and Path(value).is_absolute())}


def _digests(inputs: dict) -> Iterator[str]:
    for source in inputs.values():
        if isinstance(source, dict):
            yield from () if source.keys() == CONSTANT else _digests(source)
        else:
            yield source[0]
