"""Each row joined to the next: new rows with two parents."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from blocks.base import BlockConfig, Expander
from blocks.toy.schema import Identified, Joined


class Config(BlockConfig):
    pass


class Pairs(Expander[Config]):
    tiny = Config()

    def expand(self, items: list[Identified]) -> Iterator[Joined]:
        for a, b in pairwise(items):
            yield Joined(id=f"{a.id}+{b.id}", parents=(a.id, b.id), wave=np.concatenate([a.wave, b.wave]))
