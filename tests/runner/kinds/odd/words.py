"""A text to a number."""

from blocks.base import BlockConfig, Mapper
from blocks.odd.schema import Number, Words


class Config(BlockConfig):
    pass


class CountWords(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[Words]) -> list[Number]:
        raise NotImplementedError
