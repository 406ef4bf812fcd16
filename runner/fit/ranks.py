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

    def __init__(self, *args, **named):
        super().__init__(*args, **named)
        self.done = self.told(self.done)  # a store may show a checkpoint to one rank before another

    @classmethod
    @abstractmethod
    def place(cls) -> str:
        """The device of this process: "cpu" or "cuda:0"."""

    @abstractmethod
    def any(self, flag: bool) -> bool:
        """Whether it is set on any rank. All wait for each other here."""

    @abstractmethod
    def told(self, value: int) -> int:
        """What the first rank has. All wait for it here."""

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

    def _judged(self, step: int, score: float, better: bool) -> None:
        super()._judged(step, score, bool(self.told(int(better))))

    def _best_step(self) -> int:
        return self.told(super()._best_step())


class TorchRun(RankRun):
    """Gradients are averaged by DistributedDataParallel over gloo or NCCL."""

    wrapped: tuple = ()  # models that do so
    asked: tuple | None = None  # a step whose loss is looked at while the next is computed: batch, flag, request

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

    def told(self, value: int) -> int:
        import torch

        if self.world == 1:
            return value
        said = torch.tensor(value, device=self.device)
        torch.distributed.broadcast(said, 0)
        return int(said)

    def accepts(self, batch: Batch, loss: Any) -> bool:
        """Where a NaN ends the training, nobody waits for the others' losses: they are known before the next step's, or a save."""
        import torch

        if self.world == 1 or self.config.nan == "skip":
            return super().accepts(batch, loss)
        self._settle()
        loss = torch.as_tensor(loss, device=self.device).detach()
        flag = (~torch.isfinite(loss)).float().reshape(1)
        self.asked = batch, flag, torch.distributed.all_reduce(flag, async_op=True)
        return True

    def _settle(self) -> None:
        """Raises TrainingError where the loss of the step before was not finite on some rank."""
        if self.asked:
            (batch, flag, request), self.asked = self.asked, None
            request.wait()
            if flag.item():
                LocalRun.accepts(self, batch, math.nan)

    def _validate(self, step: int, validate: Validate) -> None:
        self._settle()
        super()._validate(step, validate)

    def _save(self, step: int) -> None:
        self._settle()
        super()._save(step)

    def _scores(self, validate: Validate) -> dict[str, float]:
        """Of many rows each rank judges its share of the dev items: all as many batches, so that none waits for another inside."""
        import torch

        if self.world == 1 or self.index is None:
            return super()._scores(validate)
        groups = list(self._validated())
        rounds = range(self.rank, -(-len(groups) // self.world) * self.world, self.world)
        total, sums = 0.0, {}
        for at in rounds:
            items = [self.dev[place] for place in groups[at % len(groups)]]
            weight = sum(self.length(item) for item in items) * (at < len(groups))
            for name, value in validate(items).items():
                sums[name] = sums.get(name, 0.0) + weight * number(value)
            total += weight
        found = torch.tensor([total, *sums.values()], dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(found)
        return dict(zip(sums, (found[1:] / found[0]).tolist()))

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

    def told(self, value: int) -> int:
        from jax.experimental.multihost_utils import broadcast_one_to_all

        return int(broadcast_one_to_all(np.array(value, np.int32)))
