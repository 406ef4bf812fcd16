"""What a flow is conditioned on: streams with a row for each frame, stacked side by side, and a vector for the whole.

A new stream, such as phones spread over their durations, is a new line in STREAMS and a field of the kind's schema.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from blocks.flow.schema import Conditions

MIDDLE, WIDTH = np.log(150.0), 0.4  # of voices, in log Hz: brings what they speak near -2..2


def _pitch(hz: np.ndarray) -> np.ndarray:
    """(T, 2): log-F0, 0 where unvoiced, and whether there is one."""
    voiced = hz > 0
    return np.stack([np.where(voiced, (np.log(np.where(voiced, hz, 1)) - MIDDLE) / WIDTH, 0), voiced], axis=1)


def _voicing(voicing: np.ndarray) -> np.ndarray:
    return voicing[:, None]


STREAMS: dict[str, tuple[int, Callable[[np.ndarray], np.ndarray]]] = {"pitch": (2, _pitch), "voicing": (1, _voicing)}


@dataclass(frozen=True)
class Given:
    """Which conditions a model has."""

    streams: tuple[str, ...] = ()
    vector: int = 0  # size of the embedding, 0 for none

    @classmethod
    def of(cls, item: Conditions) -> "Given":
        streams = tuple(name for name in STREAMS if getattr(item, name) is not None)
        return cls(streams, 0 if item.embedding is None else len(item.embedding))

    @property
    def width(self) -> int:
        """Channels of a frame."""
        return sum(STREAMS[name][0] for name in self.streams)

    def check(self, item: Conditions) -> None:
        """Raise ValueError where an item's conditions are not those of the model."""
        if (found := Given.of(item)) != self:
            raise ValueError(f"this item brings {found}, but the model is conditioned on {self}: give it the same")

    def frames(self, item: Conditions) -> np.ndarray:
        """float32 (T, width)."""
        stacked = [STREAMS[name][1](getattr(item, name)) for name in self.streams]
        return np.concatenate(stacked, axis=1, dtype=np.float32, casting="unsafe")

    def __str__(self) -> str:
        vector = [f"an embedding of {self.vector}"] if self.vector else []
        return " and ".join([*self.streams, *vector]) or "nothing"

    def words(self) -> dict[str, str]:
        """What is written beside the weights; `read` understands it."""
        return {"streams": " ".join(self.streams), "vector": str(self.vector)}

    @classmethod
    def read(cls, words: dict[str, str]) -> "Given":
        streams = tuple(words.get("streams", "").split())
        if unknown := set(streams) - STREAMS.keys():
            raise ValueError(
                f"the weights want the streams {', '.join(sorted(unknown))}; there is {', '.join(STREAMS)}"
            )
        return cls(streams, int(words.get("vector", 0)))
