"""What the frames of a phone say together: how high it is, and how loud.

Axes: N phones, T frames.
"""

import numpy as np


def phone_pitch(pitch_T: np.ndarray, durations_N: np.ndarray) -> np.ndarray:
    """float32 (N) Hz: the geometric mean over voiced frames; 0 where most are unvoiced."""
    voiced = pitch_T > 0
    count = _totals(voiced, durations_N)
    mean = np.exp(_totals(np.log(np.where(voiced, pitch_T, 1.0)), durations_N) / np.maximum(count, 1))
    return np.where((2 * count >= durations_N) & (count > 0), mean, 0.0).astype(np.float32)


def phone_energy(energy_T: np.ndarray, durations_N: np.ndarray) -> np.ndarray:
    """float32 (N) dB: the mean level. A phone without frames has none of its own: the mean of the whole stands for it."""
    means = _totals(energy_T, durations_N) / np.maximum(durations_N, 1)
    return np.where(durations_N > 0, means, energy_T.mean()).astype(np.float32)


def _totals(values_T: np.ndarray, durations_N: np.ndarray) -> np.ndarray:
    return np.bincount(np.repeat(np.arange(len(durations_N)), durations_N), values_T, len(durations_N))
