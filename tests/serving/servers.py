"""`voxblocks serve` as a process of its own on loopback, and who asks it."""

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.environment import ROOT


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen
    port: int
    token: str = ""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def open(self, method: str, path: str, body: dict | None = None, token: str | None = None) -> Iterator:
        """The answer, with its head read and its body not."""
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self.token if token is None else token}",
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        with contextlib.closing(connection):
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            with connection.getresponse() as answer:
                yield answer

    def speech(self, **body) -> tuple[int, bytes]:
        with self.open("POST", "/v1/audio/speech", {"response_format": "pcm"} | body) as answer:
            return answer.status, answer.read()

    def get(self, path: str):
        with self.open("GET", path) as answer:
            return json.load(answer)

    def replicas(self) -> list[psutil.Process]:
        """The processes that speak."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in found if "ServeReplica:voxblocks:speaker" in " ".join(_line(child))]


def _line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def server(environment: dict[str, str], folder: Path, graph: Path, *words: str, token: str = "") -> Iterator[Server]:
    """A server that answers; Ctrl-C ends it, if nobody did before."""
    port = free_port()
    command = [sys.executable, "-m", "runner", "serve", str(graph), "--port", str(port), *words]
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=err)
    found = Server(process, port, token)
    try:
        deadline = time.monotonic() + 600  # a busy machine takes minutes for what an idle one does in twenty seconds
        while "Listening" not in (folder / "out").read_text():
            assert process.poll() is None, (folder / "err").read_text()
            assert time.monotonic() < deadline, (folder / "err").read_text()
            time.sleep(0.1)
        yield found
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
