"""Does memory grow with the length of a table? The same graph at N and at 10 N rows, each in a process of its own.

    python benchmarks/memory.py [--rows 500] [--times 10] [--rounds 7]

Three-second waves are read, turned into log-mels, picked by a condition, and analysed again: read, map, pick, map. No
`reduce` and no `expand`, which by their contract are given the whole table at once. Peak resident memory counts the pages of mapped shards, which the kernel takes back whenever anyone needs them;
peak anonymous memory is what the process really holds, sampled from /proc/self/status every 5 ms (Linux only).
The first number is what the process had before it opened the store.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

from benchmarks.timing import ROOT, WIDE, machine, ratios, spread  # noqa: E402 - found by the line above

GRAPH = """about: waves to mels and levels
nodes:
  wave: {{read: bench.waves, config: {{count: {rows}, seconds: 3}}}}
  mel: {{map: features.log_mel, in: {{wave: wave.wave}}}}
  part: {{pick: {{wave: wave.wave, log_mel: mel.log_mel}}, where: {{wave.split: train}}}}
  loudness: {{map: features.energy, in: {{wave: part.wave}}}}
  again: {{map: features.log_mel, in: {{wave: part.wave}}}}
"""
MIB = 1 / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="20 and 60 rows, 1 round: to see that it runs")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return print(json.dumps(measure(options.worker)))
    if options.quick:
        options.rows, options.times, options.rounds = 20, 3, 1
    few, many = options.rows, options.rows * options.times
    print(f"{few} and {many} rows of 3 s, median [least..greatest] of {options.rounds} rounds; {machine()}\n")
    found: dict[int, list[dict]] = {few: [], many: []}
    for _ in range(options.rounds):
        for rows in found:
            command = [sys.executable, __file__, "--worker", str(rows)]
            found[rows].append(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))
    print(f"{'MiB':34} {f'{few} rows':26} {f'{many} rows':26} ratio (goal 1: flat)")
    for key in found[few][0]:
        below, above = ([one[key] for one in found[rows]] for rows in (few, many))
        ratio = "" if 0 in below else str(ratios(above, below))
        print(f"{key:34} {spread(below)!s:26} {spread(above)!s:26} {ratio}")
    print(f"\n~ marks a spread over {WIDE} times")


def measure(rows: int) -> dict:
    """One run in a fresh store; memory in MiB, size of the tables, and seconds."""
    import blocks
    from runner.check import check, read_graph
    from runner.plan import make_plan
    from runner.run.local import LocalExecutor
    from runner.store import Store
    from runner.work.executor import Observer

    blocks.__path__.append(str(ROOT / "benchmarks" / "toys"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.yaml"
        path.write_text(GRAPH.format(rows=rows))
        checked, store, sampler = check(read_graph(path)), Store(Path(folder) / "store"), Sampler()
        start = time.perf_counter()
        with sampler:
            outcome = LocalExecutor().run(make_plan(checked, store), store, Observer())
        assert outcome.error is None, outcome.error
        size = sum(file.stat().st_size for file in Path(folder).rglob("*.arrow"))
        seconds = time.perf_counter() - start
    return {
        "before the run": sampler.before * MIB,
        "peak resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MIB,
        "peak anonymous": sampler.anonymous * MIB,
        "peak pages of mapped files": sampler.file * MIB,
        "tables written": size * MIB * MIB,
        "(seconds)": seconds,
    }


class Sampler(threading.Thread):
    """Peak kinds of resident memory in KiB, as /proc/self/status gives them."""

    def __init__(self):
        super().__init__(daemon=True)
        self.anonymous = self.file = 0
        self.before = status()["VmRSS"]
        self._stop_now = threading.Event()

    def run(self) -> None:
        while not self._stop_now.wait(0.005):
            now = status()
            self.anonymous = max(self.anonymous, now["RssAnon"])
            self.file = max(self.file, now["RssFile"])

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self._stop_now.set()
        self.join()


def status(process: int | str = "self") -> dict[str, int]:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return {"VmRSS": 0, "RssAnon": 0, "RssFile": 0}
    return {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("VmRSS", "Rss"))}


if __name__ == "__main__":
    main()
