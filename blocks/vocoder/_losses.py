"""What neural vocoders are trained on besides discriminators: log-mels of both waves at several resolutions, compared.

Axes: B items, S samples, T frames, N samples of a window, F bins, M mels.
"""

import jax.numpy as jnp
import numpy as np

from blocks.common.mel import mel_filters
from blocks.spec import AudioSpec
from blocks.vocoder._stft import transform

RESOLUTIONS = ((128, 10), (256, 20), (512, 40), (1024, 80), (2048, 160))  # samples of a window, mels


def log_mel(wave_BS, size: int, mels: int, sample_rate: int):
    """(B, T, M) of windows of `size` samples, a quarter apart; base 10, with a floor of 1e-5."""
    spectrum = transform(wave_BS, size, size // 4)
    magnitude = jnp.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-9)
    filters = _filters(size, mels, sample_rate)
    return jnp.log10(jnp.maximum(magnitude @ filters, 1e-5))


def spectral(prediction_BS, reference_BS, sample_rate: int):
    """(B,): the mean distance of log-mels, over all resolutions."""
    distances = [
        jnp.abs(log_mel(prediction_BS, *how, sample_rate) - log_mel(reference_BS, *how, sample_rate)).mean((1, 2))
        for how in RESOLUTIONS
    ]
    return sum(distances) / len(distances)


def _filters(size: int, mels: int, sample_rate: int) -> np.ndarray:
    """(F, M): each filter's weights sum to 1, so that windows of all sizes give like levels."""
    spec = AudioSpec(sample_rate=sample_rate, n_fft=size, win_length=size, hop_length=size // 4, n_mels=mels, norm="l1")
    return mel_filters(spec) / np.float32(size / 4)
