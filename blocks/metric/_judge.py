"""Waves as an intrusive judge wants them."""

import numpy as np

from blocks.base import BadItem
from blocks.spec import AudioSpec


def resample(wave: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """float32 (S,) at `wanted` Hz."""
    import soxr

    return wave if rate == wanted else soxr.resample(wave, rate, wanted)


def sounding(wave: np.ndarray, name: str) -> np.ndarray:
    """The wave. Raises BadItem if it is empty or digitally silent, for a judge that has no answer to that."""
    if not wave.any():
        raise BadItem(f"{name}: {len(wave)} samples of silence, wants sound")
    return wave


def one_length(prediction: np.ndarray, reference: np.ndarray, spec: AudioSpec) -> tuple[np.ndarray, np.ndarray]:
    """Both waves cut at their end to the shorter one, which may be shorter by less than one hop: a vocoder of whole
    frames drops that much.

    Raises BadItem if they differ by more: these judges compare the same instants, not the same words.
    """
    if abs(len(prediction) - len(reference)) > spec.hop_length:
        raise BadItem(
            f"prediction has {len(prediction)} samples, reference {len(reference)}: wants the same timing, within one hop of "
            f"{spec.hop_length} samples; metric.mel_cepstral_distortion aligns, metric.distillmos needs no reference"
        )
    shared = min(len(prediction), len(reference))
    return prediction[:shared], reference[:shared]
