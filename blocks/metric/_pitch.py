"""Two pitch curves on one time axis, for the metrics on fundamental frequency. Axes: T frames."""

from typing import Literal

import numpy as np

from blocks.base import BadItem
from blocks.metric.schema import PitchPair

Align = Literal["none", "linear"]


def curves(item: PitchPair, align: Align) -> tuple[np.ndarray, np.ndarray]:
    """float64 (T,) of `heard` and `meant` in Hz, 0 where unvoiced, both with the frames of `meant`.

    ``linear`` stretches `heard` to the length of `meant` evenly, taking the nearest frame, so that no F0 is invented
    between a voiced and an unvoiced frame; ``none`` refuses unequal lengths.

    Raises BadItem for unequal lengths with ``none``, an empty curve, or a voiced frame without an F0.
    """
    heard = _curve(item.heard, item.heard_voicing, "heard")
    meant = _curve(item.meant, item.meant_voicing, "meant")
    if len(heard) == len(meant):
        return heard, meant
    if align == "none":
        raise BadItem(
            f"heard has {len(heard)} frames, meant {len(meant)}: align 'none' wants equal lengths; "
            "align 'linear' stretches heard evenly"
        )
    nearest = ((np.arange(len(meant)) + 0.5) * len(heard) / len(meant)).astype(int)
    return heard[nearest], meant


def _curve(pitch: np.ndarray, voicing: np.ndarray, name: str) -> np.ndarray:
    if len(pitch) == 0:
        raise BadItem(f"{name}: no frames, wants at least one")
    if np.any(pitch[voicing] <= 0):
        raise BadItem(
            f"{name}: {int((pitch[voicing] <= 0).sum())} of {int(voicing.sum())} voiced frames have no F0 above 0 Hz; "
            "take pitch and voicing of the same node"
        )
    return np.where(voicing, pitch, 0.0).astype(np.float64)
