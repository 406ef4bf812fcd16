"""Writing tables: shards that are complete as soon as they have their name, the manifest last.

A name is given once. A shard that is no good (cut short, of another layout, refused for its failures) is made again under
the next name (``shard-00000.1.arrow``), and the manifest says which one is meant: what a complete table names never changes.
"""

import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from blocks.arrays import marker
from blocks.base import Failure, Schema, Skip, field_type
from runner.store.columns import arrow_schema, encode, stored_fields, text_column
from runner.store.files import Files
from runner.store.formats import StoreError, versions
from runner.store.ids import MANY
from runner.store.outline import gathered, shapes_of
from runner.store.sound import Coding
from runner.store.table import FAILURES, IDS, MANIFEST, OUTLINE, Table, read_batch

FORMAT = 1
STARTED = "started.json"
_READ_AT_ONCE = 512  # shards
_REASONS = 50  # kinds of failure that a manifest counts; failures.jsonl has all
_SHARD = re.compile(r"shard-(\d{5,})(?:\.(\d+))?\.arrow")


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
        audio: Coding = "",
    ):
        self._files, self._folder, self._find = files, folder, find
        self._schema, self._meta, self._layout, self._audio = schema, meta, layout, audio
        self.digest = folder.rpartition("/")[2]
        self._columns = arrow_schema(schema, audio)
        self._found: dict[int, _Shard] = self._all_finished()
        if not self._files.size(f"{self._folder}/{MANIFEST}"):
            self._files.write_json(f"{self._folder}/{STARTED}", {"started": now(), "meta": meta}, sync=False)

    @property
    def done(self) -> set[int]:
        """The shards that were there when the writer was made, or were written since by it."""
        return set(self._found)

    @property
    def rows(self) -> int:
        """Rows in the shards finished so far, by this run or an earlier one."""
        return sum(shard.about["rows"] for shard in self._found.values())

    @property
    def failures(self) -> int:
        """Failures in those shards, without what was left out on purpose."""
        return sum(_count_failed(shard.about) for shard in self._found.values())

    def look(self) -> None:
        """See what others have finished meanwhile."""
        self._found = self._all_finished()

    def has(self, index: int) -> bool:
        """Whether a shard is there by now."""
        names = (_shard_name(index, number) for number in itertools.count())
        there = itertools.takewhile(lambda name: self._files.size(f"{self._folder}/{name}") is not None, names)
        return any(self._is_good(name) for name in there)

    def outcome(self, index: int) -> tuple[list[str], list[Failure]]:
        """The ids of the rows of a finished shard, and its failures."""
        shard = self._found[index]
        return self._names(shard).column("id").to_pylist(), _failures(shard.about)

    def refuse(self) -> None:
        """Note that a run would not go on with these failures: the next one makes the shards that hold some again."""
        refuse(self._files, self._folder)

    def write(
        self,
        index: int,
        ids: Sequence[str],
        rows: Sequence[Schema],
        failures: Sequence[Failure] = (),
        parents: Sequence[Sequence[str]] | None = None,
    ) -> None:
        """One whole shard, in place at once or not at all; one that another run has finished meanwhile is kept.

        Raises ValueError for a value that cannot be stored.
        """
        batch = encode(self._schema, ids, rows, parents, self._audio)
        about = {
            "rows": len(rows),
            "layout": self._layout,
            "failures": [[f.id, f.reason, isinstance(f, Skip)] for f in failures],
            "shapes": shapes_of(batch),
        }
        batch = batch.replace_schema_metadata({"voxblocks": json.dumps(about)})
        for number in itertools.count():
            name = _shard_name(index, number)
            try:
                with (
                    self._files.new(f"{self._folder}/{name}", fresh=True) as stream,
                    pa.ipc.new_file(stream, batch.schema) as writer,
                ):
                    writer.write_batch(batch)
            except FileExistsError:
                if not self._is_good(name):
                    continue
                about = self._read(name)
            self._found[index] = _Shard(name, about)
            return

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
            return self._published()  # another run was faster
        found = self._all_finished()
        count = max(found, default=-1) + 1 if shards is None else shards
        if missing := [index for index in range(count) if index not in found]:
            raise StoreError(f"{self._files.at(self._folder)}: cannot publish without {_shard_name(missing[0])}")
        entries, failures, any_parents = [], [], False
        where: dict[str, str] = {}
        sizes = {info.base_name: info.size for info in self._files.listed(self._folder)}
        chosen = [found[index] for index in range(count)]
        for shard, batch in zip(chosen, self._files.each(self._names, chosen)):
            any_parents |= batch.column("parents").null_count < len(batch)
            for id in batch.column("id").to_pylist():
                if id in where:
                    raise StoreError(
                        f"{self._files.at(self._folder)}: id {id!r} stands in {where[id]} and in {shard.name}; want each id "
                        "once in a table"
                    )
                where[id] = shard.name
            listed = _failures(shard.about)
            failures += listed
            entries.append(
                {"file": shard.name, "rows": len(batch), "bytes": sizes[shard.name], "failures": len(listed)}
            )
        names = stored_fields(self._schema)
        manifest = {
            "kind": "table",
            "fields": {name: type_text(field_type(self._schema, name)) for name in names},
            "parents": any_parents,
            "shards": entries,
        }
        outline = gathered(self._outlined(chosen), names).encoded() if len(where) > MANY else None
        publish(self._files, self._folder, self.digest, self._meta, manifest, list(where), failures, outline)
        return self._published()

    def _outlined(self, shards: list["_Shard"]) -> Iterator[tuple[pa.RecordBatch, dict]]:
        """Of each shard what can be told without its arrays: its other columns, and the shapes that it says itself."""

        def read(shard: _Shard) -> tuple[pa.RecordBatch, dict]:
            told = shard.about.get("shapes", {})  # shards of older versions say nothing
            path = f"{self._folder}/{shard.name}"
            with self._files.open(path) as file:
                names = [name for name in self._columns.names[2:] if name not in told]
                return read_batch(self._files.at(path), file, names), told

        for at in range(0, len(shards), _READ_AT_ONCE):
            yield from self._files.each(read, shards[at : at + _READ_AT_ONCE])

    def _published(self) -> Table:
        self._files.delete(f"{self._folder}/{STARTED}")
        self._files.delete(_refusals(self._folder))
        return self._find(self.digest)

    def _all_finished(self) -> dict[int, "_Shard"]:
        """Of every shard the newest that is whole, as this table wants it, and not refused."""
        refused = refused_of(self._files, self._folder)
        names = [name for name in _shards(self._files, self._folder) if name not in refused]
        found = zip(names, self._files.each(self._read, names))
        return {_numbers(name)[0]: _Shard(name, about) for name, about in found if about is not None}

    def _is_good(self, name: str) -> bool:
        return self._read(name) is not None and name not in refused_of(self._files, self._folder)

    def _names(self, shard: "_Shard") -> pa.RecordBatch:
        path = f"{self._folder}/{shard.name}"
        with self._files.open(path) as file:
            return read_batch(self._files.at(path), file, ["id", "parents"])

    def _read(self, name: str) -> dict | None:
        """What a shard says about itself if it is whole and as this table wants it."""
        if (schema := _shard_schema(self._files, f"{self._folder}/{name}")) is None:
            return None
        about = _about(schema)
        same = schema.with_metadata(None).equals(self._columns, check_metadata=True)
        return about if same and about.get("layout") == self._layout else None


@dataclass(frozen=True)
class _Shard:
    name: str
    about: dict  # what it says about itself


def refuse(files: Files, folder: str) -> None:
    """Let the shards of a table that hold failures be made again by who next makes the table; they stay as they are."""
    names = _shards(files, folder)
    schemas = zip(names, files.each(lambda name: _shard_schema(files, f"{folder}/{name}"), names))
    failed = {name for name, schema in schemas if schema is not None and _count_failed(_about(schema))}
    files.write_json(_refusals(folder), sorted(failed | refused_of(files, folder)))


def refused_of(files: Files, folder: str) -> set[str]:
    """Names of shards that hold failures for which a run gave the table up; noted outside of the table."""
    return set(files.read_json(_refusals(folder)) or ())


def _refusals(folder: str) -> str:
    return f"refusals/{folder.rpartition('/')[2]}.json"


def failures_begun(files: Files, folder: str) -> list[Failure]:
    """Those in the shards of a table that is not complete."""
    newest = {_numbers(name)[0]: name for name in _shards(files, folder)}.values()
    schemas = (_shard_schema(files, f"{folder}/{name}") for name in newest)
    return [failure for schema in schemas if schema is not None for failure in _failures(_about(schema))]


def _shards(files: Files, folder: str) -> list[str]:
    """The names of all shards in a table's folder, the older of one number before the newer."""
    return sorted(filter(_SHARD.fullmatch, (info.base_name for info in files.listed(folder))), key=_numbers)


def _numbers(name: str) -> tuple[int, int]:
    index, number = _SHARD.fullmatch(name).groups()
    return int(index), int(number or 0)


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
    files: Files,
    folder: str,
    digest: str,
    meta: dict,
    manifest: dict,
    ids: list[str],
    failures: list[Failure],
    outline: bytes | None = None,
) -> None:
    """What a table and a view have in common; the manifest comes last and makes them complete."""
    side = {IDS: _ids_file(ids)} | ({OUTLINE: outline} if outline else {})
    if failures:
        lines = ({"id": f.id, "reason": f.reason, "skipped": isinstance(f, Skip)} for f in failures)
        side[FAILURES] = "".join(json.dumps(line) + "\n" for line in lines).encode()
    side = {_keep(files, folder, name, data): data for name, data in side.items()}
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
        "versions": versions() | meta.get("libraries", {}),
        "meta": meta,
    }
    try:
        files.write_json(f"{folder}/{MANIFEST}", whole, fresh=True)
    except FileExistsError:  # another run was faster, with the same rows
        if not files.size(f"{folder}/{MANIFEST}"):  # or was cut off
            files.write_json(f"{folder}/{MANIFEST}", whole)


def _keep(files: Files, folder: str, name: str, data: bytes) -> str:
    """Write a file, under the next name where another run has written something else; gives the name."""
    stem, _, suffix = name.partition(".")
    for number in itertools.count(1):
        try:
            with files.new(f"{folder}/{name}", fresh=True) as stream:
                stream.write(data)
            return name
        except FileExistsError:
            if files.read(f"{folder}/{name}") == data:
                return name
            name = f"{stem}.{number}.{suffix}"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def type_text(hint) -> str:
    """``log_mel float32(frames, mels)``, ``text`` or ``float``: a field's type in words."""
    return str(marker(hint) or getattr(hint, "__name__", hint))


def _shard_name(index: int, number: int = 0) -> str:
    return f"shard-{index:05d}{f'.{number}' if number else ''}.arrow"


def _ids_file(ids: list[str]) -> bytes:
    sink = pa.BufferOutputStream()
    batch = pa.record_batch([text_column(ids)], names=["id"])
    with pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()
