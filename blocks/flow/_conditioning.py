"""What a flow is conditioned on beside the mel, as arrays: pitch, declared streams and globals, phones (NumPy).

Axes: B batch, T frames, N phones, F numbers a frame, C channels of a stream.
"""

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from blocks.base import BadItem
from blocks.common.checks import check_durations
from blocks.common.conditions import Declared, Global, Name, Stream
from blocks.common.phones import nearest
from blocks.common.pitch import FEWEST, melody
from blocks.flow.schema import Conditions
from blocks.training import FitConfig, bucket

SPREAD = 0.2  # of a melody, in nats: about that of read speech


class ConditioningConfig(FitConfig):
    """Settings of what a model of this kind is conditioned on."""

    pitch: bool = True  # melody without register, and voicing
    streams: dict[Name, Stream] = Field(default_factory=dict)  # numbers for each frame, by name
    globals: dict[Name, Global] = Field(default_factory=dict)  # names or vectors for the whole, such as speaker: {}


@dataclass
class Conditioning(Declared):
    """What a model is conditioned on, with its tables of symbols."""

    pitch: bool = False

    @property
    def width(self) -> int:
        """Numbers a frame (F)."""
        return 2 * self.pitch + super().width

    def meet(self, items) -> None:
        """Give rows to the phones and names of these that have none."""
        for item in items:
            self.phones.extend(item.phones or ())
            super().meet([item])

    # ---- items ----

    def check(self, item: Conditions, positions: int) -> None:
        """Raise BadItem for what is missing, does not fit or is not declared."""
        super().check(item, positions)
        if self.pitch and item.pitch is None:
            raise BadItem("no pitch, want it beside the mel: wire it, or train with pitch: false")
        for name in ("pitch", "voicing"):
            values = getattr(item, name)
            if values is not None and len(values) != positions:
                raise BadItem(f"{name} of {len(values)} frames beside {positions} frames: want as many")
        if (item.phones is None) != (item.durations is None):
            absent, found = ("durations", "phones") if item.durations is None else ("phones", "durations")
            raise BadItem(f"{found} without {absent}: want both, or none")
        if item.phones is not None:
            check_durations(item.phones, item.durations, positions)

    def remark(self, item: Conditions) -> str | None:
        """Whether its melody had to be left flat."""
        if not self.pitch or (voiced := int(_voiced(item).sum())) >= FEWEST:
            return None
        return f"{voiced} voiced frames, fewer than {FEWEST}: the melody is taken as flat"

    # ---- arrays ----

    def arrays(self, items: list[Conditions], frames: int) -> dict[str, np.ndarray]:
        """`frames` (B, T, F) and `globals.NAME` (B) or (B, C), of as many as there are."""
        found = super().arrays(items, frames)
        made = {name: array for name, array in found.items() if name.startswith("globals.")}
        if not self.width:
            return made
        whole = np.zeros((len(items), frames, self.width), np.float32)
        at = 0
        if self.pitch:
            at = 2
            for row, item in zip(whole, items, strict=True):
                count = len(item.pitch)
                row[:count, 0], row[:count, 1] = melody(item.pitch, item.voicing) / SPREAD, _voiced(item)
        for values in self.rows(found):
            whole[..., at : at + values.shape[-1]] = values
            at += values.shape[-1]
        return made | {"frames": whole}

    def phone_arrays(self, items: list[Conditions], frames: int, room: int) -> dict[str, np.ndarray]:
        """`phones` (B, room) their rows, `tokens` (B) how many; of each frame (B, T) the number of its phone, `owners`, and
        how far into it it lies, `places` (0 to 1)."""
        made = {"phones": np.zeros((len(items), room), np.int32), "owners": np.zeros((len(items), frames), np.int32)}
        made["places"] = np.zeros((len(items), frames), np.float32)
        made["tokens"] = np.array([len(item.phones) for item in items], np.int32)
        for b, item in enumerate(items):
            made["phones"][b, : len(item.phones)] = [self.phones.row(nearest(p, self.phones)) for p in item.phones]
            owners = np.repeat(np.arange(len(item.phones)), item.durations)
            starts = np.cumsum(item.durations) - item.durations
            made["owners"][b, : len(owners)] = owners
            made["places"][b, : len(owners)] = (np.arange(len(owners)) + 0.5 - starts[owners]) / item.durations[owners]
        return made


def _voiced(item: Conditions) -> np.ndarray:
    return item.pitch > 0 if item.voicing is None else (item.pitch > 0) & item.voicing


def room_for(phones: int, frames: int) -> int:
    """The padded number of phones: a quarter of the frames does for nearly all, so that a compiler meets few shapes."""
    return max(1, frames // 4) if phones <= frames // 4 else bucket(max(phones, frames))
