"""A source of rows with everything."""

from collections.abc import Iterator

from blocks.base import BlockConfig, Source
from blocks.odd.schema import Everything


class Config(BlockConfig):
    pass


class Rows(Source[Config]):
    tiny = Config()

    def read(self) -> Iterator[Everything]:
        yield from ()
