"""Writes down what came through each of its ports, which take nearly every type: a wave's level, names, numbers, vectors."""

from typing import Annotated

import numpy as np
from pydantic import Field

from blocks.arrays import Array, Embedding, Pitch, Speaker, Split, Text, Wave
from blocks.base import BlockConfig, Mapper, Schema

Two = Annotated[np.ndarray, Array("two", "float32", 2)]


class Config(BlockConfig):
    pass


class Asked(Schema):
    wave: Wave | None = None
    gain: float | None = None
    times: int | None = None
    negative: bool | None = None
    split: Split | None = None
    two: Two | None = None
    pitch: Pitch | None = None
    globals: dict[str, Speaker | Embedding] = Field(default_factory=dict)
    said: dict[str, Text] = Field(default_factory=dict)


class Noted(Schema):
    text: Text


class Logs(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[Asked]) -> list[Noted]:
        return [Noted(text="; ".join(self._parts(dict(item)))) for item in items]

    def _parts(self, values: dict, path: str = ""):
        for name, value in values.items():
            if isinstance(value, dict):
                yield from self._parts(value, f"{name}.")
            elif isinstance(value, np.ndarray):
                yield f"{path}{name} {value.dtype}{value.shape} {float(np.sqrt(np.mean(value**2))):.4f}"
            elif value is not None:
                yield f"{path}{name} {value!r}"
