"""Joining recordings: where a wave is cut so that the join is not audible. Axes: S samples."""

import numpy as np


def cut(before: np.ndarray, after: np.ndarray, at: int, of: int, reach: int, fade: int) -> np.ndarray:
    """float32 (S,): `before` up to sample `at`, then `after` from sample `of` on.

    Both are cut as many samples away from there, at most `reach`, so that the length stays: where the two together are
    most silent over `fade` samples. They cross-fade over these, with weights that add up to 1.
    """
    half = fade // 2
    least = max(-reach, half - at, half - of)
    most = min(reach, len(before) - half - at, len(after) - half - of)
    if most < least or not half:
        return np.concatenate([before[:at], after[of:]])
    loud = before[at + least - half : at + most + half] ** 2 + after[of + least - half : of + most + half] ** 2
    sums = np.concatenate([[0.0], np.cumsum(loud, dtype=np.float64)])
    shift = least + int(np.argmin(sums[2 * half :] - sums[: -2 * half]))
    at, of = at + shift, of + shift
    up = (np.arange(2 * half, dtype=np.float32) + 0.5) / (2 * half)
    mixed = before[at - half : at + half] * (1 - up) + after[of - half : of + half] * up
    return np.concatenate([before[: at - half], mixed, after[of + half :]]).astype(np.float32)
