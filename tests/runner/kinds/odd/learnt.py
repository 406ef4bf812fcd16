"""Weights with settings of several types, one without a default."""

from pydantic import PositiveInt, model_validator

from blocks.base import BlockConfig, Trainable
from blocks.odd.schema import Mel
from blocks.training import Run


class Config(BlockConfig):
    speakers: PositiveInt
    heads: int = 2
    width: int = 8

    @model_validator(mode="after")
    def _even(self):
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is no multiple of heads {self.heads}")
        return self


class Learnt(Trainable[Config]):
    tiny = Config(speakers=1)

    def fit(self, run: Run[Mel]) -> None:
        raise NotImplementedError

    def apply(self, items: list[Mel]) -> list[Mel]:
        raise NotImplementedError
