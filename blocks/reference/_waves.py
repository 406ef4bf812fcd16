"""What the reference encoders ask of a recording. Axes: S samples."""

import numpy as np

from blocks.base import BadItem
from blocks.common.checks import check_finite


def speech(wave: np.ndarray, rate: int, wanted: int, min_seconds: float) -> np.ndarray:
    """float32 (S,) at `wanted` Hz. Raises BadItem for what is too short, not finite or digitally silent."""
    seconds = len(wave) / rate
    if seconds < min_seconds:
        raise BadItem(
            f"the recording is {seconds:.2f} s long, want at least {min_seconds:g} s (min_seconds): "
            "leave out shorter clips"
        )
    check_finite(wave)
    if not wave.any():
        raise BadItem("the recording is digital silence, want speech")
    return resampled(wave, rate, wanted)


def resampled(wave: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    import soxr

    return wave if rate == wanted else soxr.resample(wave, rate, wanted)
