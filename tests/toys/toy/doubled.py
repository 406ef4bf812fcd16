"""Each item twice: what comes of one hangs on no other."""

from collections.abc import Iterable, Iterator

from blocks.arrays import Id, Wave
from blocks.base import BadItem, BlockConfig, DerivedRow, Expander, Failure, Schema


class Item(Schema):
    id: Id
    wave: Wave


class Twin(DerivedRow):
    wave: Wave


class Config(BlockConfig):
    bad: tuple[str, ...] = ()


class Doubled(Expander[Config]):
    tiny = Config()
    apart = True

    def expand(self, items: Iterable[Item]) -> Iterator[Twin | Failure]:
        for item in items:
            if item.id in self.config.bad:
                raise BadItem("too odd to double")
            for n in (1, 2):
                yield Twin(id=f"{item.id}/{n}", parents=(item.id,), wave=item.wave * n)
