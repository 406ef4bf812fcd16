"""Says on which machine of a cluster an item was worked on, and with which of its GPUs; talks while it works."""

import os
import sys
import time
import warnings
from pathlib import Path

from pydantic import NonNegativeFloat

from blocks.base import BlockConfig, Mapper
from blocks.toy.schema import Identified, Place


class Config(BlockConfig):
    pause_s: NonNegativeFloat = 0.0
    log: str = ""  # a file that gets `id node process` of each item before it is worked on
    talk: bool = False


class Where(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[Identified]) -> list[Place]:
        return [self._one(item) for item in items]

    def _one(self, item: Identified) -> Place:
        node = _node()
        if self.config.log:
            with Path(self.config.log).open("a") as log:
                log.write(f"{item.id} {node} {os.getpid()}\n")
        if self.config.talk:
            print(f"at {item.id}")
            warnings.warn(f"careful with {item.id}", stacklevel=1)
        time.sleep(self.config.pause_s)
        return Place(node=node, gpus=os.environ.get("CUDA_VISIBLE_DEVICES", ""))


def _node() -> str:
    """The id of the cluster's node; "here" outside of a cluster."""
    ray = sys.modules.get("ray")
    return ray.get_runtime_context().get_node_id() if ray and ray.is_initialized() else "here"
