"""Needs a module that nobody has."""

from blocks.base import BlockConfig, Mapper
from blocks.odd.schema import Sound


class Config(BlockConfig):
    pass


class Needy(Mapper[Config]):
    tiny = Config()
    needs = ("no_such_module",)
    extra = "audio"

    def apply(self, items: list[Sound]) -> list[Sound]:
        raise NotImplementedError
