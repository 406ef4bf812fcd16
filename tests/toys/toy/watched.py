"""toy.tuned that notes who trains on what and where, and may be told to hang."""

import os
import sys
import time
from pathlib import Path

from blocks.base import Trainable
from blocks.toy.tuned import Config as TunedConfig
from blocks.toy.tuned import TrainItem, Tuned
from blocks.training import Run


class Config(TunedConfig):
    log: str = ""  # a file that gets "rank process node gpu visible-gpus step init" of each step as it begins
    hang_at: int = 0  # a step that the last rank never ends ...
    hang_times: int = 1  # ... when it comes to it for the first so many times


class Watched(Tuned, Trainable[Config]):
    tiny = Config(max_steps=4, max_frames=3200, checkpoint_interval=2, val_check_interval=2)

    def fit(self, run: Run[TrainItem]) -> None:
        batches = run.batches

        def noted(**named):
            for batch in batches(**named):
                self._note(run, batch.step)
                yield batch

        run.batches = noted
        super().fit(run)

    def _note(self, run: Run, step: int) -> None:
        if not self.config.log:
            return
        log = Path(self.config.log)
        node, gpu = _place()
        with log.open("a") as file:
            visible = os.environ.get("CUDA_VISIBLE_DEVICES") or "-"
            file.write(f"{run.rank} {os.getpid()} {node} {gpu} {visible} {step} {run.init or '-'}\n")
        if step == self.config.hang_at and run.rank == run.world - 1:
            lines = [line.split() for line in log.read_text().splitlines()]
            if sum(line[0] == str(run.rank) and line[5] == str(step) for line in lines) <= self.config.hang_times:
                time.sleep(10_000)


def _place() -> tuple[str, str]:
    """The id of the cluster's node and the GPU set aside for this process there; "here" outside of a cluster."""
    ray = sys.modules.get("ray")
    if not ray or not ray.is_initialized():
        return "here", "-"
    context = ray.get_runtime_context()
    return context.get_node_id(), ",".join(context.get_accelerator_ids().get("GPU", ())) or "-"
