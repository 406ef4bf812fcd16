"""A step that takes so much processor time an item, whatever else the machine does."""

import time

from pydantic import PositiveFloat

from blocks.base import BlockConfig, Mapper
from blocks.bench.schema import Vector


class Config(BlockConfig):
    ms: PositiveFloat = 1.0


class Work(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[Vector]) -> list[Vector]:
        return [self._one(item) for item in items]

    def _one(self, item: Vector) -> Vector:
        until = time.thread_time() + self.config.ms / 1000
        while time.thread_time() < until:
            pass
        return Vector(x=item.x + 1)
