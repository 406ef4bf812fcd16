"""The Ray executor: the same plan on a cluster, with the same bytes out.

What a node makes goes to the store from where it is made; through Ray travel only the node as data and notes of what
became of each shard. A map node is a Ray Data pipeline over its missing shards with one pool of actors: Ray places
them, restarts them and tries again. Nodes that are ready run at once. `read` stays with the driver, where the data is.
"""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from blocks.base import Failure, Skip
from runner.executor import ClusterError, NodeFailed, NodeResult, Observer, Outcome, not_run
from runner.local import NodeRun, finish
from runner.plan import Plan, Step
from runner.resources import room_for, wanted
from runner.session import connected
from runner.shards import MapWork
from runner.work import BlockError, Shard

RETRIES = 8  # of one shard after its worker died: more than it takes to blame an item


class RayExecutor:
    """Runs a plan on the cluster at `address` (``local`` starts one here, ``auto`` finds the one this machine is in).

    A node waits `patience` seconds at most for resources while nothing else of the run is at work.
    """

    def __init__(self, address: str, patience: float = 600.0):
        self.address, self.patience = address, patience

    def run(self, plan: Plan, store, observer: Observer) -> Outcome:
        outcome = not_run(plan)
        started = time.perf_counter()
        try:
            with connected(self.address, plan) as session:
                _Run(plan, store, OneAtATime(observer), outcome, session, self.patience).run()
        except (ClusterError, OSError) as error:
            outcome.error = error
        outcome.seconds = time.perf_counter() - started
        return outcome


class _Run:
    """The nodes of one run, each in a thread of its own that waits for Ray."""

    def __init__(self, plan: Plan, store, observer: Observer, outcome: Outcome, session, patience: float):
        self.plan, self.store, self.observer, self.outcome = plan, store, observer, outcome
        self.session, self.patience = session, patience
        self.stopping = threading.Event()
        self.at_work = set()  # names of nodes that hold resources

    def run(self) -> None:
        waiting = dict(self.plan.steps)
        running: dict[Future, str] = {}
        pool = ThreadPoolExecutor(max_workers=max(1, len(waiting)))
        try:
            while waiting or running:
                if not self.outcome.error:
                    for name in [name for name in waiting if self._ready(name)]:
                        running[pool.submit(self._node, waiting.pop(name))] = name
                if not running:
                    break
                done, _ = wait(running, timeout=1, return_when=FIRST_COMPLETED)
                self.session.check()
                for future in done:
                    del running[future]
                    future.result()
        finally:
            self.stopping.set()
            pool.shutdown(wait=self.session.alive, cancel_futures=True)

    def _ready(self, name: str) -> bool:
        above = (
            self.outcome.nodes[other] for other in self.plan.steps[name].checked.upstream if other in self.plan.steps
        )
        return all(node.state in ("cached", "ran") for node in above)

    def _node(self, step: Step) -> None:
        result = self.outcome.nodes[step.name]
        node = ClusterNode(self.plan, step, self.store, self.observer, result)
        node.cluster = self
        error = finish(node, self.outcome)
        if error and not self.stopping.is_set():
            self.stopping.set()
            self.outcome.error = error


class ClusterNode(NodeRun):
    """One node; what it shares with the in-process executor it inherits."""

    cluster: _Run

    def make_shards(self, work: MapWork, missing: list[int]) -> Iterator[Shard]:
        if not missing:
            return
        scale = self.step.checked.node.scale
        with room_for(self.step, min(scale.workers, len(missing)), self.cluster):
            # A pool is not worth its start for one shard.
            for note in _one(work, missing[0], scale) if len(missing) == 1 else _many(work, missing, scale):
                if self.cluster.stopping.is_set():
                    raise NodeFailed("stopped, since another node failed")
                yield _shard(note)
        work.reopen()

    def _expand(self) -> None:
        self._elsewhere()

    def _reduce(self) -> None:
        self._elsewhere()

    def _elsewhere(self) -> None:
        """The whole node as one task on the cluster."""
        import ray

        scale = self.step.checked.node.scale
        self.observer.node_started(self.step, None, 0)
        with room_for(self.step, 1, self.cluster):
            task = ray.remote(_whole).options(**wanted(scale), max_retries=RETRIES)
            note = json.loads(ray.get(task.remote(self.plan, self.step.name, self.store)))
        if "error" in note:
            raise NodeFailed(note["error"])
        self.result.unmatched = note["unmatched"]


class OneAtATime(Observer):
    """Lets the threads of a run speak to one observer in turn."""

    def __init__(self, inner: Observer):
        self.inner, self.lock = inner, threading.Lock()

    def node_started(self, step, total, done) -> None:
        with self.lock:
            self.inner.node_started(step, total, done)

    def shard_done(self, step, shard) -> None:
        with self.lock:
            self.inner.shard_done(step, shard)

    def node_finished(self, step, result) -> None:
        with self.lock:
            self.inner.node_finished(step, result)


# ---- what runs on workers ----


class ShardActor:
    """Holds a node's block, loaded once, and makes the shards it is handed."""

    def __init__(self, work: MapWork):
        self.work = work

    def __call__(self, batch: dict) -> dict:
        return {"note": [_made(self.work, int(index)) for index in batch["index"]]}


def _made(work: MapWork, index: int) -> str:
    """Make a shard; what became of it, as text. An error travels as one too: Ray would wrap it in its own traceback."""
    try:
        shard = work.make(index)
    except Exception as error:
        return json.dumps({"error": f"{type(error).__name__}: {error}"})
    failures = [[failure.id, failure.reason, isinstance(failure, Skip)] for failure in shard.failures]
    return json.dumps({"ids": shard.ids, "failures": failures})


def _whole(plan: Plan, name: str, store) -> str:
    """An expand or a reduce."""
    step = plan.steps[name]
    result = NodeResult(step.digest, "waiting")
    try:
        NodeRun(plan, step, store, Observer(), result).run()
    except (NodeFailed, BlockError, OSError) as error:
        return json.dumps({"error": str(error)})
    return json.dumps({"unmatched": result.unmatched})


# ---- pipelines ----


def _one(work: MapWork, index: int, scale) -> Iterator[str]:
    import ray

    task = ray.remote(_made).options(**wanted(scale), max_retries=RETRIES)
    yield ray.get(task.remote(work, index))


def _many(work: MapWork, missing: list[int], scale) -> Iterator[str]:
    from ray.data import ActorPoolStrategy, from_items

    shards = from_items([{"index": index} for index in missing], override_num_blocks=len(missing))
    made = shards.map_batches(
        ShardActor,
        fn_constructor_args=[work],
        batch_size=1,
        compute=ActorPoolStrategy(size=min(scale.workers, len(missing))),
        **wanted(scale),
    )
    for row in made.iter_rows():
        yield row["note"]


def _shard(note: str) -> Shard:
    """What a worker wrote, without its rows. Raises NodeFailed where it could not."""
    found = json.loads(note)
    if "error" in found:
        raise NodeFailed(found["error"])
    failures = [(Skip if skipped else Failure)(reason, id) for id, reason, skipped in found["failures"]]
    return Shard(ids=found["ids"], failures=failures)
