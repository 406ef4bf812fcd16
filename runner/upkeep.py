"""Looking after a store: what is in it (`ls`), what may go (`gc`), and what made a thing (`why`)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from runner import artifact
from runner.files import TEMPORARY
from runner.formats import StoreError
from runner.store import Store
from runner.table import MANIFEST
from runner.writer import STARTED

DAY = 24 * 3600.0
_SHORT = 12  # letters of a digest that are shown
_COMPARED = ("block", "code", "config", "spec", "seed", "data", "limit", "inputs", "where", "members", "model", "init")


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

    @property
    def label(self) -> str:
        return f"{self.meta.get('node') or self.kind} ({self.kind} {self.digest[:_SHORT]})"


def ls(store: Store) -> list[dict]:
    """A row for every entry, the newest first: kind, digest, node, block, rows, failures, bytes, age (s), licences."""
    now = datetime.now(UTC).timestamp()
    return [
        {
            "kind": entry.kind,
            "digest": entry.digest[:_SHORT],
            "node": entry.meta.get("node"),
            "block": entry.meta.get("block"),
            "rows": entry.manifest.get("rows"),
            "failures": entry.manifest.get("failures"),
            "bytes": entry.bytes,
            "age": max(0.0, now - entry.touched),
            "licences": list(entry.meta.get("licences", ())),
        }
        for entry in sorted(entries(store), key=lambda entry: -entry.touched)
    ]


def gc(store: Store, grace: float = DAY, dry_run: bool = False) -> dict:
    """Remove what no graph's newest run refers to, and temporary files.

    What was touched in the last `grace` seconds stays, with all it was made from: another run may be at work on it.
    Returns ``{"removed": [{"kind", "digest", "node", "bytes"}], "temporary": [paths], "bytes": freed}``.
    """
    found = {entry.digest: entry for entry in entries(store)}
    since = datetime.now(UTC).timestamp() - grace
    kept = _kept(store, found, since)
    removed = [entry for digest, entry in found.items() if digest not in kept]
    gone = tuple(f"{store.files.at(entry.folder)}/" for entry in removed)
    stale = [
        info
        for info in store.files.listed("", recursive=True)
        if info.base_name.startswith(TEMPORARY) and _time(info, since + 1) <= since and not info.path.startswith(gone)
    ]
    if not dry_run:
        for entry in removed:
            for manifest in (MANIFEST, artifact.MANIFEST):  # first, so that a kill leaves nothing that looks complete
                store.files.delete(f"{entry.folder}/{manifest}")
            store.files.delete_folder(entry.folder)
        for info in stale:
            path = info.path[len(store.files.at("")) :].lstrip("/")
            (store.files.delete if info.is_file else store.files.delete_folder)(path)
    return {
        "removed": [
            {"kind": e.kind, "digest": e.digest, "node": e.meta.get("node"), "bytes": e.bytes} for e in removed
        ],
        "temporary": [info.path for info in stale],
        "bytes": sum(entry.bytes for entry in removed) + sum(info.size or 0 for info in stale),
    }


def why(store: Store, prefix: str) -> dict:
    """What made the entry whose digest begins with `prefix`: its inputs recursively, and what is new in it.

    ``since`` is the next older entry of the same node, ``changes`` lists where they differ.
    Raises StoreError if no entry, or more than one, begins with `prefix`.
    """
    found = {entry.digest: entry for entry in entries(store)}
    fitting = [digest for digest in found if digest.startswith(prefix)]
    if len(fitting) != 1:
        what = f"no entry begins with {prefix!r}"
        if fitting:
            what = f"{prefix!r} is ambiguous: {', '.join(found[digest].label for digest in sorted(fitting))}"
        raise StoreError(f"{store.files.at('')}: {what}; `store ls` lists all")
    return _explain(found[fitting[0]], found, set())


def describe(answer: dict, indent: str = "") -> str:
    """The answer of `why` as text, inputs indented below what they went into."""
    head = f"{indent}{answer['node'] or answer['kind']}: {answer['kind']} {answer['digest'][:_SHORT]}"
    if "inputs" not in answer:
        return f"{head} (as above)"
    facts = {
        "block": answer["block"],
        "rows": answer["rows"],
        "created": answer["created"],
        "licences": ", ".join(answer["licences"]),
    }
    lines = [head + "".join(f", {key} {value}" for key, value in facts.items() if value not in (None, ""))]
    if since := answer["since"]:
        lines.append(f"{indent}  differs from {since['digest'][:_SHORT]} of {since['created']}:")
        lines += [f"{indent}    {change}" for change in answer["changes"] or ["nothing that was recorded"]]
    for name, made in answer["inputs"].items():
        lines += [f"{indent}  {name} <-", describe(made, indent + "    ")]
    return "\n".join(lines)


def entries(store: Store) -> Iterator[Entry]:
    """Everything below ``tables`` and ``artifacts``, in no particular order."""
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
            touched = max([created, *(_time(file, 0.0) for file in files)])
            size = sum(file.size or 0 for file in files)
            yield Entry(kind, info.base_name, folder, manifest or begun, meta, size, touched)


def _read(store: Store, path: str) -> dict | None:
    """None, too, for a damaged manifest: what has one is as good as unfinished."""
    try:
        return store.files.read_json(path)
    except StoreError:
        return None


# ---- what refers to what ----


def _kept(store: Store, found: dict[str, Entry], since: float) -> set[str]:
    newest: dict[str, dict] = {}
    for run in store.runs():
        newest.setdefault(str(run.get("graph")), run)
    kept: set[str] = set()
    for run in newest.values():
        for _, digest in _mentions(run, found):
            _keep(digest, found, kept, deep=False)
    for entry in found.values():
        if entry.touched > since:
            _keep(entry.digest, found, kept, deep=True)
    return kept


def _keep(digest: str, found: dict[str, Entry], kept: set[str], deep: bool) -> None:
    """Keep an entry with the tables a view shows; `deep`: with all it was made from."""
    waiting, seen = [digest], set()
    while waiting:
        entry = found[waiting.pop()]
        if entry.digest not in seen:
            seen.add(entry.digest)
            waiting += [used for _, used in _mentions(entry.manifest if deep else entry.manifest.get("parts"), found)]
    kept |= seen


def _mentions(value: Any, found: dict[str, Entry], path: str = "") -> Iterator[tuple[str, str]]:
    """Every digest of an entry that stands anywhere in plain data, with the key it stands under."""
    if isinstance(value, str):
        if value in found:
            yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _mentions(inner, found, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _mentions(inner, found, path)


def _explain(entry: Entry, found: dict[str, Entry], seen: set[str]) -> dict:
    answer: dict = {"kind": entry.kind, "digest": entry.digest, "node": entry.meta.get("node")}
    if entry.digest in seen:
        return answer
    seen.add(entry.digest)
    older = _older(entry, found)
    answer |= {
        "block": entry.meta.get("block"),
        "rows": entry.manifest.get("rows"),
        "created": _text(entry.touched),
        "licences": list(entry.meta.get("licences", ())),
        "made_by": {key: entry.meta[key] for key in _COMPARED if key in entry.meta},
        "since": {"digest": older.digest, "created": _text(older.touched)} if older else None,
        "changes": _changes(older.meta, entry.meta) if older else [],
        "inputs": {},
    }
    for key in ("inputs", "where", "members", "model", "init", "artifact"):
        for path, digest in _mentions(entry.meta.get(key), found, key):
            name = path.removeprefix("inputs.")
            while name in answer["inputs"]:  # members of a union share a key
                name += "'"
            answer["inputs"][name] = _explain(found[digest], found, seen)
    return answer


def _older(entry: Entry, found: dict[str, Entry]) -> Entry | None:
    same = ("node", "graph")
    if not entry.meta.get("node"):
        return None
    alike = (e for e in found.values() if e.digest != entry.digest and e.touched <= entry.touched)
    alike = (e for e in alike if all(e.meta.get(key) == entry.meta.get(key) for key in same))
    return max(alike, key=lambda e: e.touched, default=None)


def _changes(old: dict, new: dict) -> list[str]:
    before = dict(_leaves({key: old.get(key) for key in _COMPARED}))
    after = dict(_leaves({key: new.get(key) for key in _COMPARED}))
    return [
        f"{key}: {_show(after.get(key))}, was {_show(before.get(key))}"
        for key in dict.fromkeys([*after, *before])
        if before.get(key) != after.get(key)
    ]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _show(value: Any) -> str:
    return "absent" if value is None else str(value)


def _time(info, unknown: float) -> float:
    return info.mtime.timestamp() if info.mtime else unknown


def _seconds(text: str | None) -> float:
    return datetime.fromisoformat(text).timestamp() if text else 0.0


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
