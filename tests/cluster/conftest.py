"""Drivers as real processes, and what they leave behind."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.environment import ROOT


class Driver:
    """``voxblocks run`` on a graph in `folder`, in a process of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]):
        self.folder, self.environment, self.children = folder, environment, []

    def write(self, text: str) -> Path:
        path = self.folder / "graph.yaml"
        path.write_text(text)
        return path

    def start(self, *words: str, **more) -> subprocess.Popen:
        command = [
            sys.executable,
            "-m",
            "runner",
            "run",
            str(self.folder / "graph.yaml"),
            "--store",
            self.store,
            *words,
        ]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        child = subprocess.Popen(command, cwd=ROOT, env=self.environment | more, **pipes)
        self.children.append(child)
        return child

    def run(self, *words: str, timeout: float = 90, **more) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        return self.end(self.start(*words, **more), timeout)

    def end(self, child: subprocess.Popen, timeout: float = 90) -> tuple[int, str, str]:
        out, err = child.communicate(timeout=timeout)
        return child.returncode, out, err

    @property
    def store(self) -> str:
        return str(self.folder / "store")

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def lines(self) -> list[list[str]]:
        """What toy.where noted so far: id, node, process, GPUs."""
        return [line.split() for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def wait(self, until: Callable[[list], bool], child: subprocess.Popen, timeout: float = 120) -> list[list[str]]:
        """The lines of the log as soon as they are as wanted."""
        deadline = time.monotonic() + timeout
        while not until(lines := self.lines()):
            assert child.poll() is None, child.communicate()
            assert time.monotonic() < deadline, lines
            time.sleep(0.02)
        return lines


@pytest.fixture
def driver(tmp_path, ray_environment):
    made = Driver(tmp_path, ray_environment)
    yield made
    for child in made.children:
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
            child.communicate()
