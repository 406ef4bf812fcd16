"""The store: tables, artifacts and records of runs below one folder or URL, named by the digest of what made them.

::

    tables/<digest>/    shard-00000.arrow ...   rows and failures; complete as soon as it has its name
                        ids.arrow  failures.jsonl   all ids in order; what failed or was left out
                        started.json            what makes it, while it is being made
                        table.json              written last: a table with it is complete
    artifacts/<digest>/ files, then artifact.json; on a remote store the files lie in a folder of who wrote them
    claims/<what>.json  who is at work on what (see `claims.py`)
    refusals/<digest>.json  shards of a table to be made again, since they hold too many failures
    errors/<digest>.txt the last traceback of a block that stumbled
    runs/<time>-<graph>.json

Every file appears whole or not at all (see `files.py`), so that a killed run leaves nothing half written. Two runs at the same
table share the work; where both make the same shard, table or artifact all the same, the first to give it its name wins.
"""

import re
import shlex
import shutil
import tempfile
import threading
import uuid
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from blocks.base import Schema
from runner.store import artifact
from runner.store.claims import Claims
from runner.store.files import TEMPORARY, Files, flush
from runner.store.formats import StoreError, check_format
from runner.store.sound import Coding
from runner.store.table import MANIFEST, Table, View, how_to_mend
from runner.store.writer import FORMAT, TableWriter, ViewPart, now, publish, refuse, view_manifest

DEFAULT = "store"  # in the current folder
LISTED = 500  # shards of a remote table up to which a request or two list them all
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class Store:
    """Opened by a local folder or any URL that pyarrow has a filesystem for; it is made when first written to."""

    def __init__(self, url: str | Path):
        self.files = Files(url)
        self.claims = Claims(self.files)
        self._checked: set[tuple[str, str]] = (
            set()
        )  # large remote tables whose files were looked at, which takes many requests
        self._fetched: Path | None = None  # artifacts copied from a remote store
        self._fetching = threading.Lock()

    def __reduce__(self):
        return Store, (self.files.url,)

    # ---- tables ----

    def find_table(self, digest: str) -> Table | None:
        """The complete table of that digest, or None.

        Raises StoreError where a file of it is missing or has another size than it was written with.
        """
        folder = _folder("tables", digest)
        manifest = self.files.read_json(f"{folder}/{MANIFEST}")
        if manifest is None:
            return None
        check_format(self.files.at(f"{folder}/{MANIFEST}"), manifest.get("format"), FORMAT)
        seen = digest, manifest["created"]
        if seen not in self._checked:
            self._check_sizes(folder, manifest)
        if not self.files.local and len(manifest.get("shards", ())) > LISTED:
            self._checked.add(seen)
        if manifest["kind"] == "table":
            return Table(self.files, folder, manifest)
        if any(self.files.size(f"tables/{source}/{MANIFEST}") is None for source in sources_of(manifest)):
            return None  # what it shows was removed; both are made again
        return View(self.files, folder, manifest, self.existing)

    def write_table(
        self, digest: str, schema: type[Schema], meta: dict, layout: str = "", audio: Coding = ""
    ) -> "TableWriter":
        """Begin a table, or go on with one that a killed run left behind.

        `meta` is plain data kept with the table. Shards of another `layout` (say, other rows per shard) are made anew.
        Waves are kept as they are, or with `audio` coded.
        """
        return TableWriter(self.files, _folder("tables", digest), self.existing, schema, meta, layout, audio)

    def write_view(self, digest: str, meta: dict, parts: Sequence[ViewPart]) -> Table:
        """A table that shows fields of others. Raises StoreError for absent tables, fields or ids, and an id twice."""
        tables = {source: self.existing(source) for part in parts for source, _ in part.fields.values()}
        ids, manifest = view_manifest(parts, tables)
        publish(self.files, _folder("tables", digest), digest, meta, manifest, ids, [])
        return self.existing(digest)

    def keep_error(self, digest: str, trace: str) -> None:
        """Keep the traceback of the block that makes `digest`. Where it cannot be, what matters is told elsewhere."""
        with suppress(OSError), self.files.new(f"errors/{digest}.txt", sync=False) as stream:
            stream.write(trace.encode())

    def ask_failures(self, digest: str) -> str:
        """The command that lists a table's failures, from where this store was opened."""
        elsewhere = self.files.at("") != Files(DEFAULT).at("")
        return f"voxblocks store failures {digest[:12]}" + (
            f" --store {shlex.quote(self.files.url)}" if elsewhere else ""
        )

    def error_of(self, prefix: str) -> str:
        """The traceback kept for the one digest that begins so, or nothing."""
        found = [info.base_name for info in self.files.listed("errors") if info.base_name.startswith(prefix)]
        return self.files.read(f"errors/{found[0]}").decode() if len(found) == 1 else ""

    def existing(self, digest: str) -> Table:
        """As `find_table`, but an absent table is a StoreError."""
        if (table := self.find_table(digest)) is None:
            raise StoreError(
                f"{self.files.at(f'tables/{digest}')}: no complete table; it was removed meanwhile: run again"
            )
        return table

    def _check_sizes(self, folder: str, manifest: dict) -> None:
        found = {info.base_name: info.size for info in self.files.listed(folder)}
        wanted = manifest["files"] | {shard["file"]: shard["bytes"] for shard in manifest.get("shards", ())}
        for name, size in wanted.items():
            path = self.files.at(f"{folder}/{name}")
            if name not in found:
                raise StoreError(f"{path}: missing; {how_to_mend(f'{self.files.at(folder)}/{MANIFEST}')}")
            if found[name] != size:
                raise StoreError(f"{path}: has {found[name]} bytes, want {size}; {how_to_mend(path)}")

    # ---- artifacts ----

    def find_artifact(self, digest: str) -> str | None:
        """A local folder with the complete artifact, or None. From a remote store it is copied, once for this object.

        Raises StoreError where a file of it is missing or was changed on the way.
        """
        folder = _folder("artifacts", digest)
        manifest = self.files.read_json(f"{folder}/{artifact.MANIFEST}")
        if manifest is None:
            return None
        check_format(self.files.at(f"{folder}/{artifact.MANIFEST}"), manifest.get("format"), artifact.FORMAT)
        if self.files.local:
            return self.files.at(folder)
        with self._fetching:
            if self._fetched is None:
                self._fetched = Path(tempfile.mkdtemp(prefix="voxblocks-"))
                weakref.finalize(self, shutil.rmtree, self._fetched, ignore_errors=True)
            here = self._fetched / digest
            if not here.exists():
                self._fetch(folder, manifest, here)
        return str(here)

    def _fetch(self, folder: str, manifest: dict, here: Path) -> None:
        part = here.with_name(f"{TEMPORARY}{here.name}")  # takes its name once it is whole
        shutil.rmtree(part, ignore_errors=True)
        for name in [*manifest["files"], artifact.MANIFEST]:
            artifact.refuse_unsafe(part, name)
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            try:
                (part / name).write_bytes(self.files.read(f"{folder}/{_at(manifest, name)}"))
            except FileNotFoundError:
                raise StoreError(
                    f"{self.files.at(folder)}/{_at(manifest, name)}: missing, but listed in {artifact.MANIFEST}; delete the artifact and run again"
                ) from None
        artifact.read_artifact(part)
        part.rename(here)

    @contextmanager
    def write_artifact(self, digest: str, meta: dict) -> Iterator[Path]:
        """An empty local folder to fill; it becomes the artifact when the ``with`` ends without an error.

        Where two write one, the first to end it wins, with all its files.
        """
        folder = _folder("artifacts", digest)
        name = f"{TEMPORARY}{uuid.uuid4().hex}"
        stage = Path(self.files.at("artifacts") if self.files.local else tempfile.gettempdir()) / name
        stage.mkdir(parents=True)
        try:
            yield stage
            meta |= {"created": now()}
            if self.files.local:
                artifact.write_manifest(stage, meta)
                self._move_in(stage, folder)
            elif not self.files.size(f"{folder}/{artifact.MANIFEST}"):
                self._send(stage, folder, artifact.write_manifest(stage, meta, part=f"by-{uuid.uuid4().hex[:12]}"))
        finally:
            shutil.rmtree(stage, ignore_errors=True)

    def _send(self, stage: Path, folder: str, manifest: dict) -> None:
        for name in manifest["files"]:
            with self.files.new(f"{folder}/{_at(manifest, name)}") as stream:
                stream.write((stage / name).read_bytes())
        try:
            with self.files.new(f"{folder}/{artifact.MANIFEST}", fresh=True) as stream:
                stream.write((stage / artifact.MANIFEST).read_bytes())
        except FileExistsError:  # another run was faster
            self.files.delete_folder(f"{folder}/{manifest['part']}")

    def _move_in(self, stage: Path, folder: str) -> None:
        try:
            for path in stage.rglob("*"):
                if path.is_file():
                    flush(path)
            stage.rename(self.files.at(folder))
        except OSError as error:
            if self.files.size(f"{folder}/{artifact.MANIFEST}") is None:  # else another run was faster
                raise StoreError(
                    f"{self.files.at(folder)}: cannot put the artifact there ({error}); "
                    f"a folder without {artifact.MANIFEST} is not complete: delete it and run again"
                ) from None

    def versions_of(self, digest: str) -> dict[str, str]:
        """Of Python and the libraries with which a table or an artifact was made; nothing where there is none."""
        for kind, name in (("tables", MANIFEST), ("artifacts", artifact.MANIFEST)):
            if manifest := self.files.read_json(f"{_folder(kind, digest)}/{name}"):
                return manifest.get("versions", {})
        return {}

    def forget(self, digest: str) -> None:
        """Take away a table or an artifact, and the training that led to it."""
        for kind in ("tables", "artifacts", "fits"):
            self.files.delete_folder(_folder(kind, digest))

    def reopen(self, digest: str) -> None:
        """Let the shards of a table that hold failures be made again; the others are kept."""
        folder = _folder("tables", digest)
        refuse(self.files, folder)
        self.files.delete(f"{folder}/{MANIFEST}")

    # ---- runs ----

    def record_run(self, run: dict, name: str | None = None) -> str:
        """Keep the record of a run, whose graph ``run["graph"]`` names; gives the record's own name.

        With the `name` of an earlier record, that one is replaced: a run is recorded when it starts and when it ends.
        """
        if name is None:
            time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
            name = f"{time}-" + re.sub(r"[^A-Za-z0-9_-]+", "-", str(run.get("graph", "run")))
        self.files.write_json(f"runs/{name}.json", run)
        return name

    def runs(self) -> list[dict]:
        """All records, the newest first."""
        names = [info.base_name for info in self.files.listed("runs") if info.base_name.endswith(".json")]
        found = (self.files.read_json(f"runs/{name}") for name in reversed(names) if not name.startswith(TEMPORARY))
        return [run for run in found if run is not None]


def sources_of(manifest: dict) -> list[str]:
    """Digests of the tables that a view shows."""
    parts = manifest.get("parts", ())
    return list(dict.fromkeys(digest for part in parts for digest, _ in part["fields"].values()))


def _at(manifest: dict, name: str) -> str:
    """Where a file of an artifact lies in its folder."""
    return "/".join(filter(None, (manifest.get("part") if name != artifact.MANIFEST else None, name)))


def _folder(kind: str, digest: str) -> str:
    if not _NAME.fullmatch(digest):
        raise StoreError(f"{digest!r} is no digest; want letters and digits")
    return f"{kind}/{digest}"
