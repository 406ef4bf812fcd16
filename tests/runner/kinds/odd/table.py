"""Scores of many systems to one row."""

from blocks.base import BlockConfig, Reducer
from blocks.odd.schema import Number, Scores


class Config(BlockConfig):
    pass


class Table(Reducer[Config]):
    tiny = Config()

    def reduce(self, items: list[Scores]) -> Number:
        raise NotImplementedError
