"""What the levels of several rows have in common: their mean, their number and a vector of both."""

import numpy as np
from pydantic import PositiveInt

from blocks.arrays import Embedding
from blocks.base import BadItem, BlockConfig, Reducer, Schema
from blocks.toy.schema import Level


class Config(BlockConfig):
    least: PositiveInt = 1  # rows


class Common(Schema):
    level: float
    count: int
    embedding: Embedding


class Profile(Reducer[Config]):
    tiny = Config()

    def reduce(self, items: list[Level]) -> Common:
        if len(items) < self.config.least:
            raise BadItem(f"{len(items)} rows, want {self.config.least}")
        level = float(np.mean([item.level for item in items]))
        return Common(level=level, count=len(items), embedding=np.array([level, len(items)], np.float32))
