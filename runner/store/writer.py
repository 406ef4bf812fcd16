"""Writing tables: shards that are complete as soon as they have their name, the manifest last."""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from blocks.arrays import marker
from blocks.base import Failure, Schema, Skip, field_type
from runner.store.columns import arrow_schema, encode, stored_fields, text_column
from runner.store.files import Files
from runner.store.formats import StoreError, versions
from runner.store.table import FAILURES, IDS, MANIFEST, Table, read_batch

FORMAT = 1
STARTED = "started.json"
REFUSED = "refused.json"  # stands in a table that a run gave up for its failures
_REASONS = 50  # kinds of failure that a manifest counts; failures.jsonl has all
_SHARD = re.compile(r"shard-(\d{5,})\.arrow")


@dataclass(frozen=True)
class ViewPart:
    """Some rows of a view: which ids, and for each field the table and field it lies in."""

    fields: dict[str, tuple[str, str]]
    ids: list[str]


class TableWriter:
    """Writes one table, shard by shard, in any order; shards that are there are kept."""

    def __init__(
        self,
        files: Files,
        folder: str,
        find: Callable[[str], Table],
        schema: type[Schema],
        meta: dict,
        layout: str = "",
    ):
        self._files, self._folder, self._find = files, folder, find
        self._schema, self._meta, self._layout = schema, meta, layout
        self.digest = folder.rpartition("/")[2]
        self._columns = arrow_schema(schema)
        self._about = self._all_finished()
        if self._files.size(f"{self._folder}/{REFUSED}"):
            self._forget_failed()
        self.done: set[int] = set(self._about)
        if not self._files.size(f"{self._folder}/{MANIFEST}"):
            self._files.write_json(f"{self._folder}/{STARTED}", {"started": now(), "meta": meta}, sync=False)

    @property
    def rows(self) -> int:
        """Rows in the shards finished so far, by this run or an earlier one."""
        return sum(about["rows"] for about in self._about.values())

    @property
    def failures(self) -> int:
        """Failures in those shards, without what was left out on purpose."""
        return sum(_count_failed(about) for about in self._about.values())

    def refuse(self) -> None:
        """Note that a run would not go on with these failures: the next one tries the shards that hold some again."""
        self._about = self._all_finished()  # others may have made shards, too
        self._files.write_json(f"{self._folder}/{REFUSED}", {"failures": self.failures})

    def _forget_failed(self) -> None:
        for index in [index for index, about in self._about.items() if _count_failed(about)]:
            self._files.delete(self._path(index))
            del self._about[index]
        self._files.delete(f"{self._folder}/{REFUSED}")

    def write(
        self,
        index: int,
        ids: Sequence[str],
        rows: Sequence[Schema],
        failures: Sequence[Failure] = (),
        parents: Sequence[Sequence[str]] | None = None,
    ) -> None:
        """One whole shard, in place at once or not at all. Raises ValueError for a value that cannot be stored."""
        batch = encode(self._schema, ids, rows, parents)
        about = {
            "rows": len(rows),
            "layout": self._layout,
            "failures": [[f.id, f.reason, isinstance(f, Skip)] for f in failures],
        }
        batch = batch.replace_schema_metadata({"voxblocks": json.dumps(about)})
        with (
            self._files.new(self._path(index), unless=lambda: self._finished(index) is not None) as stream,
            pa.ipc.new_file(stream, batch.schema) as writer,
        ):
            writer.write_batch(batch)
        self._about[index] = about

    def refuses(self, id: str, row: Schema) -> str | None:
        """Why a row cannot be stored, in one line, or None."""
        try:
            encode(self._schema, [id], [row])
        except ValueError as error:
            return " ".join(str(error).split())
        return None

    def publish(self, shards: int | None = None) -> Table:
        """Complete the table of the first `shards` shards (default: all that are there).

        Raises StoreError for a shard that is missing and an id that stands in two rows.
        """
        if self._files.size(f"{self._folder}/{MANIFEST}"):
            return self._find(self.digest)  # another run was faster
        found = self._all_finished()
        count = max(found, default=-1) + 1 if shards is None else shards
        if missing := [index for index in range(count) if index not in found]:
            raise StoreError(f"{self._files.at(self._folder)}: cannot publish without {_shard_name(missing[0])}")
        entries, failures, any_parents = [], [], False
        where: dict[str, int] = {}
        sizes = self._listed()
        for index, batch in enumerate(self._files.each(self._names, range(count))):
            any_parents |= batch.column("parents").null_count < len(batch)
            for id in batch.column("id").to_pylist():
                if id in where:
                    raise StoreError(
                        f"{self._files.at(self._folder)}: id {id!r} stands in {_shard_name(where[id])} and in "
                        f"{_shard_name(index)}; want each id once in a table"
                    )
                where[id] = index
            listed = _failures(found[index])
            failures += listed
            entries.append(
                {
                    "file": _shard_name(index),
                    "rows": len(batch),
                    "bytes": sizes[index],
                    "failures": len(listed),
                }
            )
        for index in sizes:
            if index >= count:  # left by a run that cut the table in another way
                self._files.delete(self._path(index))
        names = stored_fields(self._schema)
        manifest = {
            "kind": "table",
            "fields": {name: type_text(field_type(self._schema, name)) for name in names},
            "parents": any_parents,
            "shards": entries,
        }
        publish(self._files, self._folder, self.digest, self._meta, manifest, list(where), failures)
        return self._find(self.digest)

    def _path(self, index: int) -> str:
        return f"{self._folder}/{_shard_name(index)}"

    def _listed(self) -> dict[int, int]:
        """The bytes of every shard that has its name."""
        found = ((_SHARD.fullmatch(info.base_name), info.size) for info in self._files.listed(self._folder))
        return {int(name[1]): size for name, size in found if name}

    def _all_finished(self) -> dict[int, dict]:
        listed = list(self._listed())
        return {index: about for index, about in zip(listed, self._files.each(self._finished, listed)) if about}

    def _names(self, index: int) -> pa.RecordBatch:
        path = self._path(index)
        with self._files.open(path) as file:
            return read_batch(self._files.at(path), file, ["id", "parents"])

    def _finished(self, index: int) -> dict | None:
        """What a shard says about itself if it is whole and as this table wants it."""
        if (schema := _shard_schema(self._files, self._path(index))) is None:
            return None
        about = _about(schema)
        same = schema.with_metadata(None).equals(self._columns, check_metadata=True)
        return about if same and about.get("layout") == self._layout else None


def failures_begun(files: Files, folder: str) -> list[Failure]:
    """Those in the shards of a table that is not complete."""
    paths = (f"{folder}/{info.base_name}" for info in files.listed(folder) if _SHARD.fullmatch(info.base_name))
    schemas = (_shard_schema(files, path) for path in paths)
    return [failure for schema in schemas if schema is not None for failure in _failures(_about(schema))]


def _shard_schema(files: Files, path: str) -> pa.Schema | None:
    """None for a shard that is missing or cut short."""
    try:
        with files.open(path) as file:
            return pa.ipc.open_file(file).schema
    except (OSError, pa.ArrowException):
        return None


def _about(schema: pa.Schema) -> dict:
    return json.loads((schema.metadata or {}).get(b"voxblocks", b"{}"))


def _count_failed(about: dict) -> int:
    return sum(not skipped for _, _, skipped in about.get("failures", ()))


def _failures(about: dict) -> list[Failure]:
    return [(Skip if skipped else Failure)(reason, id) for id, reason, skipped in about.get("failures", ())]


def view_manifest(parts: Sequence[ViewPart], tables: dict[str, Table]) -> tuple[list[str], dict]:
    """The ids of a view and what its manifest says. Raises StoreError where the parts do not make a table."""
    where: dict[str, int] = {}
    for number, part in enumerate(parts):
        if part.fields.keys() != parts[0].fields.keys():
            raise StoreError(
                f"parts of one view want the same fields, got {sorted(parts[0].fields)} and {sorted(part.fields)}"
            )
        _check_shown(part, tables)
        for id in part.ids:
            if id in where:
                both = [
                    " and ".join(sorted({str(tables[d]) for d, _ in parts[n].fields.values()}))
                    for n in (where[id], number)
                ]
                raise StoreError(f"id {id!r} stands twice in a view: in {both[0]}, and in {both[1]}; want each id once")
            where[id] = number
    shown = parts[0].fields if parts else {}
    return list(where), {
        "kind": "view",
        "fields": {out: tables[digest].manifest["fields"].get(name, name) for out, (digest, name) in shown.items()},
        "parents": any(table.manifest["parents"] for table in tables.values()),
        "parts": [
            {"rows": len(part.ids), "fields": {out: list(at) for out, at in part.fields.items()}} for part in parts
        ],
    }


def _check_shown(part: ViewPart, tables: dict[str, Table]) -> None:
    for digest in dict.fromkeys(digest for digest, _ in part.fields.values()):
        table = tables[digest]
        table.check_fields([name for source, name in part.fields.values() if source == digest])
        if absent := next((id for id in part.ids if id not in table), None):
            raise StoreError(f"{table}: no row {absent!r} for the view to show")


def publish(
    files: Files, folder: str, digest: str, meta: dict, manifest: dict, ids: list[str], failures: list[Failure]
) -> None:
    """What a table and a view have in common; the manifest comes last and makes them complete."""
    side = {IDS: _ids_file(ids)}
    if failures:
        lines = ({"id": f.id, "reason": f.reason, "skipped": isinstance(f, Skip)} for f in failures)
        side[FAILURES] = "".join(json.dumps(line) + "\n" for line in lines).encode()
    for name, data in side.items():
        with files.new(f"{folder}/{name}") as stream:
            stream.write(data)
    counted = Counter(failure.reason for failure in failures if not isinstance(failure, Skip))
    sizes = {name: len(data) for name, data in side.items()}
    whole = {
        "format": FORMAT,
        "digest": digest,
        **manifest,
        "rows": len(ids),
        "failures": counted.total(),
        "skipped": len(failures) - counted.total(),
        "reasons": dict(counted.most_common(_REASONS)),
        "bytes": sum(sizes.values()) + sum(shard["bytes"] for shard in manifest.get("shards", ())),
        "files": sizes,
        "created": now(),
        "versions": versions(),
        "meta": meta,
    }
    files.write_json(f"{folder}/{MANIFEST}", whole)
    files.delete(f"{folder}/{STARTED}")


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def type_text(hint) -> str:
    """``log_mel float32(frames, mels)``, ``text`` or ``float``: a field's type in words."""
    return str(marker(hint) or getattr(hint, "__name__", hint))


def _shard_name(index: int) -> str:
    return f"shard-{index:05d}.arrow"


def _ids_file(ids: list[str]) -> bytes:
    sink = pa.BufferOutputStream()
    batch = pa.record_batch([text_column(ids)], names=["id"])
    with pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()
