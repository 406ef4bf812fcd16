"""A trivial step: it adds one, so that what is left of its time is the runner's."""

from blocks.base import BlockConfig, Mapper
from blocks.bench.schema import Vector


class Config(BlockConfig):
    pass


class Step(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[Vector]) -> list[Vector]:
        return [Vector(x=item.x + 1) for item in items]
