"""The Fourier transform of neural vocoders (JAX): frame t is centred on the middle of its own hop, there and back.

Axes: B items, T frames, F bins, N samples of a window, S samples.
"""

import jax.numpy as jnp
import numpy as np


def transform(wave_BS, size: int, hop: int, points: int | None = None):
    """Short-time Fourier transform (B, T, F) of up to T * hop samples, framed as `inverse` does; zeros lie beyond the ends.

    Of windows of `size` samples, at more `points` where these are asked for.
    """
    laps, side = -(-size // hop), (size - hop) // 2
    rows = -(-wave_BS.shape[1] // hop) + laps - 1
    padded = jnp.pad(wave_BS, ((0, 0), (side, rows * hop - wave_BS.shape[1] - side))).reshape(len(wave_BS), rows, hop)
    T = rows - laps + 1
    frames = jnp.concatenate([padded[:, k : k + T] for k in range(laps)], axis=-1)[..., :size]
    return jnp.fft.rfft(frames * hann(size), n=points)


def inverse(spectrum_BTF, mask_BT1, hop: int):
    """Inverse short-time Fourier transform (B, T * hop): frame t is centred on the middle of its hop."""
    size = 2 * (spectrum_BTF.shape[-1] - 1)
    window = jnp.asarray(hann(size))
    frames = jnp.fft.irfft(spectrum_BTF, n=size) * window
    wave = overlap_add(frames, hop)
    weight = overlap_add(mask_BT1 * window**2, hop)
    S, side = spectrum_BTF.shape[1] * hop, (size - hop) // 2
    part = slice(side, side + S)
    # Every sample of an item is under a window; where there is no item, nothing is divided by nothing.
    return wave[:, part] / jnp.maximum(weight[:, part], 1e-3)


def overlap_add(frames_BTN, hop: int):
    """(B, (T + laps - 1) * hop): neighbouring frames `hop` apart, added."""
    B, T, N = frames_BTN.shape
    laps = -(-N // hop)
    parts = jnp.pad(frames_BTN, ((0, 0), (0, 0), (0, laps * hop - N))).reshape(B, T, laps, hop)
    rows = sum(jnp.pad(parts[:, :, k], ((0, 0), (k, laps - 1 - k), (0, 0))) for k in range(laps))
    return rows.reshape(B, -1)


def hann(size: int) -> np.ndarray:
    """float32 (size,), periodic."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
