"""A fit on Ray Train: the same loop on several workers, started again from the last checkpoint when one dies.

Checkpoints, curves and the artifact go to the store, from rank 0; Ray carries none of them. Every rank reads the same
checkpoint and the same plan of batches, and validates on all dev rows, so that all decide alike.
"""

import math
import os
import threading
import time
from collections.abc import Callable

from runner.cluster.resources import wanted
from runner.fit.local_run import TrainingError
from runner.fit.node import FitWork, publish, train
from runner.fit.ranks import LOST, JaxRun, RankRun, TorchRun
from runner.fit.watchdog import AT_REST, NOTE_S, Ranks, Watchdog, forget, hang, patience, rank_file
from runner.work import threads
from runner.work.executor import ClusterError, NodeFailed

MAX_FAILURES = 3  # attempts after worker deaths, until the training is given up


def fit_on_cluster(work: FitWork, on_progress: Callable[[dict], None]) -> None:
    """Train with ``scale.workers`` workers and publish the artifact.

    Raises NodeFailed where the training cannot go on, ClusterError where the cluster failed it too often.
    """
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

    scale = work.checked.node.scale
    seconds = patience()
    os.environ["RAY_TRAIN_WORKER_HEALTH_CHECK_TIMEOUT_S"] = str(1.5 * seconds)  # misses a process that is stopped
    asked = wanted(scale)
    resources = {"CPU": asked["num_cpus"]} | ({"GPU": asked["num_gpus"]} if scale.gpus else {})
    resources |= {"memory": asked["memory"]} if scale.memory else {}
    trainer = DataParallelTrainer(
        _worker,
        train_loop_config={"work": work, "patience": seconds},
        backend_config=_backend(work, seconds),
        scaling_config=ScalingConfig(
            num_workers=scale.workers, use_gpu=bool(scale.gpus), resources_per_worker=resources
        ),
        run_config=RunConfig(
            name=f"{work.digest}-{time.time_ns()}",
            storage_path=_scratch(),
            failure_config=FailureConfig(max_failures=MAX_FAILURES, controller_failure_limit=1),
        ),
    )
    _forget(work)
    over = threading.Event()
    watch = threading.Thread(target=_follow, args=(work, on_progress, over), daemon=True)
    watch.start()
    try:
        trainer.fit()
    except Exception as error:
        raise ClusterError(f"{work.where()}: {_last_words(work, error)}") from error
    finally:
        over.set()
        watch.join()
    if refused := work.store.files.read_json(f"{work.folder}/refused.json"):
        raise NodeFailed(refused["error"])


def _worker(config: dict) -> None:
    """What every rank runs."""
    import ray.train

    work: FitWork = config["work"]
    threads.use(work.checked.node.scale.threads)
    context, kind = ray.train.get_context(), _kind(work)
    kind.rank, kind.world = context.get_world_rank(), context.get_world_size()
    kind.device = kind.place()
    kind.watchdog = Watchdog(work.store.files, work.folder, kind.rank, kind.world, config["patience"])
    with kind.watchdog:
        _train(work, kind)


def _train(work: FitWork, kind: type[RankRun]) -> None:
    """A training that cannot go on ends without an error: trying again would not help."""
    files, refused = work.store.files, f"{work.folder}/refused.json"
    if files.read_json(refused):
        return
    try:
        block, run = train(work, kind, on_step=kind.watchdog.ended)
    except NodeFailed as error:
        if LOST.match(str(error.__cause__)):
            raise
        alike = isinstance(error.__cause__, TrainingError)  # all ranks agreed on it
        if kind.rank == 0 or not alike:
            files.write_json(refused, {"error": str(error)})
        if alike or kind.world == 1:
            return
        raise  # the others wait for this rank: Ray ends them, and in the next attempt all return at once
    if run.rank == 0:
        publish(work, block, run)
    run.any(False)


def _follow(work: FitWork, on_progress: Callable[[dict], None], over: threading.Event) -> None:
    seen = 0
    while not over.wait(NOTE_S):
        found = work.store.files.read_json(rank_file(work.folder, 0))
        if found and found["done"] != seen:
            seen = found["done"]
            on_progress(found)


def _last_words(work: FitWork, error: Exception) -> str:
    """Why Ray gave up, and where every rank was."""
    files, world = work.store.files, work.checked.node.scale.workers
    reason = hang(files, work.folder) or f"{' '.join(str(error).split())[-400:]}; {Ranks(files, work.folder, world)}"
    return f"the training failed {MAX_FAILURES + 1} times, the last time since {reason}"


def _forget(work: FitWork) -> None:
    forget(work.store.files, work.folder, work.checked.node.scale.workers)
    work.store.files.delete(f"{work.folder}/refused.json")


def _scratch() -> str:
    """Where Ray Train keeps its own notes; nothing of ours is there."""
    import tempfile

    return tempfile.mkdtemp(prefix="voxblocks-train-")


def _kind(work: FitWork) -> type[RankRun]:
    return JaxRun if "jax" in work.checked.cls.needs else TorchRun


def _backend(work: FitWork, patience: float):
    """How the ranks of this framework find each other."""
    gpus = work.checked.node.scale.gpus
    if _kind(work) is JaxRun:
        from runner.fit.jax_backend import JaxConfig

        return JaxConfig(bool(gpus))
    from runner.fit.torch_backend import TorchConfig

    # The watchdog comes before this: it says where the ranks are.
    return TorchConfig(timeout_s=math.ceil((AT_REST + 1) * patience), gpus=gpus)
