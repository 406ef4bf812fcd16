"""What does `fit` cost beside a bare loop of the same model, and what do clusters cost a training?

    python benchmarks/fit.py [--rounds 7] [--steps 60] [--only aligner,flow] [--no-cluster]

Two blocks in their default size, aligner.monotonic (torch) and flow.affine (JAX): a plain loop over the same batches,
held in memory, that neither saves nor reports; `fit` in process; on Ray with one worker, and with two at the same
global batch. Every contender runs once a round, each rank held to one core with one thread, so that all that `fit`
does beside the model (reading, reports, the watchdog) counts in full. On a machine that does other things as well,
processor time tells more than the clock. The first steps, which compile, and those after which is saved do not count.
A save costs what a step takes longer with it. Then: how long from the command to the first step, with Ray running; and
from the SIGKILL of one of two workers to the next step of its successor.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

sys.path[:0] = [str(Path(__file__).parents[1])]

from benchmarks.timing import POOLS, ROOT, machine, ratios, spread  # noqa: E402 - found by the line above

FRAMES, ITEMS = 328, 8  # of an item; to a batch
WARM, SAVED = 8, 10  # steps that do not count; steps between two saves
INTERVAL = 200  # steps between two saves where nobody says otherwise
BLOCKS = {"aligner": "aligner.monotonic (torch)", "flow": "flow.affine (JAX)"}
GRAPH = """
nodes:
  spoken: {{read: bench.spoken, config: {{count: 64, frames: {frames}}}}}
  model:
    fit: bench.{block}
    in: {inputs}
    config: {{max_steps: {steps}, max_frames: {budget}, checkpoint_interval: {saved}, log: {log}}}
    scale: {{workers: {workers}}}
"""
INPUTS = {"aligner": "{log_mel: spoken.log_mel, phones: spoken.phones}", "flow": "{log_mel: spoken.log_mel}"}
CLUSTER = {"address": "local", "num_cpus": 2, "include_dashboard": False, "logging_level": "ERROR"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--only", default=",".join(BLOCKS))
    parser.add_argument("--no-cluster", action="store_true", help="only what runs in process")
    parser.add_argument("--quick", action="store_true", help="one round of few steps, to see that it runs")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        return contend(*options.contender.split(","))
    _environment()
    rounds, steps = (1, 24) if options.quick else (options.rounds, options.steps)
    print(f"{steps} steps of {ITEMS} x {FRAMES} frames, {rounds} round(s); {machine()}")
    blocks = options.only.split(",")
    if not options.no_cluster:
        import ray

        began = time.perf_counter()
        ray.init(**CLUSTER, log_to_driver=False)
        print(f"ray {ray.__version__}, started in {time.perf_counter() - began:.1f} s")
    for block in blocks:
        compare(block, ("fit",) if options.no_cluster else ("fit", "ray1", "ray2"), rounds, steps)
    for block in () if options.no_cluster else blocks:
        recover(block, rounds)


NAMES = {"fit": "in process", "ray1": "Ray, 1 worker", "ray2": "Ray, 2 workers"}


def compare(block: str, contenders: tuple[str, ...], rounds: int, steps: int) -> None:
    took: dict[str, list[Steps]] = {name: [] for name in ("bare", *contenders)}
    for _ in range(rounds):
        for name in took:
            took[name].append(one_round(name, block, steps))
    seconds = {name: [one.seconds for one in found] for name, found in took.items()}
    speed = spread([ITEMS * FRAMES / s for s in seconds["bare"]])
    print(f"\n{BLOCKS[block]}: bare loop {speed} frames/s")
    for name in contenders:
        print(f"  {NAMES[name]}, over the bare loop: {ratios(seconds['bare'], seconds[name])} times its frames/s")
    for name in contenders[:2]:
        worked = ratios([one.worked for one in took["bare"]], [one.worked for one in took[name]])
        print(f"  {NAMES[name]}, the same by processor time: {worked}")
    saves = [1e3 * one.save for one in took["fit"]]
    share = [100 * one.save / (INTERVAL * one.seconds + one.save) for one in took["fit"]]
    print(f"  a save: {spread(saves)} ms; every {INTERVAL} steps, as is the default, {spread(share)} % of the time")
    for name in contenders:
        print(f"  {NAMES[name]}, from the command to the first step: {spread([one.start for one in took[name]])} s")


@dataclass
class Steps:
    """Of one training: seconds a step, on the clock and of a processor; what a save adds; from the command to step 1."""

    seconds: float
    worked: float
    save: float
    start: float


def one_round(name: str, block: str, steps: int) -> Steps:
    if name.startswith("ray"):
        with tempfile.TemporaryDirectory() as folder:
            began = time.time()
            for _ in training(Path(folder), block, steps, int(name[3:])):
                pass
            return counted(began, notes(Path(folder, "log")))
    began = time.time()
    command = [sys.executable, __file__, "--contender", f"{name},{block},{steps}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return counted(began, json.loads(done.stdout.splitlines()[-1]))


def counted(began: float, lines: list[list[float]]) -> Steps:
    """From the notes of rank 0: rank, process, step, time, processor time."""
    begins = {int(step): (at, worked) for rank, _, step, at, worked in lines if not rank}
    steps = [step for step in begins if step > WARM and step + 1 in begins]
    took = {step: [after - before for before, after in zip(begins[step], begins[step + 1])] for step in steps}
    plain, worked = map(statistics.mean, zip(*(took[step] for step in steps if step % SAVED)))
    saved = statistics.mean(took[step][0] for step in steps if not step % SAVED)
    return Steps(plain, worked, saved - plain, begins[1][0] - began)


def recover(block: str, rounds: int) -> None:
    """From the kill of one of two workers to the next step of a new one."""
    took, again = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            log, killed, old = Path(folder, "log"), 0.0, set()
            for _ in training(Path(folder), block, 4 * SAVED, 2):
                lines = notes(log)
                if not killed and {0, 1} == {rank for rank, _, step, *_ in lines if step >= WARM + SAVED}:
                    old = {pid for _, pid, *_ in lines}
                    killed = time.time()
                    os.kill(int(next(pid for rank, pid, *_ in lines if rank)), signal.SIGKILL)
            done = max(step for _, pid, step, *_ in notes(log) if pid in old)
            _, _, step, at, _ = min((line for line in notes(log) if line[1] not in old), key=lambda line: line[3])
            took.append(at - killed)
            again.append(done - step + 1)
    print(
        f"\n{BLOCKS[block]}: from SIGKILL to the next step {spread(took)} s; {max(again):g} steps at most were redone"
    )


def training(folder: Path, block: str, steps: int, workers: int, cluster: bool = True) -> Iterator[None]:
    """Run the graph; comes back now and then while it runs. Raises what stopped it."""
    from runner.check import check, read_graph
    from runner.cluster.executor import RayExecutor
    from runner.plan import make_plan
    from runner.run.local import LocalExecutor
    from runner.store import Store
    from runner.work.executor import Observer

    log, ended = folder / "log", []
    values = {"inputs": INPUTS[block], "frames": FRAMES, "budget": ITEMS * FRAMES, "saved": SAVED}
    (folder / "graph.yaml").write_text(GRAPH.format(block=block, steps=steps, workers=workers, log=log, **values))
    store = Store(folder / "store")
    plan = make_plan(check(read_graph(folder / "graph.yaml")), store)
    executor = RayExecutor("auto") if cluster else LocalExecutor()
    thread = threading.Thread(target=lambda: ended.append(executor.run(plan, store, Observer())))
    thread.start()
    while thread.is_alive():
        thread.join(0.05)
        yield
    if ended[0].error:
        raise ended[0].error


def notes(log: Path) -> list[list[float]]:
    lines = log.read_text().splitlines() if log.exists() else []
    return [[float(word) for word in line.split()] for line in lines if line.count(" ") == 4]


# ---- the contenders in process, each in a process of its own ----


def contend(name: str, block: str, steps: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if name == "fit":
            for _ in training(Path(folder), block, int(steps), 1, cluster=False):
                pass
        else:
            bare(block, int(steps), Path(folder, "log"))
        print(json.dumps(notes(Path(folder, "log"))))


def bare(block: str, steps: int, log: Path) -> None:
    """The loop itself: batches from memory, the block's own network and loss, nothing else."""
    from blocks.base import ports
    from blocks.bench._clock import clocked
    from blocks.bench.spoken import Config, Spoken
    from blocks.load import find
    from blocks.spec import AudioSpec
    from blocks.training import bucket
    from runner.fit.batches import BatchPlan

    spec, kind = AudioSpec(), {"aligner": "aligner.monotonic", "flow": "flow.affine"}[block]
    own = {"pitch": False} if block == "flow" else {}
    made = find(kind)(find(kind).Config(max_steps=steps, max_frames=ITEMS * FRAMES, **own), spec)
    train_item = ports(find(kind), "fit").inputs
    items = [
        train_item(log_mel=row.log_mel, **({"phones": row.phones} if block == "aligner" else {}))
        for row in Spoken(Config(frames=FRAMES), spec).read()
    ]
    plan = BatchPlan([FRAMES] * len(items), 0, ITEMS * FRAMES, made.config.max_items)
    # The network as the block itself makes it: a fit of no steps.
    untrained = {
        "init": None,
        "items": items,
        "survey": lambda: items,
        "config": made.config,
        "rank": 0,
        "device": "cpu",
    }
    call = {"key": lambda *_: 0, "parallel": lambda model: model, "state": lambda **parts: SimpleNamespace(**parts)}
    run = SimpleNamespace(**untrained, **call, batches=lambda **_: iter(()))
    step = {"aligner": torch_step, "flow": jax_step}[block]

    def batches(**_):
        for number in range(1, steps + 1):
            yield SimpleNamespace(step=number, items=[items[index] for index in plan.part(number).indices])

    timed = clocked(SimpleNamespace(rank=0, batches=batches), SimpleNamespace(log=str(log), core=0))  # before threads
    made.fit(run)
    step = step(made, bucket(FRAMES))
    for batch in timed.batches():
        step(batch.step, batch.items)


def torch_step(block, frames: int):
    import torch

    optimizer = torch.optim.Adam(block.net.parameters())

    def step(number: int, items: list) -> None:
        for group in optimizer.param_groups:
            group["lr"] = block._rate(number)
        optimizer.zero_grad()
        block._loss(block.net, items, frames, block._prior(number))["loss"].backward()
        optimizer.step()

    return step


def jax_step(block, frames: int):
    import jax

    from blocks.flow._net import training_step

    optimizer = block._optimizer()
    compiled = training_step(block._losses(block._network()), optimizer)
    params, fixed = block.variables["params"], block.variables["fixed"]
    held = [params, optimizer.init(params)]

    def step(number: int, items: list) -> None:
        arrays = block._padded(items, frames, len(items))
        parts = {name: array[None] for name, array in arrays.items()}
        held[0], held[1], numbers = compiled(*held, fixed, parts, jax.random.key(number, impl="unsafe_rbg"))
        numbers["loss"].block_until_ready()  # else the notes would be of the order, not of the work

    return step


def _environment() -> None:
    token = Path(tempfile.gettempdir(), f"voxblocks-benchmark-{os.getpid()}.token")
    token.write_text("a" * 64)
    os.environ |= {"VOXBLOCKS_BLOCKS": str(ROOT / "benchmarks" / "toys")}
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token), "RAY_USAGE_STATS_ENABLED": "0"}
    os.environ |= {f"{pool}_NUM_THREADS": "1" for pool in POOLS} | {"NPROC": "1", "RAY_worker_niceness": "0"}


if __name__ == "__main__":
    main()
