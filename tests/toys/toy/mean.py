"""The mean of a column of numbers."""

from blocks.base import BlockConfig, Reducer
from blocks.toy.schema import Level


class Config(BlockConfig):
    pass


class Mean(Reducer[Config]):
    tiny = Config()

    def reduce(self, items: list[Level]) -> Level:
        return Level(level=sum(item.level for item in items) / len(items))
