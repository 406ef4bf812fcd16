"""What the frames of a phone say together: how high it is, and how loud; and how far two sides of a join are apart.

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


def pitch_jump(before: np.ndarray, after: np.ndarray) -> float:
    """Semitones between the last voiced frame of one side and the first of the other; 0 where one has none."""
    low, high = before[before > 0][-1:], after[after > 0][:1]
    return float(abs(12 * np.log2(high[0] / low[0]))) if len(low) and len(high) else 0.0


def energy_jump(before: np.ndarray, after: np.ndarray) -> float:
    """dB between the mean levels of the last three frames of one side and the first three of the other."""
    return float(abs(before[-3:].mean() - after[:3].mean())) if len(before) and len(after) else 0.0
