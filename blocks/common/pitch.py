"""Settings that every search for a fundamental frequency shares, and the melody that remains when the register is taken away.

Axes: T frames.
"""

import numpy as np
from pydantic import PositiveFloat, model_validator

from blocks.base import BlockConfig


class PitchRange(BlockConfig):
    """Where to look for a fundamental frequency. The defaults are WORLD's."""

    f_min: PositiveFloat = 71.0  # Hz
    f_max: PositiveFloat = 800.0  # Hz; higher for singing: a soprano's C6 is 1047 Hz

    @model_validator(mode="after")
    def _ordered(self):
        if self.f_min >= self.f_max:
            raise ValueError(f"f_min {self.f_min:g} Hz must lie below f_max {self.f_max:g} Hz")
        return self

    @property
    def limits(self) -> dict[str, float]:
        """As pyworld's functions spell it."""
        return {"f0_floor": self.f_min, "f0_ceil": self.f_max}


FEWEST = 20  # voiced frames, 0.25 s at a hop of 12.5 ms: the mean of fewer is noise


def melody(pitch_T: np.ndarray, voicing_T: np.ndarray | None = None) -> np.ndarray:
    """float32 (T): log-F0, interpolated where there is none, minus its mean over the sentence (nats).

    Nothing of a speaker's register is left in it (Merritt et al. 2022). The mean is that of the voiced frames, so that
    silence before and after changes nothing. Zeros where fewer than `FEWEST` frames are voiced. `voicing_T` may take
    frames out; a frame without a pitch is unvoiced in any case.
    """
    voiced = pitch_T > 0 if voicing_T is None else (pitch_T > 0) & voicing_T
    at = np.flatnonzero(voiced)
    if len(at) < FEWEST:
        return np.zeros(len(pitch_T), np.float32)
    logs = np.log(pitch_T[at].astype(np.float64))
    return (np.interp(np.arange(len(pitch_T)), at, logs) - logs.mean()).astype(np.float32)
