"""Rows of sixteen numbers."""

from collections.abc import Iterator

import numpy as np
from pydantic import PositiveInt

from blocks.base import BlockConfig, Source
from blocks.bench.schema import NewVector


class Config(BlockConfig):
    count: PositiveInt = 1000


class Vectors(Source[Config]):
    tiny = Config(count=2)

    def fingerprint(self) -> str:
        return "vectors"

    def read(self) -> Iterator[NewVector]:
        for n in range(self.config.count):
            yield NewVector(id=f"{n:06d}", x=np.full(16, n, "float32"))
