"""What the benchmarks share: one warm process per contender, called in turn, and ratios taken round by round.

Two libraries in one process fight over threads, and a machine is never quite idle: hence separate processes, every
one asked once in every round, the ratio of each round, and their median with the least and the greatest.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
POOLS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA", "VECLIB_MAXIMUM")
WIDE = 1.3  # max / min from which a measurement is marked: nothing closer than its spread can be said from it


@dataclass(frozen=True)
class Spread:
    """The median of some rounds and what lies around it."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        mark = " ~" if self.high > WIDE * self.low else ""
        return f"{self.median:.3g} [{self.low:.3g}..{self.high:.3g}]{mark}"


def spread(values: list[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values))


def ratios(above: list[float], below: list[float]) -> Spread:
    """Round by round, so that what slows a whole round does not count."""
    return spread([a / b for a, b in zip(above, below, strict=True)])


class Worker:
    """A process of its own that prepares one contender and then measures it whenever asked."""

    def __init__(self, python: str, script: str, *arguments: str):
        environment = os.environ | {f"{pool}_NUM_THREADS": "1" for pool in POOLS}
        self._process = subprocess.Popen(
            [python, script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.about: dict = self._read()  # what `serve` was given; {"absent": ...} where it cannot run

    def measure(self):
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        self._process.communicate()

    def _read(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args[1:]} ended with code {self._process.wait()}")
        return json.loads(line)


def serve(prepare: Callable[[], tuple[dict, Callable]]) -> None:
    """The other end of a `Worker`: `prepare` gives what to say about the contender and the function that measures it."""
    out, sys.stdout = sys.stdout, sys.stderr  # what a library prints is not ours to read
    try:
        about, measure = prepare()
        measure()  # warm
    except ModuleNotFoundError as error:
        about, measure = {"absent": error.name}, None
    print(json.dumps(about), file=out, flush=True)
    for _ in sys.stdin:
        print(json.dumps(measure()), file=out, flush=True)


def rounds(contenders: dict[str, Callable[[], float]], count: int) -> dict[str, list[float]]:
    """Every contender once a round, in turn; one round before them is not counted."""
    found = {name: [] for name in contenders}
    for _ in range(count + 1):
        for name, measure in contenders.items():
            found[name].append(measure())
    return {name: values[1:] for name, values in found.items()}


def machine() -> str:
    """Cores, processor, load and Python, for the head of every result."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} cores, {model}{load}, {platform.system()}, Python {platform.python_version()}"
