"""A subset says which rows belong to a smaller set, for nodes that follow to choose by ``where:``."""

from typing import Annotated

from blocks.arrays import Id, Split, Value
from blocks.base import Schema

Share = Annotated[float, Value("share", "from 0 to 1: a set of share s holds the rows of at most s")]


class Row(Schema):
    id: Id
    split: Split | None = None


class Placed(Schema):
    share: Share
