"""The first name of several."""

from blocks.arrays import Id
from blocks.base import BlockConfig, Reducer, Schema


class Config(BlockConfig):
    pass


class Named(Schema):
    other: Id


class First(Reducer[Config]):
    tiny = Config()

    def reduce(self, items: list[Named]) -> Named:
        return items[0]
