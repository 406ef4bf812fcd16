"""A cluster as a reader of BUILD.md starts it: ``ray start`` with a dashboard, on loopback."""

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

RAY = Path(sys.executable).with_name("ray")


def on_path(environment: dict[str, str]) -> dict[str, str]:
    """With ``python`` and ``ray`` of this virtual environment found first, as where it is activated."""
    return environment | {"PATH": f"{RAY.parent}:{environment['PATH']}"}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def head(environment: dict[str, str], cpus: int = 2) -> Iterator[tuple[str, str]]:
    """The address of a cluster of one machine and the URL of its dashboard."""
    port, dashboard = free_port(), free_port()
    folder = tempfile.mkdtemp(prefix="vb")  # Ray's sockets lie here: pytest's own folders have too long names for them
    options = ["--node-ip-address=127.0.0.1", f"--port={port}", f"--num-cpus={cpus}", "--object-store-memory=104857600"]
    # The agent's own port is fixed by default, and taken where another cluster runs on this machine.
    options.append(f"--dashboard-agent-listen-port={free_port()}")
    shown = ["--include-dashboard=true", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"]
    command = [RAY, "start", "--head", *options, *shown, f"--temp-dir={folder}", "--block"]
    with open(f"{folder}/out", "wb") as out:
        child = subprocess.Popen(command, cwd=folder, env=on_path(environment), stdout=out, stderr=out)
    try:
        _await_dashboard(f"http://127.0.0.1:{dashboard}", child, Path(folder) / "out")
        yield f"127.0.0.1:{port}", f"http://127.0.0.1:{dashboard}"
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def _await_dashboard(url: str, child: subprocess.Popen, out: Path) -> None:
    deadline = time.monotonic() + 90
    while True:
        assert child.poll() is None, out.read_text()
        assert time.monotonic() < deadline, out.read_text()
        try:
            urllib.request.urlopen(f"{url}/api/version", timeout=2).close()
            return
        except urllib.error.HTTPError:
            return  # it answers, but wants a token
        except OSError:
            time.sleep(0.2)
