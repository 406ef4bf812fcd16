"""How long `check` takes on a shipped graph, as a whole process on a warm disk and inside one.

    python benchmarks/check_time.py [--peers PYTHON] [--rounds 15] [--graph graphs/copy_synthesis.yaml]

Beside it what the machine asks of any Python program (`pass`), of one that imports NumPy, typer and pydantic and makes
one model, and of one that merely imports Apache Hamilton or Haystack 2 (benchmarks/requirements.txt). Processes are
started in turn, after a first round that is not counted and leaves everyone's bytecode in one temporary cache: where
PYTHONDONTWRITEBYTECODE is set, as in many containers, this project would otherwise be compiled anew each time.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

from benchmarks.timing import ROOT, Spread, machine, ratios, rounds, spread  # noqa: E402 - found by the line above

GOAL_S = 0.5
CHECK = "check, whole process"
MODEL = "import numpy, pydantic, typer\nclass Model(pydantic.BaseModel): x: int"
INSIDE = """
import sys, time
from pathlib import Path
from runner.check import check
from runner.check import read_graph
times = []
for _ in range(2):  # the first time its blocks are imported
    start = time.perf_counter()
    check(read_graph(Path(sys.argv[1])))
    times.append(time.perf_counter() - start)
print(*times)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=os.environ.get("PEERS", sys.executable), help="a Python that has the peers")
    parser.add_argument("--graph", default="graphs/copy_synthesis.yaml")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="3 rounds: to see that it runs")
    options = parser.parse_args()
    count = 3 if options.quick else options.rounds
    with tempfile.TemporaryDirectory() as cache:
        os.environ |= {"PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
        os.environ |= {"HAMILTON_TELEMETRY_ENABLED": "false", "HAYSTACK_TELEMETRY_ENABLED": "False"}
        measure(str(Path(options.peers).absolute()), options.graph, count)


def measure(peers: str, graph: str, count: int) -> None:
    commands = {
        CHECK: [sys.executable, "-m", "runner", "check", graph],
        "python -c pass": [sys.executable, "-c", "pass"],
        "import numpy, pydantic": [sys.executable, "-c", "import numpy, pydantic"],
        "and typer, one model": [sys.executable, "-c", MODEL],
        "import hamilton.driver": [peers, "-c", "import hamilton.driver"],
        "import haystack.Pipeline": [peers, "-c", "from haystack import Pipeline"],
    }
    for name in [name for name, command in commands.items() if has_not(command)]:
        print(f"{name}: {peers} does not have it; see benchmarks/requirements.txt")
        del commands[name]
    print(f"{graph}, median [least..greatest] of {count} rounds; {machine()}\n")
    seconds = rounds({name: lambda command=command: timed(command) for name, command in commands.items()}, count)
    print(f"{'':26} {'seconds':30} times `check`")
    for name, values in seconds.items():
        against = f"(goal < {GOAL_S})" if name == CHECK else str(ratios(values, seconds[CHECK]))
        print(f"{name:26} {spread(values)!s:30} {against}")
    print(
        f"{'CPU time of `check`':26} {spread([processor(commands[CHECK]) for _ in range(count)])!s:30} user and system"
    )
    first, again = inside(graph, count)
    print(f"{'read and check, inside':26} {first!s:30} the first time, with the imports of its blocks")
    print(f"{'':26} {again!s:30} again")


def run(command: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def has_not(command: list[str]) -> bool:
    done = run(command)
    if done.returncode and "ModuleNotFoundError" not in done.stderr:
        sys.exit(f"{command}: {done.stdout}{done.stderr}")
    return done.returncode != 0


def timed(command: list[str]) -> float:
    start = time.perf_counter()
    done = run(command)
    seconds = time.perf_counter() - start
    assert done.returncode == 0, done.stderr
    return seconds


def processor(command: list[str]) -> float:
    """Seconds of user and system: what a machine that has others to serve still tells."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    timed(command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def inside(graph: str, count: int) -> tuple[Spread, Spread]:
    pairs = [run([sys.executable, "-c", INSIDE, graph]).stdout.split() for _ in range(count)]
    return spread([float(first) for first, _ in pairs]), spread([float(again) for _, again in pairs])


if __name__ == "__main__":
    main()
