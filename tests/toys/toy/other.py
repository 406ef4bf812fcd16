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
        return [Named(other=self._further(item.id)) for item in items]

    def _further(self, id: str) -> str:
        """An id without a number at its end names itself."""
        name, number = id[:-4], id[-4:]
        return f"{name}{int(number) + self.config.further:04d}" if number.isdigit() else id
