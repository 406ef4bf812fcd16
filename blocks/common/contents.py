"""Hashes of what files hold, so that a corpus that was moved, copied or touched is the same, and one that was changed is not.

A file is read once: its hash is kept in the cache under its path, size and times, as git keeps those of a working tree. A time of change
(ctime) cannot be set back, so a file that was rewritten at the same size and modification time is read again.
"""

import hashlib
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

from blocks.common.folders import cache

_FRESH_NS = 2_000_000_000  # a file that changed so shortly before it was read may change again without a trace
_TABLE = "CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, looks TEXT, hash TEXT)"


def fingerprint(root: Path | None, paths: Iterable[Path]) -> str:
    """A hash of where the files lie below `root`, which may be none to speak of, and of what they hold."""
    found = hashlib.sha256()
    with closing(_known()) as known:
        for path in paths:
            name = path.relative_to(root).as_posix() if root else ""
            found.update(f"{utf8(name)}\0{_hash(path, known)}\n".encode())
        known.commit()
    return found.hexdigest()


def _known() -> sqlite3.Connection:
    """What is known of files; of none where nothing can be kept."""
    with suppress(OSError, sqlite3.Error):
        cache().mkdir(parents=True, exist_ok=True)
        known = sqlite3.connect(cache() / "contents.sqlite", timeout=60)
        known.execute(_TABLE)
        return known
    known = sqlite3.connect(":memory:")
    known.execute(_TABLE)
    return known


def _hash(path: Path, known: sqlite3.Connection) -> str:
    if not path.is_file():  # a link to nothing, a pipe: who reads it says what is wrong
        return ""
    name, looks = utf8(str(path.absolute())), _looks(path)
    row = known.execute("SELECT hash FROM files WHERE path = ? AND looks = ?", (name, looks)).fetchone()
    if row:
        return row[0]
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "blake2b").hexdigest()
    stat = path.stat()
    if time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns) > _FRESH_NS and _looks(path) == looks:
        known.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (name, looks, found))
    return found


def utf8(name: str) -> str:
    """A name with a mark for each byte that is no UTF-8: a disk may hold such."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def _looks(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"
