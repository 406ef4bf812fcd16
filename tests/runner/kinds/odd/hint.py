"""A wave, if there is one, to a number."""

from blocks.base import BlockConfig, Mapper
from blocks.odd.schema import Hint, Number


class Config(BlockConfig):
    pass


class Guess(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[Hint]) -> list[Number]:
        raise NotImplementedError
