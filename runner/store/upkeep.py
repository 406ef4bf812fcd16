"""Looking after a store: what is in it (`ls`), what may go (`gc`), what failed (`failures`), what made a thing (`why`)."""

from datetime import UTC, datetime

from blocks.base import Failure
from runner.store import artifact
from runner.store.entries import SHORT, Entry, entries, find_entry, mentions, time_of
from runner.store.files import TEMPORARY
from runner.store.runs import state_of
from runner.store.store import Store
from runner.store.table import MANIFEST
from runner.store.why import lineage, why
from runner.store.writer import failures_begun

__all__ = ["failures", "gc", "lineage", "ls", "text_of", "why"]
DAY = 24 * 3600.0
_WRITING_S = (
    3600.0  # by then nobody is still writing a file that has no name yet, nor holds a claim without a sign of life
)


def ls(store: Store) -> list[dict]:
    """A row for every entry, the newest first: kind, digest, node, block, rows, failures, bytes, age (s), licences."""
    now = datetime.now(UTC).timestamp()
    return [
        {
            "kind": entry.kind,
            "digest": entry.digest[:SHORT],
            "node": entry.meta.get("node"),
            "block": entry.meta.get("block"),
            "rows": entry.manifest.get("rows"),
            "failures": entry.manifest.get("failures"),
            "bytes": entry.bytes,
            "age": max(0.0, now - entry.touched),
            "licences": list(entry.meta.get("licences", ())),
        }
        for entry in sorted(entries(store).values(), key=lambda entry: -entry.touched)
    ]


def text_of(rows: list[dict]) -> str:
    """The rows of `ls` as a table of text."""
    lines = [("KIND", "DIGEST", "NODE", "BLOCK", "ROWS", "FAILED", "SIZE", "AGE", "LICENCES")]
    for row in rows:
        names = [row[key] or "-" for key in ("kind", "digest", "node", "block")]
        counts = ["-" if row[key] is None else str(row[key]) for key in ("rows", "failures")]
        lines.append((*names, *counts, _size(row["bytes"]), _age(row["age"]), " ".join(row["licences"]) or "-"))
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def failures(store: Store, prefix: str) -> list[Failure]:
    """What the node could not make or left out, also of a table that is not finished. Raises NoEntry."""
    entry = find_entry(entries(store), prefix)
    if entry.kind == "unfinished":
        return failures_begun(store.files, entry.folder)
    return [] if entry.kind == "artifact" else store.existing(entry.digest).failures


def gc(store: Store, grace: float = DAY, dry_run: bool = False) -> dict:
    """Remove what is not the newest result of a node of a graph (in each of its sizes), and files that nothing names.

    What a living run makes or reads stays, and what was touched in the last `grace` seconds, with all it was made from;
    claims and files under temporary names stay for an hour at least, since they may be of what is being made.
    Returns ``{"removed": [{"kind", "digest", "node", "bytes"}], "temporary": [paths], "bytes": freed}``.
    """
    found = entries(store)
    since = datetime.now(UTC).timestamp() - grace
    newest = _wanted(store)
    kept = _kept(newest, found, since)
    removed = [entry for digest, entry in found.items() if digest not in kept]
    gone = tuple(f"{store.files.at(entry.folder)}/" for entry in removed)
    spared = {*newest, *kept}  # trainings that have no artifact yet are in no entry
    unnamed = {store.files.at(path) for entry in found.values() if entry.digest in kept for path in entry.unnamed}
    writing = min(since, datetime.now(UTC).timestamp() - _WRITING_S)
    stale = []
    for info in store.files.listed("", recursive=True):
        temporary = info.base_name.startswith(TEMPORARY)
        alive = temporary or info.path.startswith(store.files.at("claims"))  # or was it within the hour
        before = writing if alive else since
        left = temporary or info.path in unnamed or (info.is_file and _is_left_over(info.path, store, spared))
        if left and time_of(info, before + 1) <= before and not info.path.startswith(gone):
            stale.append(info)
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


def _wanted(store: Store) -> set[str]:
    """The digest of each node of each graph and size in the newest run that had it, and of all nodes of living runs."""
    newest: dict[tuple, str] = {}  # a run of a slice does not make the rest of its graph old
    living = set()
    for run in store.runs():
        alive = "state" in run and state_of(run) == "running"
        for node, made in run.get("nodes", {}).items():
            newest.setdefault((run.get("graph"), run.get("size"), node), made.get("digest"))
            living |= {made.get("digest")} if alive else set()
    return set(newest.values()) | living


def _is_left_over(path: str, store: Store, spared: set[str]) -> bool:
    """Whether a file belongs to a training, a claim, a refusal or an error that no newest run is about."""
    parts = path[len(store.files.at("")) :].strip("/").split("/")
    if parts[0] in ("errors", "claims", "refusals", "trials"):  # the last in stores of before
        return parts[1].partition(".")[0].partition("-")[0] not in spared
    return parts[0] == "fits" and len(parts) > 2 and parts[1] not in spared


def _kept(newest: set[str], found: dict[str, Entry], since: float) -> set[str]:
    kept: set[str] = set()
    for digest in newest:
        if digest in found:
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
            waiting += [used for _, used in mentions(entry.manifest if deep else entry.manifest.get("parts"), found)]
    kept |= seen


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _age(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
