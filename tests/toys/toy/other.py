"""Names another row for each: so many further on in the order of their numbers."""

from blocks.arrays import Id
from blocks.base import BlockConfig, Mapper, Schema
from blocks.toy.schema import Identified


class Config(BlockConfig):
    further: int = 1


class Named(Schema):
    other: Id


class Other(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[Identified]) -> list[Named]:
        return [Named(other=f"{item.id[:-4]}{int(item.id[-4:]) + self.config.further:04d}") for item in items]
