"""Three hosts on one machine: network namespaces with an address each, joined by a switch whose links can be cut.

    python -m tests.cluster.hosts > benchmarks/results/DATE-partition.txt      (as root, from the repository's folder)

runs a graph on three hosts twice, undisturbed and with the link of one host cut while it works, and prints the figures.
All hosts see the same disk; nothing of the network outside the namespaces is touched.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.heads import RAY
from tests.environment import ROOT, TOYS

PORT, ROWS, PAUSE_S, SHARD = 6399, 640, 0.03, 64
GRAPH = f"""
about: ten shards of slow items on three hosts
nodes:
  tone: {{{{read: toy.tones, config: {{{{count: {ROWS}, seconds: 0.02}}}}}}}}
  at: {{{{map: toy.where, in: {{{{wave: tone.wave}}}}, config: {{{{pause_s: {PAUSE_S}, log: {{log}}}}}}, scale: {{{{workers: 3}}}}}}}}
"""


def ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


def why_not() -> str:
    """Why there can be no hosts here; empty where there can."""
    name = f"vb{os.getpid()}try"
    try:
        ip("netns", "add", name)
        ip("netns", "del", name)
        return ""
    except (OSError, subprocess.CalledProcessError) as error:
        return f"network namespaces want root and iproute2: {getattr(error, 'stderr', None) or error}"


class Hosts:
    """`count` hosts, of which the first is the head of a Ray cluster with one CPU each."""

    def __init__(self, count: int, folder: Path):
        self.folder, self.children = folder, []
        self.switch = f"vb{os.getpid()}s"
        self.names = [f"vb{os.getpid()}h{n}" for n in range(1, count + 1)]
        (folder / "token").write_text(secrets.token_hex(32))
        self.environment = TOYS | {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",
            "GLOO_SOCKET_IFNAME": "eth0",
        }

    def wire(self) -> None:
        ip("netns", "add", self.switch)
        ip("-n", self.switch, "link", "add", "sw0", "type", "bridge")
        ip("-n", self.switch, "link", "set", "sw0", "up")
        for number, name in enumerate(self.names, 1):
            ip("netns", "add", name)
            ip("-n", self.switch, "link", "add", f"v{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("-n", self.switch, "link", "set", f"v{number}", "master", "sw0", "up")
            ip("-n", name, "addr", "add", f"10.77.0.{number}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")

    def boot(self) -> None:
        """``ray start`` on each, with a folder of its own for temporary files: shared ones do not register."""
        for number in range(1, len(self.names) + 1):
            role = (
                ["--head", f"--port={PORT}", "--include-dashboard=false"]
                if number == 1
                else [f"--address={self.address}"]
            )
            own = [f"--node-ip-address=10.77.0.{number}", f"--temp-dir={self.folder}/r{number}", "--num-cpus=1"]
            self.start(
                number, [RAY, "start", *role, *own, "--object-store-memory=104857600", "--block"], log=f"ray{number}"
            )
            if number == 1:
                self.wait(lambda: self.answers(), 60, "the head does not answer")
        self.wait(lambda: self.alive() == len(self.names), 90, "not every host joined")

    def start(self, number: int, command: list, log: str) -> subprocess.Popen:
        words = ["ip", "netns", "exec", self.names[number - 1], *map(str, command)]
        with (self.folder / log).open("wb") as out:
            child = subprocess.Popen(words, cwd=ROOT, env=self.environment, stdout=out, stderr=out)
        self.children.append(child)
        return child

    def cut(self, number: int) -> None:
        ip("-n", self.switch, "link", "set", f"v{number}", "down")

    def host_of(self, pid: int) -> int:
        """The number of the host that a process runs on."""
        return self.names.index(ip("netns", "identify", str(pid)).strip()) + 1

    def answers(self) -> bool:
        code = f"import socket; socket.create_connection(('10.77.0.1', {PORT}), 1)"
        return self._python(code).returncode == 0

    def alive(self) -> int:
        code = (
            f"import ray, logging; ray.init('{self.address}', logging_level=logging.ERROR, log_to_driver=False); "
            "print('alive', sum(node['Alive'] for node in ray.nodes()))"
        )
        said = self._python(code).stdout.split()
        return int(said[said.index("alive") + 1]) if "alive" in said else 0

    def _python(self, code: str) -> subprocess.CompletedProcess:
        words = ["ip", "netns", "exec", self.names[0], sys.executable, "-c", code]
        return subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60)

    @property
    def address(self) -> str:
        return f"10.77.0.1:{PORT}"

    def wait(self, until, seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not until():
            if time.monotonic() > deadline:
                said = "\n".join(path.read_text()[-2000:] for path in self.folder.glob("ray*") if path.is_file())
                raise TimeoutError(f"{what}\n{said}")
            time.sleep(0.05)

    def remove(self) -> None:
        for child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        for child in self.children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=20)
        for child in self.children:
            child.kill()
            child.wait()
        for name in [*self.names, self.switch]:
            with contextlib.suppress(subprocess.CalledProcessError):
                for pid in ip("netns", "pids", name).split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
                ip("netns", "del", name)


@contextlib.contextmanager
def three_hosts() -> Iterator[Hosts]:
    folder = Path(tempfile.mkdtemp(prefix="vb"))  # a short name: Ray's sockets lie below
    hosts = Hosts(3, folder)
    try:
        hosts.wire()
        hosts.boot()
        yield hosts
    finally:
        hosts.remove()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Trial:
    """One run on the hosts."""

    folder: Path
    code: int
    said: str
    seconds: float  # of the whole run
    after_cut: float  # from the cut to the end
    done_at_cut: int  # rows begun
    hosts: list[int]  # that worked
    lines: list[str]  # what toy.where noted


def trial(hosts: Hosts, folder: Path, cut: int | None = None) -> Trial:
    """Run the graph from the first host; with `cut`, the link of that host goes down while a worker on it works."""
    folder.mkdir(parents=True)
    log = folder / "log"
    log.touch()
    (folder / "graph.yaml").write_text(GRAPH.format(log=log))
    words = [sys.executable, "-m", "runner", "run", folder / "graph.yaml", "--address", hosts.address]
    started = time.monotonic()
    child = hosts.start(1, [*words, "--store", folder / "store"], log=f"{folder.name}.out")
    seen: dict[str, int] = {}  # host of each worker process, asked while it lives

    def look() -> bool:
        for line in log.read_text().splitlines():
            pid = line.split()[2]
            if pid not in seen:
                with contextlib.suppress(ValueError, subprocess.CalledProcessError):
                    seen[pid] = hosts.host_of(int(pid))
        return child.poll() is not None or (cut in seen.values() and len(set(seen.values())) == 3)

    hosts.wait(look, 120, "the cut host was given no work")
    cut_at, done = time.monotonic(), len(log.read_text().splitlines())
    if cut is not None:
        hosts.cut(cut)
    hosts.wait(lambda: child.poll() is not None, 280, "the run does not end")
    ended = time.monotonic()
    said = (hosts.folder / f"{folder.name}.out").read_text()
    return Trial(
        folder,
        child.returncode,
        said,
        ended - started,
        ended - cut_at,
        done,
        sorted(set(seen.values())),
        log.read_text().splitlines(),
    )


def measure(folder: Path) -> tuple[Trial, Trial]:
    """An undisturbed run and one with the second host cut off."""
    with three_hosts() as hosts:
        return trial(hosts, folder / "whole"), trial(hosts, folder / "cut", cut=2)


def report(whole: Trial, cut: Trial) -> str:
    from runner.store.formats import versions

    again = len(cut.lines) - ROWS
    about = {key: versions().get(key) for key in ("python", "ray", "pyarrow")}
    return "\n".join(
        [
            f"Three hosts (network namespaces, one CPU each, one disk), {ROWS} rows of {PAUSE_S * 1000:g} ms in shards of {SHARD}.",
            f"Single runs on {os.cpu_count()} cores. {json.dumps(about)}",
            f"undisturbed, driver's start to its end:        {whole.seconds:6.1f} s",
            f"host 2 cut off after {cut.done_at_cut} rows were begun, whole: {cut.seconds:6.1f} s (exit code {cut.code})",
            f"from the cut to the end:                       {cut.after_cut:6.1f} s",
            f"rows worked on twice:                          {again:6d}",
        ]
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        whole, cut = measure(Path(folder))
    if whole.code or cut.code:
        sys.exit(f"a run failed:\n{whole.said}\n{cut.said}")
    print(report(whole, cut))
