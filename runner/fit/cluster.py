"""A fit on Ray Train: the same loop on several workers, started again from the last checkpoint when one dies.

Checkpoints, curves and the artifact go to the store, from rank 0; Ray carries none of them. Every rank reads the same
checkpoint and the same plan of batches, and validates on all dev rows, so that all decide alike.
"""

import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from blocks.training import Batch, Validate
from runner.executor import ClusterError, NodeFailed, number
from runner.fit.node import FitWork, publish, train
from runner.fit.run import LocalRun, TrainingError
from runner.fit.watchdog import AT_REST, NOTE_S, Ranks, Watchdog, patience, rank_file
from runner.resources import wanted

MAX_FAILURES = 3  # attempts after worker deaths, until the training is given up


def fit_on_cluster(work: FitWork, on_progress: Callable[[dict], None]) -> None:
    """Train with ``scale.workers`` workers and publish the artifact.

    Raises NodeFailed where the training cannot go on, ClusterError where the cluster failed it too often.
    """
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    scale = work.checked.node.scale
    if "jax" in work.checked.cls.needs and scale.workers > 1:
        raise NodeFailed(f"{work.where()}: JAX blocks train with one worker in this version: set scale.workers to 1")
    seconds = patience()
    os.environ["RAY_TRAIN_WORKER_HEALTH_CHECK_TIMEOUT_S"] = str(seconds)  # of a process that is stopped
    asked = wanted(scale)
    resources = {"CPU": asked["num_cpus"]} | ({"GPU": asked["num_gpus"]} if scale.gpus else {})
    trainer = TorchTrainer(
        _worker,
        train_loop_config={"work": work, "patience": seconds},
        # The watchdog comes before this: it says where the ranks are.
        torch_config=TorchConfig(
            backend="nccl" if scale.gpus and _cuda() else "gloo", timeout_s=math.ceil((AT_REST + 1) * seconds)
        ),
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


class TorchRun(LocalRun):
    """One rank of several; gradients are averaged by DistributedDataParallel over gloo or NCCL."""

    watchdog: Watchdog

    def batches(self, validate: Validate | None = None) -> Iterator[Batch]:
        for batch in super().batches(validate):
            self.watchdog.begins(batch)
            yield batch

    def parallel(self, model: Any) -> Any:
        import torch

        model = model.to(self.device)
        if self.world == 1:
            return model
        return torch.nn.parallel.DistributedDataParallel(model)

    def accepts(self, batch: Batch, loss: Any) -> bool:
        """All ranks must agree: one that skips a step alone would leave the others waiting."""
        import torch

        bad = torch.tensor(float(not math.isfinite(number(loss))))
        if self.world > 1:
            torch.distributed.all_reduce(bad)
        return super().accepts(batch, math.nan if bad else loss)

    def report(self, step: int, **scalars: Any) -> None:
        self.scalars = scalars
        if self.rank == 0:
            super().report(step, **scalars)

    def _save(self, step: int) -> None:
        if self.rank == 0:
            super()._save(step)
        self._together()

    def _validate(self, step: int, validate) -> None:
        super()._validate(step, validate)
        if self.rank:
            self.events.lines.clear()

    def _together(self) -> None:
        import torch

        if self.world > 1:
            torch.distributed.barrier()


def _worker(config: dict) -> None:
    """What every rank runs. A training that cannot go on ends it without an error: trying again would not help."""
    import ray.train
    import torch

    work: FitWork = config["work"]
    context = ray.train.get_context()
    TorchRun.rank, TorchRun.world = context.get_world_rank(), context.get_world_size()
    TorchRun.device = str(ray.train.torch.get_device()) if torch.cuda.is_available() else "cpu"
    TorchRun.watchdog = Watchdog(work.store.files, work.folder, TorchRun.rank, TorchRun.world, config["patience"])
    with TorchRun.watchdog:
        _train(work)


def _train(work: FitWork) -> None:
    try:
        block, run = train(work, TorchRun, on_step=TorchRun.watchdog.ended)
    except (NodeFailed, TrainingError) as error:
        if TorchRun.rank == 0:
            work.store.files.write_json(f"{work.folder}/refused.json", {"error": str(error)})
        return
    if run.rank == 0:
        publish(work, block, run)
    run._together()


def _follow(work: FitWork, on_progress: Callable[[dict], None], over: threading.Event) -> None:
    seen = 0
    while not over.wait(NOTE_S):
        found = work.store.files.read_json(rank_file(work.folder, 0))
        if found and found["done"] != seen:
            seen = found["done"]
            on_progress(found)


def _last_words(work: FitWork, error: Exception) -> str:
    """Why Ray gave up, and where every rank was."""
    said, ranks = (
        " ".join(str(error).split())[:400],
        Ranks(work.store.files, work.folder, work.checked.node.scale.workers),
    )
    return f"the training failed {MAX_FAILURES + 1} times ({said}); {ranks}"


def _forget(work: FitWork) -> None:
    for rank in range(work.checked.node.scale.workers):
        work.store.files.delete(rank_file(work.folder, rank))
    work.store.files.delete(f"{work.folder}/refused.json")


def _scratch() -> str:
    """Where Ray Train keeps its own notes; nothing of ours is there."""
    import tempfile

    return tempfile.mkdtemp(prefix="voxblocks-train-")


def _cuda() -> bool:
    import torch

    return torch.cuda.is_available()
