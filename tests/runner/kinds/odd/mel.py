"""A wave to a log-mel."""

from blocks.base import BlockConfig, Mapper
from blocks.odd.schema import Mel, Sound


class Config(BlockConfig):
    pass


class MakeMel(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[Sound]) -> list[Mel]:
        raise NotImplementedError
