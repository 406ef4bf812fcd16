"""A log-mel to a wave."""

from blocks.base import BlockConfig, Mapper
from blocks.odd.schema import Mel, Sound


class Config(BlockConfig):
    pass


class Voice(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[Mel]) -> list[Sound]:
        raise NotImplementedError
