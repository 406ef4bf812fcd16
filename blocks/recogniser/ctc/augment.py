"""How `recogniser.ctc` normalises a log-mel, and how training augments it (NumPy). Axes: T frames, M mels."""

from collections.abc import Callable

import numpy as np

_NATS = np.log(10) / 20  # of a decibel, in a mel of magnitudes
_STD = 2.0  # nats; about that of speech about its mean
_NARROW_HZ, _DROWNED_DB = (3000.0, 8000.0), (20.0, 60.0)
_MELS, _FRAMES = 12, 16  # at most so many are hidden at a time
_HIDDEN_FRAMES = 80  # one stretch of time is hidden for each so many


def mean_normalised(log_mel: np.ndarray, range_db: float) -> np.ndarray:
    """float32 (T, M): near -1..1, each mel about its mean over the recording, nothing farther than the range below the loudest."""
    mel = np.maximum(log_mel, log_mel.max() - np.float32(range_db * _NATS))
    return ((mel - mel.mean(axis=0)) / np.float32(_STD)).astype(np.float32)


def disturbed(log_mel: np.ndarray, mels_below: Callable[[float], int], config, rng: np.random.Generator) -> np.ndarray:
    """float32 (T', M), as `mean_normalised`."""
    frames, mels = log_mel.shape
    pace, warp = (
        rng.uniform(1 - config.speed_perturb, 1 + config.speed_perturb),
        rng.uniform(1 - config.vtlp, 1 + config.vtlp),
    )
    mel = stretched(log_mel, np.arange(max(1, round(frames / pace))) * pace, axis=0)
    mel = stretched(mel, np.arange(mels) * warp, axis=1)
    mel = mel if mel is not log_mel else log_mel.copy()
    loudest = mel.max()
    if rng.random() < config.band_limit_share:
        mel[:, mels_below(rng.uniform(*_NARROW_HZ)) :] = mel.min()
    low = rng.uniform(*_DROWNED_DB) if rng.random() < config.noise_share else config.range_db
    floor = np.float32(loudest - min(low, config.range_db) * _NATS)
    noise = rng.standard_normal(mel.shape, np.float32) * np.float32(0.1) if low < config.range_db else 0
    made = mean_normalised(np.maximum(mel, floor) + noise, config.range_db)
    for axis, most, times in ((1, _MELS, 2), (0, _FRAMES, 1 + len(made) // _HIDDEN_FRAMES)):
        for _ in range(times):
            width = int(rng.integers(min(most, made.shape[axis] // 4) + 1))
            start = int(rng.integers(made.shape[axis] - width + 1))
            np.moveaxis(made, axis, 0)[start : start + width] = 0
    return made


def stretched(mel: np.ndarray, at: np.ndarray, axis: int) -> np.ndarray:
    """The mel at other places along an axis, between its frames or mels where they are not whole; the last beyond the end."""
    at = np.clip(at, 0, mel.shape[axis] - 1)
    low = np.minimum(at.astype(int), max(0, mel.shape[axis] - 2))
    share = (at - low).astype(np.float32)
    share = share[:, None] if axis == 0 else share
    high = np.minimum(low + 1, mel.shape[axis] - 1)
    return mel.take(low, axis) * (1 - share) + mel.take(high, axis) * share
