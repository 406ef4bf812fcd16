"""A fit on Ray Train: the same loop on several workers, started again from the last checkpoint when one dies.

Checkpoints, curves and the artifact go to the store, from rank 0; Ray carries none of them. Every rank reads the same
checkpoint and the same plan of batches, and validates on all dev rows, so that all decide alike.
"""

import math
import threading
import time
from collections.abc import Callable
from typing import Any

from blocks.training import Batch
from runner.executor import ClusterError, NodeFailed, number
from runner.fit.node import FitWork, publish, train
from runner.fit.run import LocalRun, TrainingError
from runner.resources import wanted

MAX_FAILURES = 3  # attempts after worker deaths, until the training is given up
PATIENCE_S = 120  # for the other ranks in one step, until the attempt counts as hung
NOTE_S = 1.0  # between two notes of where a rank is


def fit_on_cluster(work: FitWork, on_progress: Callable[[dict], None]) -> None:
    """Train with ``scale.workers`` workers and publish the artifact.

    Raises NodeFailed where the training cannot go on, ClusterError where the cluster failed it too often.
    """
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    scale = work.checked.node.scale
    if "jax" in work.checked.cls.needs and scale.workers > 1:
        raise NodeFailed(f"{work.where()}: JAX blocks train with one worker in this version: set scale.workers to 1")
    asked = wanted(scale)
    resources = {"CPU": asked["num_cpus"]} | ({"GPU": asked["num_gpus"]} if scale.gpus else {})
    trainer = TorchTrainer(
        _worker,
        train_loop_config={"work": work},
        torch_config=TorchConfig(backend="nccl" if scale.gpus and _cuda() else "gloo", timeout_s=PATIENCE_S),
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

    work: FitWork

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
    noted = [0.0]

    def note(batch: Batch, scalars: dict) -> None:
        if time.monotonic() - noted[0] > NOTE_S:
            noted[0] = time.monotonic()
            facts = {"step": batch.step, "ids": batch.ids, "at": time.time()}
            facts["scalars"] = {name: number(value) for name, value in scalars.items()}
            work.store.files.write_json(_rank_file(work, TorchRun.rank), facts)

    try:
        block, run = train(work, TorchRun, on_step=note)
    except (NodeFailed, TrainingError) as error:
        if TorchRun.rank == 0:
            work.store.files.write_json(f"{work.folder}/refused.json", {"error": str(error)})
        return
    if run.rank == 0:
        publish(work, block, run)
    run._together()


def _follow(work: FitWork, on_progress: Callable[[dict], None], over: threading.Event) -> None:
    seen = None
    while not over.wait(NOTE_S):
        found = work.store.files.read_json(_rank_file(work, 0))
        if found and found["step"] != seen:
            seen = found["step"]
            on_progress(found)


def _last_words(work: FitWork, error: Exception) -> str:
    """Why Ray gave up, and where every rank was."""
    ranks = []
    for rank in range(work.checked.node.scale.workers):
        if found := work.store.files.read_json(_rank_file(work, rank)):
            ranks.append(f"rank {rank} was at step {found['step']} ({', '.join(found['ids'][:3])})")
    said = " ".join(str(error).split())[:400]
    return f"the training failed {MAX_FAILURES + 1} times ({said}); {'; '.join(ranks) or 'no step was done'}"


def _forget(work: FitWork) -> None:
    for rank in range(work.checked.node.scale.workers):
        work.store.files.delete(_rank_file(work, rank))
    work.store.files.delete(f"{work.folder}/refused.json")


def _rank_file(work: FitWork, rank: int) -> str:
    return f"{work.folder}/rank-{rank}.json"


def _scratch() -> str:
    """Where Ray Train keeps its own notes; nothing of ours is there."""
    import tempfile

    return tempfile.mkdtemp(prefix="voxblocks-train-")


def _cuda() -> bool:
    import torch

    return torch.cuda.is_available()
