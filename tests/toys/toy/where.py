"""Passes a wave on; notes on which machine of a cluster it was worked on and with which GPUs; talks while it works."""

import os
import sys
import time
import warnings
from pathlib import Path

from pydantic import NonNegativeFloat

from blocks.base import BlockConfig, Mapper
from blocks.toy.schema import Identified, Sound


class Config(BlockConfig):
    pause_s: NonNegativeFloat = 0.0
    log: str = ""  # a file that gets "id node process gpus" of each item before it is worked on
    talk: bool = False


class Where(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[Identified]) -> list[Sound]:
        return [self._one(item) for item in items]

    def _one(self, item: Identified) -> Sound:
        if self.config.log:
            with Path(self.config.log).open("a") as log:
                log.write(f"{item.id} {_node()} {os.getpid()} {os.environ.get('CUDA_VISIBLE_DEVICES') or '-'}\n")
        if self.config.talk:
            print(f"at {item.id}")
            warnings.warn(f"careful with {item.id}", stacklevel=1)
        time.sleep(self.config.pause_s)
        return Sound(wave=item.wave)


def _node() -> str:
    """The id of the cluster's node; "here" outside of a cluster."""
    ray = sys.modules.get("ray")
    return ray.get_runtime_context().get_node_id() if ray and ray.is_initialized() else "here"
