"""When is Ray worth it? The same graphs in process and on a local Ray cluster with one and two workers.

    python benchmarks/cluster.py [--rounds 1]

A node of items that take 1, 10, 50 and 200 ms of processor time each, in shards of 64 rows; the pitch of real speech
(asterisk-en); what a run and a node cost on Ray when there is nothing to do; and the driver's peak memory at N and
10 N items. Every figure is the time of a whole run of a checked graph; starting Ray is told apart. One round takes
about six minutes on two cores, so that one is the default: ratios are taken within it.
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

from benchmarks.timing import ROOT, machine, ratios, spread  # noqa: E402 - found by the line above

BLOCKS = str(ROOT / "benchmarks" / "toys")
WORK = """
nodes:
  vector: {{read: bench.vectors, config: {{count: {count}}}}}
  work: {{map: bench.work, in: {{x: vector.x}}, config: {{ms: {ms}}}, scale: {{workers: {workers}}}}}
"""
PITCH = """
nodes:
  speech: {{read: corpus.asterisk}}
  pitch: {{map: features.pitch, in: {{wave: speech.wave}}, scale: {{workers: {workers}}}}}
"""
CHAIN = (
    "nodes:\n  vector: {{read: bench.vectors, config: {{count: 4}}}}\n  n0: {{map: bench.step, in: {{x: vector.x}}}}\n"
)
CASES = {1: 1024, 10: 512, 50: 1024, 200: 256}  # ms an item: items


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="only 1 ms items, to see that it runs")
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ |= {"VOXBLOCKS_BLOCKS": BLOCKS, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": _token()}
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    if options.memory:
        return _memory(options.memory)
    import ray

    print(f"{options.rounds} round(s); {machine()}, ray {ray.__version__}\n")
    began = time.perf_counter()
    ray.init(address="local", num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    print(f"starting Ray: {time.perf_counter() - began:.1f} s")
    _fixed_costs()
    cases = {1: 256} if options.quick else CASES
    for ms, count in cases.items():
        _compare(f"{count} items of {ms} ms", WORK, options.rounds, count=count, ms=ms)
    if not options.quick:
        _compare("pitch of asterisk-en", PITCH, options.rounds)
        ray.shutdown()
        few, many = (_peak(count) for count in (500, 5000))
        print(f"driver's peak memory at 500 and 5,000 items: {few:.0f} and {many:.0f} MiB, ratio {many / few:.2f}")


def _compare(name: str, graph: str, rounds: int, **values) -> None:
    alone, one, two = [], [], []
    for _ in range(rounds):
        alone.append(_seconds(graph.format(workers=1, **values), cluster=False))
        one.append(_seconds(graph.format(workers=1, **values), cluster=True))
        two.append(_seconds(graph.format(workers=2, **values), cluster=True))
    print(
        f"{name}: in process {spread(alone)} s, 1 worker {spread(one)} s, 2 workers {spread(two)} s; "
        f"1 worker / 2 workers {ratios(one, two)}, in process / 2 workers {ratios(alone, two)}"
    )


def _fixed_costs() -> None:
    """Nothing to do, in a chain of one and of six nodes, after one run that warms the workers."""
    chain = CHAIN.format()
    longer = chain + "".join(f"  n{k}: {{map: bench.step, in: {{x: n{k - 1}.x}}}}\n" for k in range(1, 6))
    _seconds(chain, cluster=True)
    one, six = _seconds(chain, cluster=True), _seconds(longer, cluster=True)
    print(f"a run of one node with nothing to do: {one:.2f} s; each further node: {(six - one) / 5:.2f} s")


def _seconds(text: str, cluster: bool) -> float:
    from runner.check import check, read_graph
    from runner.cluster.executor import RayExecutor
    from runner.plan import make_plan
    from runner.run.local import LocalExecutor
    from runner.store import Store
    from runner.work.executor import Observer

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "graph.yaml")
        path.write_text(text)
        store = Store(Path(folder, "store"))
        plan = make_plan(check(read_graph(path)), store)
        executor = RayExecutor("auto") if cluster else LocalExecutor()
        outcome = executor.run(plan, store, Observer())
        if outcome.error:
            raise outcome.error
        return outcome.seconds - next(iter(outcome.nodes.values())).seconds  # without the reading


def _peak(count: int) -> float:
    command = [sys.executable, __file__, "--memory", str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.split()[-1])


def _memory(count: int) -> None:
    import ray

    ray.init(address="local", num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    _seconds(WORK.format(workers=2, count=count, ms=0.1), cluster=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _token() -> str:
    path = Path(tempfile.gettempdir(), f"voxblocks-benchmark-{os.getpid()}.token")
    path.write_text("a" * 64)
    return str(path)


if __name__ == "__main__":
    main()
