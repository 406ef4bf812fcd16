"""What people watch: a JSONL of every reported number, and TensorBoard beside it where it is installed."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from runner.store.files import Files
from runner.work.executor import number


class Events:
    """Curves of one training, in `fits/<digest>/` of a store.

    The JSONL goes with the checkpoints (``log-00000200.jsonl`` holds the steps up to 200), so that a resumed training
    goes on with the curve it had at that step. TensorBoard wants a local disk, and is left out on a remote store.
    """

    def __init__(self, files: Files, folder: str, sample_rate: int, step: int):
        self.files, self.folder, self.sample_rate = files, folder, sample_rate
        self.lines: list[dict] = []
        self.board = self._open(step)

    def scalars(self, step: int, values: dict[str, Any], prefix: str = "train") -> None:
        plain = {name: number(value) for name, value in values.items()}
        self.lines.append({"step": step, **{f"{prefix}/{name}": value for name, value in plain.items()}})
        for name, value in plain.items() if self.board else ():
            self.board.add_scalar(f"{prefix}/{name}", value, step)

    def audio(self, step: int, name: str, wave: np.ndarray) -> None:
        if self.board:
            self.board.add_audio(name, np.clip(wave, -1, 1)[None], step, sample_rate=self.sample_rate)

    def image(self, step: int, name: str, values: np.ndarray) -> None:
        """`values` (columns, rows): drawn with the first row at the bottom, dark to bright."""
        if self.board:
            low, high = float(values.min()), float(values.max())
            picture = ((values - low) / (high - low or 1)).T[::-1]
            self.board.add_image(name, picture[None].astype("float32"), step)

    def flush(self, step: int) -> None:
        if self.lines:
            with self.files.new(f"{self.folder}/log-{step:08d}.jsonl") as stream:
                stream.write("".join(json.dumps(line) + "\n" for line in self.lines).encode())
            self.lines = []
        if self.board:
            self.board.flush()

    def close(self) -> None:
        if self.board:
            self.board.close()

    def _open(self, step: int):
        if not self.files.local:
            return None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return None
        return SummaryWriter(str(Path(self.files.at(f"{self.folder}/tensorboard"))), purge_step=step)


def curves(files: Files, folder: str) -> list[dict]:
    """Every reported line in the order of steps; of steps that were done again, the later report."""
    found: dict[tuple, dict] = {}
    for info in files.listed(folder):
        if info.base_name.startswith("log-"):
            for line in files.read(f"{folder}/{info.base_name}").decode().splitlines():
                line = json.loads(line)
                found[line["step"], *sorted(line.keys() - {"step"})] = line
    return [found[key] for key in sorted(found)]


def thinned(lines: list[dict], most: int = 500) -> list[dict]:
    """At most so many lines of each kind, evenly chosen, with the last: validations are not lost among steps."""
    kinds: dict[frozenset, list[dict]] = {}
    for line in lines:
        kinds.setdefault(frozenset(key.partition("/")[0] for key in line), []).append(line)
    kept = [line for found in kinds.values() for line in [*found[:-1][:: -(-len(found) // most)], found[-1]]]
    return sorted(kept, key=lambda line: line["step"])
