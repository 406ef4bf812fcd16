"""What a flow is conditioned on: streams with a row for each frame, stacked side by side, and a vector for the whole.

A new stream is a new line in STREAMS and a field of the kind's schema.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from blocks.base import BadItem
from blocks.common.symbols import Symbols
from blocks.flow.schema import Conditions

MIDDLE, WIDTH = np.log(150.0), 0.4  # of voices, in log Hz: brings what they speak near -2..2


def _pitch(item: Conditions, phones: Symbols) -> np.ndarray:
    """(T, 2): log-F0, 0 where unvoiced, and whether there is one."""
    hz, voiced = item.pitch, item.pitch > 0
    return np.stack([np.where(voiced, (np.log(np.where(voiced, hz, 1)) - MIDDLE) / WIDTH, 0), voiced], axis=1)


def _voicing(item: Conditions, phones: Symbols) -> np.ndarray:
    return item.voicing[:, None]


def _phones(item: Conditions, phones: Symbols) -> np.ndarray:
    """(T, 1 + phones): a one where the phone of the frame has its row, in the first row for one that is not known."""
    rows = [phones.row(phone) for phone in item.phones]
    return np.eye(1 + len(phones), dtype=np.float32)[np.repeat(rows, item.durations)]


@dataclass(frozen=True)
class Stream:
    fields: tuple[str, ...]  # of an item
    rows: Callable[[Conditions, Symbols], np.ndarray]
    width: Callable[[Symbols], int]


STREAMS = {
    "pitch": Stream(("pitch",), _pitch, lambda phones: 2),
    "voicing": Stream(("voicing",), _voicing, lambda phones: 1),
    "phones": Stream(("phones", "durations"), _phones, lambda phones: 1 + len(phones)),
}


@dataclass(frozen=True)
class Given:
    """Which conditions a model has. `phones` are those it was fitted with, in the order of their rows."""

    streams: tuple[str, ...] = ()
    vector: int = 0  # size of the embedding, 0 for none
    phones: Symbols = field(default_factory=Symbols, compare=False)

    @classmethod
    def of(cls, item: Conditions, phones: Symbols | None = None) -> "Given":
        """Raises ValueError where an item brings a part of what makes up a stream."""
        streams = []
        for name, stream in STREAMS.items():
            absent = [field for field in stream.fields if getattr(item, field) is None]
            if not absent:
                streams.append(name)
            elif len(absent) < len(stream.fields):
                raise ValueError(
                    f"this item has no {' and '.join(absent)}: want {' and '.join(stream.fields)}, or none"
                )
        return cls(tuple(streams), 0 if item.embedding is None else len(item.embedding), phones or Symbols())

    @property
    def width(self) -> int:
        """Channels of a frame."""
        return sum(STREAMS[name].width(self.phones) for name in self.streams)

    def check(self, item: Conditions) -> None:
        """Raise ValueError where an item's conditions are not those of the model."""
        if (found := Given.of(item)) != self:
            raise ValueError(f"this item brings {found}, but the model is conditioned on {self}: give it the same")

    def frames(self, item: Conditions, count: int) -> np.ndarray:
        """float32 (count, width). Raises BadItem where a stream has another length."""
        stacked = [STREAMS[name].rows(item, self.phones) for name in self.streams]
        for name, rows in zip(self.streams, stacked, strict=True):
            if len(rows) != count:
                raise BadItem(f"{name} of {len(rows)} frames beside {count} frames: want as many")
        return np.concatenate(stacked, axis=1, dtype=np.float32, casting="unsafe")

    def __str__(self) -> str:
        vector = [f"an embedding of {self.vector}"] if self.vector else []
        return " and ".join([*self.streams, *vector]) or "nothing"

    def words(self) -> dict[str, str]:
        """What is written beside the weights; `read` understands it."""
        return {"streams": " ".join(self.streams), "vector": str(self.vector)}

    @classmethod
    def read(cls, words: dict[str, str], phones: Symbols | None = None) -> "Given":
        streams = tuple(words.get("streams", "").split())
        if unknown := set(streams) - STREAMS.keys():
            raise ValueError(
                f"the weights want the streams {', '.join(sorted(unknown))}; there is {', '.join(STREAMS)}"
            )
        return cls(streams, int(words.get("vector", 0)), phones or Symbols())
