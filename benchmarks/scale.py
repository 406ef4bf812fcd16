"""What does a training cost before its first step, and an item of it, as its table grows to a million rows?

    python benchmarks/scale.py [--rows 10000,100000,1000000] [--s3] [--ray] [--steps 100]

Rows of six fields (three streams of 16 to 79 frames, or more, phones, voice, split; 0.7 kB) are written with the store's own writer, to
a folder and with `--s3` to an S3 server on loopback (moto, of the extra `dev`). A block with one weight is trained on them in a
process of its own, told to stop in the middle and started again. Told: seconds of planning, from the plan to the first step, of a
step, and from the second command to the step it goes on with; the peak of memory that the process holds itself (anonymous),
and of pages of mapped files, which the kernel takes back when it wants them; on S3 the requests and bytes that a proxy
counts, before the first step and between the steps, over the bytes of the items used. An attempt that takes longer than
`--patience` seconds is ended and told as such. `--ray` trains with two ranks on a Ray that is started here, and tells what
the driver and each of them hold.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

from benchmarks.memory import Sampler, status  # noqa: E402 - found by the line above
from benchmarks.timing import POOLS, ROOT, machine  # noqa: E402

GRAPH = """
nodes:
  said: {{read: bench.utterances, config: {{count: {rows}, frames: {frames}}}}}
  model:
    fit: bench.learner
    in: {{pitch: said.pitch, energy: said.energy, tilt: said.tilt, phones: said.phones, speaker: said.speaker, split: said.split}}
    config: {{max_steps: {steps}, max_frames: {budget}, checkpoint_interval: {half}, val_check_interval: {half}, log: {log}}}
    scale: {{workers: {workers}}}
"""
SHARD_ROWS = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="10000,100000,1000000")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument(
        "--frames", type=int, default=16, help="of the shortest item; the longest has five times as many"
    )
    parser.add_argument("--s3", action="store_true", help="from an S3 server, too")
    parser.add_argument("--ray", action="store_true", help="on Ray with two ranks, too, from the folder")
    parser.add_argument("--patience", type=float, default=600)
    parser.add_argument("--quick", action="store_true", help="300 rows, few steps: to see that it runs")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ |= {"VOXBLOCKS_BLOCKS": str(ROOT / "benchmarks" / "toys")} | {
        f"{pool}_NUM_THREADS": "1" for pool in POOLS
    }
    if options.work:
        return work(**json.loads(options.work))
    if options.quick:
        options.rows, options.steps = "300", 6
    print(f"{options.steps} steps; {machine()}")
    for rows in map(int, options.rows.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            asked = {"rows": rows, "folder": folder, "steps": options.steps, "frames": options.frames}
            made = child(asked | {"what": "make", "store": f"{folder}/store"}, options.patience, None)
            told = {"rows": rows, "MB": made["bytes"] / 1e6, "made in s": made["seconds"]}
            measure(told | {"store": "folder"}, asked | {"store": f"{folder}/store"}, None, options.patience)
            if options.ray:
                asked_of_ray = asked | {"store": f"{folder}/store", "what": "fit", "attempt": "Ray"}
                tell(told | {"store": "folder", "attempt": "Ray"} | child(asked_of_ray, options.patience, None))
            if options.s3:
                with served(Path(folder, "store", "tables")) as (url, proxy):
                    measure(told | {"store": "S3"}, asked | {"store": url}, proxy, options.patience)


def measure(told: dict, asked: dict, proxy: "Proxy | None", patience: float) -> None:
    os.environ["VOXBLOCKS_CACHE"] = f"{asked['folder']}/cache"
    for attempt in ("first", "again"):
        found = told | {"attempt": attempt} | child(asked | {"what": "fit", "attempt": attempt}, patience, proxy)
        tell(found)
        if "ended" in found:
            break


def tell(found: dict) -> None:
    print(json.dumps({k: float(f"{v:.3g}") if isinstance(v, float) else v for k, v in found.items()}), flush=True)


def child(asked: dict, patience: float, proxy: "Proxy | None") -> dict:
    """What a process of its own finds; requests and bytes before the first step, and after it for each byte used."""
    command = [sys.executable, __file__, "--work", json.dumps(asked)]
    before = proxy.counts() if proxy else None
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    timer = threading.Timer(patience, process.kill)
    timer.start()
    found, first = {}, None
    for line in process.stdout:
        if line.startswith("{"):
            found |= json.loads(line)
        if line == "first step\n" and proxy:
            first = proxy.counts()
    timer.cancel()
    if process.wait() < 0:
        found["ended"] = f"after {patience:g} s"
    assert process.returncode <= 0, asked
    if first:
        last, items = proxy.counts(), found["items used"]
        found["requests before step 1"] = first[0] - before[0]
        found["MB before step 1"] = (first[1] - before[1]) / 1e6
        found["requests an item"] = (last[0] - first[0]) / items
        found["bytes read over bytes used"] = (last[1] - first[1]) / found["bytes used"]
    return found


# ---- in a process of its own ----


def work(what: str, rows: int, folder: str, store: str, steps: int, frames: int, attempt: str = "") -> None:
    from runner.check import check, read_graph
    from runner.plan import make_plan
    from runner.store import Store

    log = Path(folder, "log")
    path = Path(folder, "graph.yaml")
    steps += 2 * (attempt == "Ray")  # another training than the one that has been made
    values = {"rows": rows, "steps": steps, "half": steps // 2, "frames": frames, "budget": 250 * frames}
    path.write_text(GRAPH.format(**values, log=log, workers=2 if attempt == "Ray" else 1))
    begun, opened = time.perf_counter(), Store(store)
    plan = make_plan(check(read_graph(path)), opened)
    planned = time.perf_counter() - begun
    if what == "make":
        print(json.dumps(make(plan.steps["said"], opened, rows, frames)))
    else:
        train(plan, opened, log, planned, attempt, steps)


def make(step, store, rows: int, frames: int) -> dict:
    """The table that the graph would read, written shard by shard."""
    from concurrent.futures import ThreadPoolExecutor

    from blocks.bench.schema import Utterance
    from blocks.bench.utterances import made

    begun = time.perf_counter()
    meta = step.meta | {"graph": "scale", "licences": []}
    writer = store.write_table(step.digest, Utterance, meta, layout=f"{SHARD_ROWS} rows a shard")

    def write(index: int) -> None:
        items = [made(n, frames) for n in range(index * SHARD_ROWS, min(rows, (index + 1) * SHARD_ROWS))]
        writer.write(index, [item.id for item in items], items)

    with ThreadPoolExecutor(8) as pool:  # who writes waits for the disk
        for _ in pool.map(write, range(-(-rows // SHARD_ROWS))):
            pass
    table = writer.publish()
    return {"seconds": time.perf_counter() - begun, "bytes": table.manifest["bytes"]}


def train(plan, store, log: Path, planned: float, attempt: str, steps: int) -> None:
    """Up to the middle, where the first attempt is broken off, or from there to the end."""
    from runner.cluster.executor import RayExecutor
    from runner.run.local import LocalExecutor
    from runner.work.executor import Observer

    log.unlink(missing_ok=True)
    begun, over = time.time(), threading.Event()
    watch = threading.Thread(target=follow, args=(log, over, steps // 2 if attempt == "first" else None))
    watch.start()
    sampler, ranks = Sampler(), {}
    if attempt == "Ray":
        ray_settings(log.parent)
        threading.Thread(target=watch_ranks, args=(ranks, over)).start()
    with sampler, contextlib.suppress(KeyboardInterrupt):
        outcome = (RayExecutor("local") if attempt == "Ray" else LocalExecutor()).run(plan, store, Observer())
        assert outcome.error is None, outcome.error
    over.set()
    watch.join()
    lines = [line.split() for line in log.read_text().splitlines()]
    starts = [float(line[3]) for line in lines if line[0] == "0"]
    used = [sum(json.loads(part.read_text())[n] for part in log.parent.glob(f"{log.name}.used.*")) for n in (0, 1)]
    found = {
        "planned in s": planned,
        "first step after s": starts[0] - begun,
        "and processor s": float(lines[0][4]),  # of the whole process, imports too
        "ms a step": 1e3 * (starts[-1] - starts[0]) / max(1, len(starts) - 1),
        "from step": int(lines[0][2]),
        "items used": used[0],
        "bytes used": used[1],
        "anonymous MiB": sampler.anonymous / 1024,
        "MiB of mapped files": sampler.file / 1024,
    }
    if ranks:
        found["ranks"] = [{name: round(size / 2**10) for name, size in each.items()} for each in ranks.values()]
    print(json.dumps(found))


def follow(log: Path, over: threading.Event, stop_at: int | None) -> None:
    """Tell of the first step; ask for a stop at a step."""
    told = False
    while not over.wait(0.01):
        lines = log.read_text().splitlines() if log.exists() else []
        if lines and not told:
            told = True
            print("first step", flush=True)
        if stop_at and len(lines) >= stop_at:
            return os.kill(os.getpid(), signal.SIGINT)


def ray_settings(folder: Path) -> None:
    (folder / "ray.token").write_text("a" * 64)
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(folder / "ray.token")}
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0", "PYTHONPATH": str(ROOT)}


def watch_ranks(peaks: dict, over: threading.Event) -> None:
    """The peaks of what each rank holds, in KiB."""
    import psutil

    while not over.wait(0.3):
        with contextlib.suppress(psutil.Error, OSError):
            for each in psutil.Process().children(recursive=True):
                if "RayTrainWorker" in " ".join(each.cmdline()):
                    now, peak = status(each.pid), peaks.setdefault(each.pid, {})
                    for name, kind in (("anonymous MiB", "RssAnon"), ("MiB of mapped files", "RssFile")):
                        peak[name] = max(now[kind], peak.get(name, 0))


# ---- S3 on loopback, and a proxy that counts ----


class Proxy:
    """Hands on what it gets, and counts requests and bytes of answers."""

    def __init__(self, target: int):
        self.target, self.requests, self.bytes = target, 0, 0
        self.server = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def counts(self) -> tuple[int, int]:
        return self.requests, self.bytes

    def _accept(self) -> None:
        while True:
            here, _ = self.server.accept()
            there = socket.create_connection(("127.0.0.1", self.target))
            for pair, counted in (((here, there), True), ((there, here), False)):
                threading.Thread(target=self._hand_on, args=(*pair, counted), daemon=True).start()

    def _hand_on(self, source: socket.socket, target: socket.socket, asks: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(2**18):
                if asks:
                    self.requests += data.count(b" HTTP/1.1\r\n")
                else:
                    self.bytes += len(data)
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def served(tables: Path) -> Iterator[tuple[str, Proxy]]:
    """A store with copies of these tables, and what counts when it is read."""
    from pyarrow import fs

    from tests.cluster import s3

    with s3.serving() as port:
        fs.copy_files(str(tables), "speech/scale/tables", fs.LocalFileSystem(), s3.client(port))
        proxy = Proxy(port)
        os.environ |= s3.environment(proxy.port)
        yield "s3://speech/scale", proxy


if __name__ == "__main__":
    main()
