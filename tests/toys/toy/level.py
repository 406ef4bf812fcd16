"""The root mean square of a wave."""

import numpy as np

from blocks.base import BlockConfig, Mapper
from blocks.toy.schema import Level as Result
from blocks.toy.schema import Sound


class Config(BlockConfig):
    pass


class Level(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[Sound]) -> list[Result]:
        return [Result(level=float(np.sqrt(np.mean(item.wave**2)))) for item in items]
