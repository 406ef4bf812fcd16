"""A number from 0 to 1 for each row, drawn from its id and the seed alone.

``where: {drawn.share: {max: 0.2}}`` then takes about a fifth of the rows, the same on every machine; a smaller set is part of
every larger one, which makes curves over the amount of data comparable. Rows whose split is wired and is not train stand
at 0: what is held out is held out whole.
"""

import zlib

import numpy as np

from blocks.base import BlockConfig, Mapper
from blocks.subset.schema import Placed, Row


class Config(BlockConfig):
    pass


class Share(Mapper[Config]):
    tiny = Config()
    stochastic = True

    def apply(self, items: list[Row]) -> list[Placed]:
        return [Placed(share=0.0 if item.split not in (None, "train") else self._drawn(item.id)) for item in items]

    def _drawn(self, id: str) -> float:
        return float(np.random.default_rng([self.seed, zlib.crc32(id.encode())]).random())
