"""Griffin-Lim: a wave whose spectrogram has the magnitude of a log-mel (Griffin and Lim 1984; Perraudin 2013).

Axes: T frames, F bins, S samples.
"""

import numpy as np

from blocks.common.mel import deemphasis, linear_magnitude
from blocks.common.stft import istft, stft
from blocks.spec import AudioSpec


def griffin_lim(
    log_mel: np.ndarray, spec: AudioSpec, iterations: int, momentum: float = 0.99, seed: int = 0
) -> np.ndarray:
    """float32 (S,) in -1..1 of a log-mel (T, mels)."""
    spectrum = _phased(linear_magnitude(log_mel, spec), spec, iterations, np.float32(momentum), seed)
    return np.clip(deemphasis(istft(spectrum, spec), spec), -1.0, 1.0)


def _phased(magnitude: np.ndarray, spec: AudioSpec, iterations: int, momentum: np.float32, seed: int) -> np.ndarray:
    """complex64 (T, F): the magnitude with a phase on which overlapping frames agree."""
    # The same start for every item, so that an item does not depend on its neighbours.
    turns = np.random.default_rng(seed).random(magnitude.shape, np.float32)
    spectrum = magnitude * np.exp(2j * np.pi * turns).astype(np.complex64)
    before = np.zeros_like(spectrum)
    for _ in range(iterations):
        agreed = stft(istft(spectrum, spec), spec)
        ahead = (1 + momentum) * agreed
        before *= momentum
        ahead -= before
        ahead *= magnitude / np.maximum(np.abs(ahead), 1e-16)
        spectrum, before = ahead, agreed
    return spectrum
