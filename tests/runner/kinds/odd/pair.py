"""Two waves to a number."""

from blocks.base import BlockConfig, Mapper
from blocks.odd.schema import Number, Pair


class Config(BlockConfig):
    pass


class Compare(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[Pair]) -> list[Number]:
        raise NotImplementedError
