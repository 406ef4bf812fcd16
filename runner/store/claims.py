"""Who is at work on what: a claim on a shard, a table or a training, whose owner gives signs of life.

``claims/<name>.<number>.json`` stands for the nth owner of a thing, and is put there only where nobody was faster. Who
finds the newest owner dead may claim the thing with the next number. What the dead were at stays until the thing is done,
so that who comes next knows where they died.

Claims save work; that results are whole does not hang on them. An owner that was only silent (a machine that slept) is no
danger: whatever is made gets its name once (`Files.new`).
"""

import os
import re
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from runner.store.files import Files
from runner.store.formats import StoreError

BEAT_S = 5.0  # between two signs of life
SILENT_S = 60.0  # without one, by the clock of who looks: clocks of two machines are never compared
_FOLDER = "claims"


class Claims:
    """What this process has claimed in a store, and what others have; one thread gives the signs of life."""

    def __init__(self, files: Files, beat_s: float = BEAT_S, silent_s: float = SILENT_S, machine: str = ""):
        self._files, self._beat_s, self._silent_s = files, beat_s, silent_s
        self._owner = this_process() | ({"machine": machine} if machine else {})
        self._held: set[Claim] = set()
        self._beating: threading.Thread | None = None
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[dict, float]] = {}  # a claim of another: its last sign of life, and since when

    def take(self, name: str, run: str = "") -> "Claim | None":
        """Claim a thing; None where somebody who lives has it. Look then whether it is done: it may be by now."""
        found = self._found(name)
        if found and not self._is_dead(found[-1]):
            return None
        left = [note for path in found if (note := self._note(path))]
        number = int(found[-1].split(".")[-2]) + 1 if found else 0
        claim = Claim(self, self._files, name, number, left, {**self._owner, "run": run, "beat": 0})
        try:
            claim.put()
        except FileExistsError:
            return None
        with self._lock:
            self._held.add(claim)
            if self._beating is None:
                self._beating = threading.Thread(target=self._beat, daemon=True)
                self._beating.start()
        return claim

    def is_free(self, name: str) -> bool:
        """Whether nobody who lives has claimed it."""
        found = self._found(name)
        return not found or self._is_dead(found[-1])

    def drop(self, claim: "Claim") -> None:
        with self._lock:
            self._held.discard(claim)
        for path in self._found(claim.name):
            if int(path.split(".")[-2]) <= claim.number:  # a later one is of who took this owner for dead
                self._files.delete(path)

    def _found(self, name: str) -> list[str]:
        """Paths of the claims on a thing, in the order of their numbers."""
        names = (info.base_name for info in self._files.listed(_FOLDER))
        pattern = re.compile(re.escape(name) + r"\.(\d+)\.json")
        return [
            f"{_FOLDER}/{each}" for _, each in sorted((int(m[1]), m[0]) for m in map(pattern.fullmatch, names) if m)
        ]

    def _note(self, path: str) -> dict | None:
        """What a claim says: nothing where a power cut left it damaged, None where it was given up."""
        try:
            return self._files.read_json(path)
        except StoreError:
            return {}

    def _is_dead(self, path: str) -> bool:
        try:
            owner = self._note(path)
        except OSError:  # written anew just now
            return False
        if owner is None:  # given up a moment ago
            return True
        if owner.get("machine") == self._owner["machine"]:
            return _started(owner["pid"]) != owner["started"]
        before, since = self._seen.get(path, (None, 0.0))
        if before != owner:
            self._seen[path] = (owner, time.monotonic())
            return False
        return time.monotonic() - since > self._silent_s

    def _beat(self) -> None:
        while True:
            time.sleep(self._beat_s)
            with self._lock:
                held = list(self._held)
                if not held:
                    self._beating = None
                    return
            for claim in held:
                with suppress(OSError):  # a store that does not answer for a while
                    claim.lost = claim.lost or self._found(claim.name)[-1:] != [claim.path]
                    claim.note()


class Claim:
    """A thing that this process has claimed. `left` is what owners who died have noted last; a context that gives it up."""

    def __init__(self, claims: Claims, files: Files, name: str, number: int, left: list[dict], about: dict):
        self._claims, self._files, self._about = claims, files, about
        self.name, self.number, self.left = name, number, left
        self.path = f"{_FOLDER}/{name}.{number}.json"
        self.lost = False  # whether another took its owner for dead and has it now
        self._lock, self._over = threading.Lock(), False

    def put(self) -> None:
        """Raises FileExistsError where another was faster."""
        self._files.write_json(self.path, self._about, sync=False, fresh=True)

    def note(self, **what) -> None:
        """Give a sign of life, and say what is being worked on, for those who come after a death."""
        with self._lock:
            if not self._over:
                self._about |= {"beat": self._about["beat"] + 1, **what}
                self._files.write_json(self.path, self._about, sync=False)

    def __enter__(self) -> "Claim":
        return self

    def __exit__(self, *_) -> None:
        with self._lock:
            self._over = True
        self._claims.drop(self)


def this_process() -> dict:
    """What tells it from all others, on this machine and elsewhere."""
    return {"machine": _machine(), "pid": os.getpid(), "started": _started(os.getpid())}


def lives(process: dict) -> bool | None:
    """Whether a process is there, as `this_process` told of it there; None where it is one of another machine."""
    return _started(process["pid"]) == process["started"] if process["machine"] == _machine() else None


@cache
def _machine() -> str:
    """Names this machine, since it was started, and within it the space in which its process numbers count."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    return os.uname().nodename


def _started(pid: int) -> str | None:
    """When a process of this machine was started; None where there is none any more."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else rest[18]
