"""Where every rank of a training is, and an end for a training that hangs.

Each rank notes beside the checkpoints what it is at, once a second and from a thread of its own: a rank that waits for
another goes on noting, one whose process is stopped does not, and so the two can be told apart. A rank whose step takes
too long says where all are and ends itself; Ray then starts all of them again from the last checkpoint. One that cannot
even do that, since its process is stopped, is missed by the others, and by Ray's health checks where there are none.
"""

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from runner.store.files import Files
from runner.work.executor import NodeFailed, number

PATIENCE_S = 120.0  # for one step: computing it, and waiting for the other ranks
AT_REST = 10  # times as much before the first step is done (it reads, it compiles), and between two (it saves)
SETTING = "VOXBLOCKS_FIT_PATIENCE_S"
NOTE_S, REMOTE_NOTE_S = 1.0, 5.0  # between two notes; each costs a request on a remote store
SILENT = 3  # notes that are missed until a rank counts as silent


def patience() -> float:
    """Seconds a step may take: the environment variable VOXBLOCKS_FIT_PATIENCE_S, or two minutes.

    Raises NodeFailed where it is not a positive number.
    """
    message = os.environ.get(SETTING) or str(PATIENCE_S)
    try:
        seconds = float(message)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise NodeFailed(f"{SETTING} is {message!r}; want the seconds a step may take, such as {PATIENCE_S:g}")
    return seconds


class Watchdog:
    """Of one rank; `folder` is that of the training in the store. Used as a context around all of the training."""

    def __init__(self, files: Files, folder: str, rank: int, world: int, patience: float):
        self.files, self.folder, self.rank, self.world, self.patience = files, folder, rank, world, patience
        self.pause = NOTE_S if files.local else REMOTE_NOTE_S
        self.note: dict[str, Any] = {"step": 0, "ids": [], "done": 0, "scalars": {}}
        self.since, self.limit = time.monotonic(), AT_REST * patience
        self.warm = False  # whether a step was finished
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Watchdog":
        self._watched = threading.get_ident()
        if self.rank == 0:
            self.files.delete(_hang_file(self.folder))
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join()

    def begins(self, batch) -> None:
        """A step begins: from now on it is waited for."""
        self.note = self.note | {"step": batch.step, "ids": batch.ids}
        self.limit = self.patience if self.warm else AT_REST * self.patience
        self.since = time.monotonic()

    def ended(self, batch, scalars: dict) -> None:
        """A step was finished; the numbers of rank 0 are what people watch."""
        if self.rank == 0:
            plain = {name: number(value) for name, value in scalars.items()}
            self.note = self.note | {"done": batch.step, "scalars": plain}
        self.warm, self.limit = True, AT_REST * self.patience
        self.since = time.monotonic()

    def _watch(self) -> None:
        while not self._over.is_set():
            spent = time.monotonic() - self.since
            try:
                facts = self.note | {"seconds": round(spent, 1), "in": self._where(), "at": time.time()}
                self.files.write_json(rank_file(self.folder, self.rank), facts, sync=False)
                if spent > self.limit:
                    self._give_up(spent)
            except OSError:
                pass  # a store that does not answer for a while stops no training
            self._over.wait(self.pause)

    def _where(self) -> str:
        """The innermost line of Python that the training is in: what a rank waits for, or is stuck at."""
        frame = sys._current_frames().get(self._watched)
        return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {frame.f_code.co_name}" if frame else "?"

    def _give_up(self, spent: float) -> None:
        ranks = Ranks(self.files, self.folder, self.world)
        if self.rank == min(set(ranks.notes) - set(ranks.silent), default=self.rank):  # one speaks for all
            message = f"nothing happened for {spent:.0f} s ({SETTING} is {self.patience:g}): {ranks}"
            self.files.write_json(_hang_file(self.folder), {"said": message})
            sys.stderr.write(f"The training hangs: {message}. Ray starts it again from the last checkpoint\n")
            sys.stderr.flush()
        else:
            time.sleep(SILENT * self.pause)  # the others fail as soon as one is gone
        os._exit(1)  # no exception reaches a thread that waits in native code


class Ranks:
    """What the ranks noted last: `str` says it in words."""

    def __init__(self, files: Files, folder: str, world: int):
        self.notes = {rank: note for rank in range(world) if (note := files.read_json(rank_file(folder, rank)))}
        self.pause = NOTE_S if files.local else REMOTE_NOTE_S

    @property
    def silent(self) -> dict[int, float]:
        """Ranks that no longer note anything, with the seconds they are behind the others."""
        newest = max((note["at"] for note in self.notes.values()), default=0.0)
        behind = {rank: newest - note["at"] for rank, note in self.notes.items()}
        return {rank: seconds for rank, seconds in behind.items() if seconds > SILENT * self.pause}

    def __str__(self) -> str:
        silent, lines = self.silent, []
        for rank, note in self.notes.items():
            at = f"step {note['step']} ({', '.join(note['ids'][:3])})" if note["step"] else "the start"
            quiet = f"rank {rank} is silent for {silent.get(rank, 0):.0f} s, last at {at}"
            lines.append(
                quiet
                if rank in silent
                else f"rank {rank} has been at {at} for {note['seconds']:.0f} s, in {note['in']}"
            )
        return "; ".join(lines) or "no rank had begun"


def hang(files: Files, folder: str) -> str:
    """What was said of the last attempt where it hung; empty where it did not."""
    return (files.read_json(_hang_file(folder)) or {"said": ""})["said"]


def forget(files: Files, folder: str, world: int) -> None:
    """Remove the notes of an earlier run."""
    for rank in range(world):
        files.delete(rank_file(folder, rank))
    files.delete(_hang_file(folder))


def _hang_file(folder: str) -> str:
    return f"{folder}/hang.json"


def rank_file(folder: str, rank: int) -> str:
    return f"{folder}/rank-{rank}.json"
