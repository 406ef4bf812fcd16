"""The Ray executor: the same plan on a cluster, with the same bytes out.

What a node makes goes to the store from where it is made; through Ray travel only the node as data and notes of what
became of each shard. A map node is a Ray Data pipeline over its missing shards with one pool of actors: Ray places
them, restarts them and tries again, and so is a `read` or an `expand` that goes row by row. Nodes that are ready run at once. A `read`
of one worker stays with the driver, where the data are.
"""

import json
import queue
import shutil
import threading
import time
import uuid
from collections.abc import Iterator

from blocks.base import Failure, Skip
from runner.cluster.resources import room_for, wanted
from runner.cluster.session import Session, connected
from runner.plan import Plan, Step
from runner.run.node import NodeRun, finish
from runner.store import StoreError
from runner.store.artifact import MANIFEST, read_manifest
from runner.work.apart import ExpandWork, is_apart
from runner.work.apply import SHARD_ROWS, BlockError, Shard, broke, stumbled
from runner.work.executor import ClusterError, NodeFailed, NodeResult, Observer, Outcome, not_run
from runner.work.shards import DEATHS, MapWork, ShardWork

RETRIES = DEATHS * SHARD_ROWS  # of one shard whose worker died: it ends even where every item is deadly


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

    def __init__(self, plan: Plan, store, observer: "OneAtATime", outcome: Outcome, session: Session, patience: float):
        self.plan, self.store, self.observer, self.outcome = plan, store, observer, outcome
        self.session, self.patience = session, patience
        self.id = uuid.uuid4().hex  # of this driver and its workers
        self.stopping = threading.Event()
        self.at_work = set()  # names of nodes that hold resources

    def run(self) -> None:
        waiting, running = dict(self.plan.steps), set()
        ended: queue.SimpleQueue[tuple[str, Exception | None]] = queue.SimpleQueue()
        try:
            while waiting or running:
                if not self.outcome.error:
                    for name in [name for name in waiting if self._ready(name)]:
                        running.add(name)
                        # Not waited for where the run is broken off: what Ray never answers must not hold up the end.
                        threading.Thread(target=self._node, args=(waiting.pop(name), ended), daemon=True).start()
                if not running:
                    break
                try:
                    name, bug = ended.get(timeout=1)
                except queue.Empty:
                    self.session.check()
                    continue
                running.remove(name)
                if bug:
                    raise bug
        finally:
            self.stopping.set()
            self.observer.close()

    def check(self) -> None:
        """Called by whoever waits. Raises ClusterError once the run is to stop."""
        self.session.check()
        if self.stopping.is_set():
            raise ClusterError("stopped, since another node failed")

    def _ready(self, name: str) -> bool:
        above = (
            self.outcome.nodes[other] for other in self.plan.steps[name].checked.upstream if other in self.plan.steps
        )
        return all(node.state in ("cached", "ran") for node in above)

    def _node(self, step: Step, ended: queue.SimpleQueue) -> None:
        bug = None
        try:
            node = ClusterNode(self.plan, step, self.store, self.observer, self.outcome.nodes[step.name])
            node.cluster = self
            error = finish(node, self.outcome)
            if error and not self.stopping.is_set():
                self.stopping.set()
                self.outcome.error = error
        except Exception as error:
            bug = error
        ended.put((step.name, bug))


class ClusterNode(NodeRun):
    """One node; what it shares with the in-process executor it inherits."""

    cluster: _Run

    def run(self) -> None:
        from ray.exceptions import RayError

        try:
            super().run()
        except RayError as error:
            self.cluster.session.check(now=True)
            raise NodeFailed(f"{self.step.checked.node.place}: {self.step.name}: Ray gave up: {error}") from None

    def make_shards(self, work: ShardWork, missing: list[int]) -> Iterator[tuple[int, Shard]]:
        scale, work.run = self.step.checked.node.scale, self.cluster.id
        if self.step.verb == "read" and scale.workers == 1:
            yield from super().make_shards(work, missing)
            return
        with room_for(self.step, min(scale.workers, len(missing)), self.cluster):
            # A pool is not worth its start for one shard.
            made = self._one(work, missing[0]) if len(missing) == 1 else _many(work, missing, scale)
            for note in made:
                self.cluster.check()
                found = _parsed(note)
                if found["index"] is not None:
                    self.busy = (self.busy or 0.0) + found["seconds"]
                    yield found["index"], _shard(found)

    def _pause(self) -> None:
        self.cluster.check()
        super()._pause()

    def map_work(self) -> MapWork:
        return self._sent(super().map_work(), self.step.checked.node.model)

    def expand_work(self) -> ExpandWork:
        return self._sent(super().expand_work(), self.step.checked.node.model)

    def fit_work(self):
        return self._sent(super().fit_work(), self.step.checked.node.init)

    def _sent(self, work, given_by: str | None):
        """With weights in the store."""
        if work.weights:
            work.artifact, work.weights = self._kept(given_by, work.weights), None
        return work

    def _kept(self, name: str, folder: str) -> str:
        """The digest of a node's artifact, in the store: a folder of this machine may be on no other."""
        digest = self._digest(name)
        if self.store.find_artifact(digest) is None:
            _keep(self.store, digest, folder)
        return digest

    def _expand(self) -> None:
        if is_apart(self.step):
            return super()._expand()
        if model := self.step.checked.node.model:
            self._kept(model, self._weights(model))
        self._elsewhere()

    def _reduce(self) -> None:
        self._elsewhere()

    def _fit(self) -> None:
        from runner.cluster.fit import fit_on_cluster

        work = self.fit_work()
        self._found(work.rows)
        self.observer.node_started(self.step, self.step.checked.config.max_steps, 0)
        workers = self.step.checked.node.scale.workers
        with room_for(self.step, workers, self.cluster):
            begun = time.perf_counter()
            fit_on_cluster(work, lambda note: self.observer.trained(self.step, note["done"], note["scalars"]))
            self.busy = workers * (time.perf_counter() - begun)

    def _elsewhere(self) -> None:
        """The whole node as one task on the cluster."""
        self.observer.node_started(self.step, None, 0)
        with room_for(self.step, 1, self.cluster):
            found = _parsed(
                self._task(DEATHS - 1, _whole, self.plan, self.step.name, self.store, self.seen_in_training)
            )
        self.busy = found["seconds"]
        self.result.unmatched, self.result.offered = found["unmatched"], found["offered"]

    def _one(self, work: ShardWork, index: int) -> Iterator[str]:
        yield self._task(RETRIES, _made, work, index)

    def _task(self, retries: int, function, *args) -> str:
        """Call on a worker, tried again that often after the worker died."""
        import ray

        scale = self.step.checked.node.scale
        task = ray.remote(function).options(name=self.step.name, max_retries=retries, **wanted(scale))
        result = task.remote(*args)
        try:
            while not ray.wait([result], timeout=1)[0]:
                self.cluster.check()
        except ClusterError:
            if self.cluster.session.alive:
                ray.cancel(result, force=True)
            raise
        return ray.get(result)


class OneAtATime(Observer):
    """Lets the threads of a run speak to one observer in turn."""

    def __init__(self, inner: Observer):
        self.inner, self.lock = inner, threading.Lock()

    def close(self) -> None:
        """Whoever still has something to say comes too late."""
        with self.lock:
            self.inner = Observer()

    def node_started(self, step, total, done) -> None:
        with self.lock:
            self.inner.node_started(step, total, done)

    def shard_done(self, step, shard) -> None:
        with self.lock:
            self.inner.shard_done(step, shard)

    def trained(self, step, done, scalars) -> None:
        with self.lock:
            self.inner.trained(step, done, scalars)

    def node_finished(self, step, result) -> None:
        with self.lock:
            self.inner.node_finished(step, result)


# ---- what runs on workers ----


class ShardActor:
    """Holds a node's block, loaded once, and makes the shards it is handed."""

    def __init__(self, work: ShardWork):
        self.work = work

    def __call__(self, batch: dict) -> dict:
        return {"note": [_made(self.work, int(index)) for index in batch["index"]]}


def _made(work: ShardWork, index: int) -> str:
    """Make a shard; what became of it, as text. An error travels as one too: Ray would wrap it in its own traceback."""
    begun = time.perf_counter()
    try:
        shard = work.make(index)
    except BlockError as error:
        return json.dumps({"error": broke(work.checked.node, error)})
    except NodeFailed as error:
        return json.dumps({"error": str(error)})
    except Exception as error:
        return json.dumps({"error": stumbled(work.store, work.digest, work.checked.node, error)})
    if shard is None:  # another run is making it, or has
        return json.dumps({"index": None})
    failures = [[failure.id, failure.reason, isinstance(failure, Skip)] for failure in shard.failures]
    return json.dumps({"index": index, "ids": shard.ids, "failures": failures, "seconds": time.perf_counter() - begun})


def _whole(plan: Plan, name: str, store, seen_in_training: dict[str, int]) -> str:
    """An expand or a reduce. What models were trained on the driver knows, which has the folders that a graph loads."""
    step = plan.steps[name]
    result = NodeResult(step.digest, "waiting")
    begun = time.perf_counter()
    try:
        node = NodeRun(plan, step, store, Observer(), result)
        node.seen_in_training = seen_in_training
        node.ours = True  # the driver has claimed it
        node.run()
    except BlockError as error:
        return json.dumps({"error": broke(step.checked.node, error)})
    except (NodeFailed, OSError, StoreError) as error:
        return json.dumps({"error": str(error)})
    found = {"unmatched": result.unmatched, "offered": result.offered}
    return json.dumps(found | {"seconds": time.perf_counter() - begun})


# ---- the driver's side of it ----


def _many(work: ShardWork, missing: list[int], scale) -> Iterator[str]:
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


def _parsed(note: str) -> dict:
    """What a worker says of its work. Raises NodeFailed where it could not do it."""
    found = json.loads(note)
    if "error" in found:
        raise NodeFailed(found["error"])
    return found


def _shard(found: dict) -> Shard:
    """What a worker wrote, without its rows."""
    failures = [(Skip if skipped else Failure)(reason, id) for id, reason, skipped in found["failures"]]
    return Shard(ids=found["ids"], failures=failures)


def _keep(store, digest: str, folder: str) -> None:
    """Copy an artifact into the store."""
    manifest = read_manifest(folder)
    about = {key: manifest[key] for key in ("block", "config", "spec", "licences", "lineage") if key in manifest}
    with store.write_artifact(digest, about) as stage:
        shutil.copytree(folder, stage, dirs_exist_ok=True, ignore=shutil.ignore_patterns(MANIFEST))
