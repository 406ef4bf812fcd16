"""`Run` of one rank of several: rank 0 writes, and all decide alike. How ranks speak to each other is the framework's."""

import math
import re
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np

from blocks.training import Batch, Validate
from runner.fit.local_run import LocalRun, TrainingError
from runner.fit.watchdog import Watchdog
from runner.work.executor import number

# How XLA begins to say that another rank is gone: in a ValueError at times, as if the block had refused its input.
LOST = re.compile("(UNKNOWN|INTERNAL|UNAVAILABLE|ABORTED|CANCELLED|DEADLINE_EXCEEDED): ")


class RankRun(LocalRun):
    """What is the same for every framework. `rank`, `world`, `device` and `watchdog` are set before it is made."""

    watchdog: Watchdog

    @classmethod
    @abstractmethod
    def place(cls) -> str:
        """The device of this process: "cpu" or "cuda:0"."""

    @abstractmethod
    def any(self, flag: bool) -> bool:
        """Whether it is set on any rank. All wait for each other here."""

    def batches(self, validate: Validate | None = None) -> Iterator[Batch]:
        for batch in super().batches(validate):
            self.watchdog.begins(batch)
            yield batch

    def accepts(self, batch: Batch, loss: Any) -> bool:
        """All ranks must agree: one that skips a step alone would leave the others waiting."""
        return super().accepts(batch, math.nan if self.any(not math.isfinite(number(loss))) else loss)

    def report(self, step: int, **scalars: Any) -> None:
        self.scalars = scalars
        if self.rank == 0:
            super().report(step, **scalars)

    def _save(self, step: int) -> None:
        failed = None
        if self.rank == 0:
            try:
                super()._save(step)
            except TrainingError as error:
                failed = error
        if self.any(failed is not None):
            raise failed or TrainingError(f"step {step}: rank 0 could not write the checkpoint")

    def _validate(self, step: int, validate: Validate) -> None:
        super()._validate(step, validate)
        if self.rank:
            self.events.lines.clear()


class TorchRun(RankRun):
    """Gradients are averaged by DistributedDataParallel over gloo or NCCL."""

    wrapped: tuple = ()  # models that do so

    @classmethod
    def place(cls) -> str:
        import ray.train.torch
        import torch

        return str(ray.train.torch.get_device()) if torch.cuda.is_available() else "cpu"

    def any(self, flag: bool) -> bool:
        import torch

        if self.world == 1:
            return flag
        raised = torch.tensor(float(flag), device=self.device)  # NCCL takes no other
        torch.distributed.all_reduce(raised)
        return bool(raised)

    def parallel(self, model: Any) -> Any:
        import torch

        model = super().parallel(model)
        if self.world > 1:
            model = torch.nn.parallel.DistributedDataParallel(model)
            self.wrapped = (*self.wrapped, model)
        return model

    def _averaging(self, now: bool):
        together = ExitStack()
        for model in () if now else self.wrapped:
            together.enter_context(model.no_sync())
        return together


class JaxRun(RankRun):
    """A batch is one array over the devices of all ranks (`blocks.common.jax_nn.Devices`), and so is its gradient."""

    @classmethod
    def place(cls) -> str:
        import jax

        return "cuda:0" if jax.default_backend() == "gpu" else "cpu"

    def accepts(self, batch: Batch, loss: Any) -> bool:
        """A loss over all devices is the same on every rank, which saves asking."""
        common = not getattr(loss, "is_fully_addressable", True)
        return LocalRun.accepts(self, batch, loss) if common else super().accepts(batch, loss)

    def any(self, flag: bool) -> bool:
        from jax.experimental.multihost_utils import process_allgather

        return bool(process_allgather(np.array(flag)).any())
