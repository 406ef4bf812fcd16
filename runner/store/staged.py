"""Shards of a remote store on the local disk, while a training reads them: each is fetched once by a machine, its ranks share it.

Only the columns that are wanted are kept, so that a table's waves need not travel with its mels. What was used the longest ago
goes first when the folder grows beyond its limit; a file that is mapped somewhere stays readable.
"""

import hashlib
import os
import shutil
import threading
import uuid
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from runner.store.files import Files
from runner.store.table import Table, View, read_batch

LIMIT_GB = 16.0
LIMIT = "VOXBLOCKS_STAGED_GB"
_FETCHES = 16  # at once: each waits for the network
_WHOLE = 0.8  # share of a shard's bytes from which it is fetched whole, in one request
_SPARED = 0.9  # of the limit, down to which is removed


class Staged:
    """Opens tables whose shards are staged below `folder`: VOXBLOCKS_STAGED_GB of them (16), or half of what is free there."""

    local = True  # what is opened is mapped

    def __init__(self, files: Files, folder: Path):
        self.remote = files
        self.folder = folder / hashlib.blake2b(files.url.encode(), digest_size=8).hexdigest()
        self.folder.mkdir(parents=True, exist_ok=True)
        asked = float(os.environ.get(LIMIT) or LIMIT_GB) * 1e9
        self.limit = min(asked, shutil.disk_usage(self.folder).free / 2)
        self._columns: dict[str, list[str]] = {}  # by the folder of a table
        self._share: dict[str, float] = {}  # of a table's shards that these columns take
        self._pool = ThreadPoolExecutor(_FETCHES)
        self._lock = threading.Lock()
        self._fetching: dict[str, Future] = {}
        self._fetched = 0  # bytes since the folder was looked at

    def table(self, table: Table, fields: Iterable[str]) -> Table:
        """The same, to be read by these fields."""
        fields = table.check_fields(fields)
        if isinstance(table, View):
            wanted: dict[str, set[str]] = {}
            for part in table.manifest["parts"]:
                for digest, name in (part["fields"][name] for name in fields):
                    wanted.setdefault(digest, set()).add(name)
            known = {digest: self.table(table.source(digest), names) for digest, names in wanted.items()}
            return View(self, table.folder, table.manifest, known.__getitem__)
        columns = [*fields, "parents"] if table.manifest["parents"] else list(fields)
        self._columns[table.folder] = sorted({*columns, *self._columns.get(table.folder, ())})
        return Table(self, table.folder, table.manifest)

    def ahead(self, paths: Iterable[str]) -> list[Future]:
        """Begin to fetch shards."""
        with self._lock:
            for path in paths:
                if path not in self._fetching:
                    self._fetching[path] = self._pool.submit(self._fetch, path)
            return [self._fetching[path] for path in paths]

    # ---- what a table asks of `Files` ----

    def open(self, path: str):
        if path.rpartition("/")[0] not in self._columns or not path.rpartition("/")[2].startswith("shard-"):
            return self.remote.open(path)
        (fetched,) = self.ahead([path])
        while True:
            try:
                mapped = pa.memory_map(str(fetched.result()))
                os.utime(fetched.result())
                return mapped
            except FileNotFoundError:  # it was removed meanwhile
                with self._lock:
                    if self._fetching.get(path) is fetched:
                        del self._fetching[path]
                (fetched,) = self.ahead([path])

    def at(self, path: str) -> str:
        return self.remote.at(path)

    def read(self, path: str) -> bytes:
        return self.remote.read(path)

    def each(self, function, items):
        return map(function, items)

    # ---- inside ----

    def _fetch(self, path: str) -> Path:
        folder = path.rpartition("/")[0]
        names = self._columns[folder]
        try:
            return self._fetched_to(path, folder, names)
        except BaseException:
            with self._lock:
                self._fetching.pop(path, None)  # who asks next tries again
            raise

    def _fetched_to(self, path: str, folder: str, names: list[str]) -> Path:
        key = hashlib.blake2b(f"{path} {names}".encode(), digest_size=16).hexdigest()
        here = self.folder / key[:2] / f"{key}.arrow"
        if here.exists():
            return here
        here.parent.mkdir(exist_ok=True)
        part = here.with_name(f".{uuid.uuid4().hex}")
        try:
            if self._share.get(folder, 0) >= _WHOLE:
                part.write_bytes(self.remote.read(path))
            else:
                self._write(path, names, part)
            part.rename(here)
        finally:
            part.unlink(missing_ok=True)
        self._make_room(here.stat().st_size)
        return here

    def _write(self, path: str, names: list[str], part: Path) -> None:
        """Only these columns."""
        with self.remote.open(path) as file:
            batch, whole = read_batch(self.remote.at(path), file, names).select(names), file.size()
        with pa.OSFile(str(part), "wb") as stream, pa.ipc.new_file(stream, batch.schema) as writer:
            writer.write_batch(batch)
        self._share[path.rpartition("/")[0]] = part.stat().st_size / whole

    def _make_room(self, size: int) -> None:
        """Remove what was used the longest ago, once a twentieth of the limit was fetched."""
        with self._lock:
            self._fetched += size
            if self._fetched < self.limit / 20:
                return
            self._fetched = 0
        files = []
        for each in self.folder.rglob("*.arrow"):
            with suppress(FileNotFoundError):
                files.append((each.stat().st_mtime, each.stat().st_size, each))
        held = sum(size for _, size, _ in files)
        for _, size, each in sorted(files) if held > self.limit else ():
            if held <= _SPARED * self.limit:
                break
            each.unlink(missing_ok=True)
            held -= size
