"""Two pitch curves on one time axis, for the metrics on fundamental frequency. Axes: T frames."""

from typing import Literal

import numpy as np

from blocks.base import BadItem
from blocks.metric.schema import PitchPair

Align = Literal["none", "linear"]


def curves(item: PitchPair, align: Align) -> tuple[np.ndarray, np.ndarray]:
    """float64 (T,) of `prediction` and `reference` in Hz, 0 where unvoiced, both with the frames of `reference`.

    ``linear`` stretches `prediction` to the length of `reference` evenly, taking the nearest frame, so that no F0 is invented
    between a voiced and an unvoiced frame; ``none`` refuses unequal lengths.

    Raises BadItem for unequal lengths with ``none``, an empty curve, or a voiced frame without an F0.
    """
    prediction = _curve(item.prediction, item.prediction_voicing, "prediction")
    reference = _curve(item.reference, item.reference_voicing, "reference")
    if len(prediction) == len(reference):
        return prediction, reference
    if align == "none":
        raise BadItem(
            f"prediction has {len(prediction)} frames, reference {len(reference)}: align 'none' wants equal lengths; "
            "align 'linear' stretches prediction evenly"
        )
    nearest = ((np.arange(len(reference)) + 0.5) * len(prediction) / len(reference)).astype(int)
    return prediction[nearest], reference


def _curve(pitch: np.ndarray, voicing: np.ndarray, name: str) -> np.ndarray:
    if len(pitch) == 0:
        raise BadItem(f"{name}: no frames, wants at least one")
    if np.any(pitch[voicing] <= 0):
        raise BadItem(
            f"{name}: {int((pitch[voicing] <= 0).sum())} of {int(voicing.sum())} voiced frames have no F0 above 0 Hz; "
            "take pitch and voicing of the same node"
        )
    return np.where(voicing, pitch, 0.0).astype(np.float64)
