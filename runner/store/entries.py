"""The entries of a store, complete or begun, and which of them plain data mentions."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runner.store import artifact
from runner.store.files import TEMPORARY
from runner.store.formats import StoreError
from runner.store.store import Store
from runner.store.table import MANIFEST
from runner.store.writer import STARTED

SHORT = 12  # letters of a digest that are shown


class NoEntry(StoreError, LookupError):
    """No entry has a digest that begins so, or more than one has."""


@dataclass(frozen=True)
class Entry:
    """A table, view or artifact of a store, complete or begun."""

    kind: str  # table, view, artifact, or unfinished
    digest: str
    folder: str
    manifest: dict
    meta: dict  # what made it
    bytes: int
    touched: float  # seconds since 1970 of its newest file
    unnamed: tuple[
        str, ...
    ] = ()  # files in its folder that a complete one does not name: of attempts that came to nothing

    @property
    def label(self) -> str:
        return f"{self.meta.get('node') or self.kind} ({self.kind} {self.digest[:SHORT]})"


def find_entry(found: dict[str, Entry], prefix: str) -> Entry:
    """The only entry whose digest begins with `prefix`. Raises NoEntry."""
    fitting = sorted(digest for digest in found if digest.startswith(prefix))
    if len(fitting) == 1:
        return found[fitting[0]]
    if fitting:
        raise NoEntry(f"digest {prefix!r} is ambiguous: {', '.join(found[digest].label for digest in fitting)}")
    raise NoEntry(f"no digest of the {len(found)} entries begins with {prefix!r}; `voxblocks store ls` lists them")


def entries(store: Store) -> dict[str, Entry]:
    """By digest: everything below ``tables`` and ``artifacts``."""
    return {entry.digest: entry for entry in _entries(store)}


def _entries(store: Store) -> Iterator[Entry]:
    for above, name in (("tables", MANIFEST), ("artifacts", artifact.MANIFEST)):
        for info in store.files.listed(above):
            if info.is_file or info.base_name.startswith(TEMPORARY):
                continue
            folder = f"{above}/{info.base_name}"
            files = [file for file in store.files.listed(folder, recursive=True) if file.is_file]
            manifest = _read(store, f"{folder}/{name}")
            begun = manifest or _read(store, f"{folder}/{STARTED}") or {}
            meta = begun.get("meta", {}) if above == "tables" else {**begun, **begun.get("lineage", {})}
            kind = "unfinished" if manifest is None else manifest.get("kind", "artifact")
            created = _seconds(begun.get("created") or meta.get("created") or begun.get("started"))
            touched = max([created, *(time_of(file, 0.0) for file in files)])
            size = sum(file.size or 0 for file in files)
            unnamed = _unnamed(manifest, folder, [file.path for file in files], store) if manifest else ()
            yield Entry(kind, info.base_name, folder, manifest or begun, meta, size, touched, unnamed)


def _unnamed(manifest: dict, folder: str, paths: list[str], store: Store) -> tuple[str, ...]:
    within = [path[len(store.files.at(folder)) + 1 :] for path in paths]
    part = f"{manifest['part']}/" if manifest.get("part") else ""
    named = {MANIFEST, artifact.MANIFEST, *(f"{part}{name}" for name in manifest["files"])}
    named |= {shard["file"] for shard in manifest.get("shards", ())}
    return tuple(f"{folder}/{name}" for name in within if name not in named)


def _read(store: Store, path: str) -> dict | None:
    """None, too, for a damaged manifest: what has one is as good as unfinished."""
    try:
        return store.files.read_json(path)
    except StoreError:
        return None


def mentions(value: Any, found: dict[str, Entry], path: str = "") -> Iterator[tuple[str, str]]:
    """Every digest of an entry that stands anywhere in plain data, with the key it stands under."""
    if isinstance(value, str):
        if value in found:
            yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from mentions(inner, found, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from mentions(inner, found, path)


def time_of(info, unknown: float) -> float:
    return info.mtime.timestamp() if info.mtime else unknown


def _seconds(text: str | None) -> float:
    return datetime.fromisoformat(text).timestamp() if text else 0.0
