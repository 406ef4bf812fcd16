"""What the runner itself costs: six nodes that add one to sixteen numbers, over 1,000 items.

    python benchmarks/runner_overhead.py [--peers PYTHON] [--items 1000] [--rounds 9]

Beside a plain loop, Apache Hamilton and Haystack 2, one warm process each, one thread, called in turn. The peers live
in an environment of their own (benchmarks/requirements.txt); without it the rest is measured and the peers are named
as absent. A peer is called once per item, as its documentation does, and once per list of 16 items, as this runner
calls its blocks; in a list one bad item costs its neighbours. The peers check no array and store nothing; "in memory" checks dtype, rank, axes and finiteness of
every item at every node and keeps failures apart; "whole run" also plans, writes every node's table to a store, and
reads it back.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

from benchmarks.chain import BATCH, NODES, hamilton, haystack, timed, vectors  # noqa: E402 - found by the line above
from benchmarks.timing import ROOT, Worker, machine, ratios, rounds, serve, spread  # noqa: E402

LOOP, CHECKED = "plain loop", "plain loop, same checks"
OURS, RUN = "voxblocks, in memory", "voxblocks, whole run"
HAMILTON, HAYSTACK = "Hamilton", "Haystack"
LISTS = f", lists of {BATCH}"
PEERS = [HAMILTON, HAYSTACK, HAMILTON + LISTS, HAYSTACK + LISTS]
GOALS = {OURS: "goal <= 3", HAMILTON: "goal >= 4", HAYSTACK: "goal >= 30"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=os.environ.get("PEERS", sys.executable), help="a Python that has the peers")
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="50 items, 3 rounds: to see that it runs")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return serve(lambda: PREPARE[options.worker](options.items))
    if options.quick:
        options.items, options.rounds = 50, 3
    workers = {}
    for name in PREPARE:
        python = options.peers if name in PEERS else sys.executable
        workers[name] = Worker(python, __file__, "--worker", name, "--items", str(options.items))
    for name, worker in workers.items():
        if "absent" in worker.about:
            print(f"{name}: {options.peers} has no {worker.about['absent']}; see benchmarks/requirements.txt")
    present = {name: worker for name, worker in workers.items() if "absent" not in worker.about}
    print(f"{NODES} nodes x {options.items} items, median [least..greatest] of {options.rounds} rounds; one thread")
    print(f"{machine()}; " + ", ".join(dict.fromkeys(about for w in present.values() for about in w.about["versions"])))
    report(rounds({name: worker.measure for name, worker in present.items()}, options.rounds), options.items)
    for worker in workers.values():
        worker.close()


def report(seconds: dict[str, list[float]], items: int) -> None:
    print(f"\nthe plain loop takes {spread([s / items * 1e6 for s in seconds[LOOP]])} us an item; over that:\n")
    own = {  # us per node and item beyond the plain loop of the same round
        name: [(s - plain) / items / NODES * 1e6 for s, plain in zip(values, seconds[LOOP])]
        for name, values in seconds.items()
        if name != LOOP
    }
    print(f"{'':26} {'us a node and item':30} {'times voxblocks in memory':30} times the plain loop, whole")
    for name, values in own.items():
        against = "" if name == OURS else str(ratios(values, own[OURS]))
        goal = f" ({GOALS[name]})" if name in GOALS else ""
        whole = ratios(seconds[name], seconds[LOOP])
        first, second = (f"{spread(values)}{goal}", against) if name == OURS else (str(spread(values)), against + goal)
        print(f"{name:26} {first:30} {second:30} {whole}")


# ---- the contenders: each prepares itself and returns what it is and a function that times one pass ----


def loop(items: int):
    data, steps = vectors(items), [lambda x: x + 1 for _ in range(NODES)]

    def work():
        for x in data:
            for step in steps:
                x = step(x)

    return timed(work)


def checked_loop(items: int):
    """What of `in memory` is the checking of items at both borders of a node; the rest is the runner's bookkeeping."""
    from blocks.base import check_item, ports
    from blocks.spec import AudioSpec

    data, spec, vector = vectors(items), AudioSpec(), ports(toys("bench.step"), "map").output

    def work():
        for x in data:
            for _ in range(NODES):
                result = vector(x=vector(x=x).x + 1)
                if check_item(result, spec) is None:
                    x = result.x

    return timed(work, "pydantic")


def in_memory(items: int):
    from blocks.base import ports
    from blocks.spec import AudioSpec
    from runner.work.apply import map_rows

    cls = toys("bench.step")
    chain, io = [cls(cls.tiny, AudioSpec()) for _ in range(NODES)], ports(cls, "map")
    data = [(f"{n:06d}", {"x": x}) for n, x in enumerate(vectors(items))]

    def work():
        rows = data
        for block in chain:
            shard = map_rows(block, io.inputs, io.output, rows, BATCH)
            rows = [(id, {"x": row.x}) for id, row in zip(shard.ids, shard.rows)]
        assert len(rows) == items

    return timed(work, "pydantic")


def whole_run(items: int):
    from runner.check import check, read_graph
    from runner.plan import make_plan
    from runner.run.local import LocalExecutor
    from runner.store import Store
    from runner.work.executor import Observer

    toys("bench.step")
    lines = [f"  n0: {{read: bench.vectors, config: {{count: {items}}}}}"]
    lines += [f"  n{i + 1}: {{map: bench.step, in: {{x: n{i}.x}}}}" for i in range(NODES)]
    folder = tempfile.TemporaryDirectory()
    graph = Path(folder.name) / "chain.yaml"
    graph.write_text("about: a chain\nnodes:\n" + "\n".join(lines) + "\n")
    checked = check(read_graph(graph))

    def work(folder=folder):
        with tempfile.TemporaryDirectory(dir=folder.name) as place:
            store = Store(place)
            outcome = LocalExecutor().run(make_plan(checked, store), store, Observer())
            assert outcome.error is None

    return timed(work, "pydantic", "pyarrow")


def toys(name: str):
    import blocks
    from blocks.load import find

    blocks.__path__.append(str(ROOT / "benchmarks" / "toys"))
    return find(name)


PREPARE = {
    LOOP: loop,
    CHECKED: checked_loop,
    OURS: in_memory,
    HAMILTON: hamilton,
    HAYSTACK: haystack,
    HAMILTON + LISTS: lambda items: hamilton(items, BATCH),
    HAYSTACK + LISTS: lambda items: haystack(items, BATCH),
    RUN: whole_run,
}

if __name__ == "__main__":
    main()
