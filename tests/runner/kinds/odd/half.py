"""A number to a number."""

from blocks.base import BlockConfig, Mapper
from blocks.odd.schema import Number


class Config(BlockConfig):
    pass


class Half(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[Number]) -> list[Number]:
        raise NotImplementedError
