"""Tables as read: rows by id, one field without the others, arrays that lie where the disk was mapped.

A `Table` owns its shards. A `View` owns only ids and takes every field from another table. A few shards are kept open,
so that memory does not grow with the length of a table.
"""

import bisect
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

import pyarrow as pa

from blocks.base import Failure, Skip
from runner.store.columns import reader
from runner.store.files import Files
from runner.store.formats import StoreError
from runner.store.ids import MANY, Ids
from runner.store.outline import Outline, gathered, joined, places

MANIFEST, IDS, FAILURES = "table.json", "ids.arrow", "failures.jsonl"
OUTLINE = "outline.arrow"  # of a large table
_OPEN_SHARDS, _OPEN_BYTES = 512, 64 * 2**20  # kept at hand at once


class Table:
    """A complete table. Get it from `Store.find_table`."""

    def __init__(self, files: Files, folder: str, manifest: dict):
        self._files, self.folder, self.manifest = files, folder, manifest
        self.digest: str = manifest["digest"]
        self.fields: list[str] = list(manifest["fields"])
        self._shards: OrderedDict[int, _Shard] = OrderedDict()
        self._starts = [0, *accumulate(part["rows"] for part in self._parts)]

    def __len__(self) -> int:
        return self.manifest["rows"]

    def __contains__(self, id: str) -> bool:
        return self._number(id) is not None

    @cached_property
    def ids(self) -> Sequence[str]:
        """In the order of the shards: a list, of a large table `Ids`."""
        path = f"{self.folder}/{self._side(IDS)}"
        with self._files.open(path) as file:
            column = read_batch(self._files.at(path), file, ["id"]).column("id")
        return Ids(column) if len(column) > MANY else column.to_pylist()

    @cached_property
    def failures(self) -> list[Failure]:
        """What could not be made (`Failure`) and what was left out on purpose (`Skip`), with ids."""
        if (name := self._side(FAILURES)) is None:
            return []
        lines = self._files.read(f"{self.folder}/{name}").decode().splitlines()
        return [_failure(**json.loads(line)) for line in lines]

    def get(self, id: str, fields: Iterable[str] | None = None) -> dict[str, Any]:
        """One row: the fields wanted, ``id``, and ``parents`` where it has any.

        Raises StoreError for an id or a field that the table does not have.
        """
        number = self._number(id)
        if number is None:
            raise StoreError(f"{self}: no row {id!r} among {len(self)} (the first is {next(iter(self.ids), None)!r})")
        return self._row(number, id, self.check_fields(fields))

    def rows(self, ids: Iterable[str] | None = None, fields: Iterable[str] | None = None) -> Iterator[dict[str, Any]]:
        """Rows as `get` gives them; without `ids` all, in the order of the shards."""
        fields = self.check_fields(fields)
        if ids is not None:
            yield from (self.get(id, fields) for id in ids)
        else:
            yield from (self._row(number, id, fields) for number, id in enumerate(self.ids))

    def batches(self, fields: Iterable[str]) -> Iterator[pa.RecordBatch]:
        """Columns shard by shard."""
        names = self.check_fields(fields)

        def read(part: dict) -> pa.RecordBatch:
            path = f"{self.folder}/{part['file']}"
            with self._files.open(path) as file:
                return read_batch(self._files.at(path), file, None if self._files.local else names).select(names)

        for at in range(0, len(self._parts), _OPEN_SHARDS):  # of a remote store so many are held at once
            yield from self._files.each(read, self._parts[at : at + _OPEN_SHARDS])

    def paths(self, ids: Iterable[str], fields: Iterable[str]) -> list[str]:
        """The files that hold some fields of these rows, in the order in which they are wanted."""
        places = (self._number(id) for id in ids)
        parts = dict.fromkeys(self._locate(place)[0] for place in places if place is not None)
        return [f"{self.folder}/{self._parts[part]['file']}" for part in parts]

    def outline(self, fields: Iterable[str] | None = None) -> Outline:
        """What is known of every row without its arrays."""
        fields = self.check_fields(fields)
        if (name := self._side(OUTLINE)) is None:
            return gathered(((batch, {}) for batch in self.batches(fields)), fields)
        path = f"{self.folder}/{name}"
        with self._files.open(path) as file:
            return Outline.decoded(read_batch(self._files.at(path), file, None))

    def parents(self) -> dict[str, list[str]]:
        """What each row was made from that was made from others."""
        rows = self.rows(fields=()) if self.manifest["parents"] else ()
        return {row["id"]: row["parents"] for row in rows if "parents" in row}

    def check_fields(self, fields: Iterable[str] | None) -> list[str]:
        """The fields that have to be read, all for None. Raises StoreError for one that the table does not have."""
        if fields is None:
            return self.fields
        wanted = [name for name in fields if name not in ("id", "parents")]  # those come with every row
        if unknown := [name for name in wanted if name not in self.manifest["fields"]]:
            raise StoreError(f"{self}: no field {', '.join(unknown)}; it has {', '.join(self.fields) or 'none'}")
        return wanted

    def __str__(self) -> str:
        node = self.manifest["meta"].get("node")
        return f"table {self.digest[:12]}" + (f" of {node}" if node else "")

    # ---- inside ----

    def _side(self, name: str) -> str | None:
        """How the file is called that stands beside the shards: ``ids.arrow``, or ``ids.1.arrow`` where that was taken."""
        stem = name.partition(".")[0]
        return next((each for each in self.manifest["files"] if each.partition(".")[0] == stem), None)

    @property
    def _parts(self) -> list[dict]:
        return self.manifest["shards"]

    def _number(self, id: str) -> int | None:
        return self.ids.number(id) if isinstance(self.ids, Ids) else self._numbers.get(id)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {id: number for number, id in enumerate(self.ids)}

    def _locate(self, number: int) -> tuple[int, int]:
        part = bisect.bisect_right(self._starts, number) - 1
        return part, number - self._starts[part]

    def _row(self, number: int, id: str, fields: list[str]) -> dict[str, Any]:
        part, at = self._locate(number)
        shard = self._shard(part)
        row = {"id": id}
        for name in fields:
            row[name] = shard.column(name)(at)
        if self.manifest["parents"] and (parents := shard.column("parents")(at)):
            row["parents"] = parents
        return row

    def _shard(self, index: int) -> "_Shard":
        if index in self._shards:
            self._shards.move_to_end(index)
            return self._shards[index]
        entry = self._parts[index]
        shard = self._shards[index] = _Shard(self._files, f"{self.folder}/{entry['file']}")
        kept = 0
        for nth, number in enumerate(reversed(list(self._shards))):
            kept += self._parts[number]["bytes"]
            if nth and (nth >= _OPEN_SHARDS or kept > _OPEN_BYTES):
                del self._shards[number]  # arrays in use keep its memory alive
        return shard


class View(Table):
    """Rows whose fields lie in other tables: what ``pick`` and ``union`` make, without a copy."""

    def __init__(self, files: Files, folder: str, manifest: dict, find: Callable[[str], Table]):
        super().__init__(files, folder, manifest)
        self._find = find
        self._tables: dict[str, Table] = {}

    @property
    def _parts(self) -> list[dict]:
        return self.manifest["parts"]

    def _row(self, number: int, id: str, fields: list[str]) -> dict[str, Any]:
        sources = self._parts[self._locate(number)[0]]["fields"]
        row: dict[str, Any] = {"id": id}
        parents: dict[str, None] = {}
        if self.manifest["parents"]:
            for digest in dict.fromkeys(digest for digest, _ in sources.values()):
                parents.update(dict.fromkeys(self.source(digest).get(id, ()).get("parents", ())))
        for name in fields:
            digest, field = sources[name]
            row[name] = self.source(digest).get(id, (field,)).get(field)
        if parents:
            row["parents"] = list(parents)
        return row

    def outline(self, fields: Iterable[str] | None = None) -> Outline:
        fields, found, at = self.check_fields(fields), [], 0
        for part in self._parts:
            some, whole = self.ids[at : at + part["rows"]], Outline(part["rows"])
            at += part["rows"]
            for digest in dict.fromkeys(part["fields"][name][0] for name in fields):
                names = {name: part["fields"][name][1] for name in fields if part["fields"][name][0] == digest}
                source = self.source(digest)
                whole.add(source.outline(dict.fromkeys(names.values())).of(names, places(source.ids, some)))
            found.append(whole)
        return found[0] if len(found) == 1 else joined(found, fields)

    def paths(self, ids: Iterable[str], fields: Iterable[str]) -> list[str]:
        found: dict[str, None] = {}
        for id in ids:
            if (place := self._number(id)) is not None:
                sources = self._parts[self._locate(place)[0]]["fields"]
                for digest, name in (sources[field] for field in fields):
                    found |= dict.fromkeys(self.source(digest).paths([id], [name]))
        return list(found)

    def source(self, digest: str) -> Table:
        """A table whose fields it shows."""
        if digest not in self._tables:
            self._tables[digest] = self._find(digest)
        return self._tables[digest]


class _Shard:
    """One shard. A mapped file is read as a whole, since only what is touched is loaded; else column by column."""

    def __init__(self, files: Files, path: str):
        self._files, self._path = files, path
        self._batch = self._read(None) if files.local else None
        self._readers: dict[str, Callable[[int], Any]] = {}

    def column(self, name: str) -> Callable[[int], Any]:
        if name not in self._readers:
            batch = self._read([name]) if self._batch is None else self._batch
            self._readers[name] = reader(batch.schema.field(name), batch.column(name))
        return self._readers[name]

    def _read(self, names: list[str] | None) -> pa.RecordBatch:
        with self._files.open(self._path) as file:  # what was mapped stays so while arrays are in use
            return read_batch(self._files.at(self._path), file, names)


def read_batch(path: str, file, names: list[str] | None) -> pa.RecordBatch:
    """Some columns (None: all) of a file with one record batch. Raises StoreError where it is damaged."""
    try:
        batches = pa.ipc.open_file(file)
        if names is not None:
            columns = [batches.schema.get_field_index(name) for name in names]
            batches = pa.ipc.open_file(file, options=pa.ipc.IpcReadOptions(included_fields=columns, use_threads=False))
        return batches.get_batch(0)
    except (pa.ArrowException, OSError) as error:
        raise StoreError(f"{path}: is damaged ({error}); {how_to_mend(path)}") from None


def how_to_mend(path: str) -> str:
    folder, _, name = path.rpartition("/")
    both = f"{name} and {MANIFEST}" if name != MANIFEST else MANIFEST
    return f"delete {both} in {folder} and run again: only what is missing is made anew"


def _failure(id: str | None, reason: str, skipped: bool) -> Failure:
    return (Skip if skipped else Failure)(reason, id)
