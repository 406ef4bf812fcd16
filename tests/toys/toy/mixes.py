"""Each row mixed with the next; the mix keeps the first one's split, which is the mistake that a fit must notice."""

from collections.abc import Iterator
from itertools import pairwise

from blocks.arrays import Split, Wave
from blocks.base import BlockConfig, DerivedRow, Expander, Schema


class Config(BlockConfig):
    pass


class Labelled(Schema):
    id: str
    wave: Wave
    split: Split


class Mix(DerivedRow):
    wave: Wave
    split: Split


class Mixes(Expander[Config]):
    tiny = Config()

    def expand(self, items: list[Labelled]) -> Iterator[Mix]:
        for a, b in pairwise(items):
            size = min(len(a.wave), len(b.wave))
            wave = (a.wave[:size] + b.wave[:size]) / 2
            yield Mix(id=f"{a.id}+{b.id}", parents=(a.id, b.id), wave=wave, split=a.split)
