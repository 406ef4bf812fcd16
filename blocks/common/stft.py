"""Frames of a wave and the short-time Fourier transform of a spec, there and back.

Axes: S samples, T frames, W win_length, F bins (n_fft // 2 + 1).
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from blocks.base import BadItem
from blocks.common.checks import check_finite
from blocks.spec import AudioSpec

CHUNK = 32  # frames transformed at a time: what fits into the cache is several times faster


def frame_count(wave: np.ndarray, spec: AudioSpec) -> int:
    """T of a wave. Raises BadItem if it is too short for one frame, or not finite."""
    count = spec.frames(len(wave))
    if count == 0:
        least = {"center": 1, "same": spec.hop_length, "none": spec.n_fft}[spec.padding]
        raise BadItem(
            f"the wave has {len(wave)} samples, but one frame needs {least} (padding {spec.padding!r}, "
            f"n_fft {spec.n_fft}, hop_length {spec.hop_length}): leave out clips shorter than {least / spec.sample_rate:g} s"
        )
    check_finite(wave)
    return count


@lru_cache(maxsize=64)
def hann(spec: AudioSpec) -> np.ndarray:
    """float32 (W,): the window of a spec; read-only, since it is shared."""
    steps = spec.win_length if spec.window == "hann" else max(1, spec.win_length - 1)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(spec.win_length) / steps)).astype(np.float32)
    if spec.win_length == 1:
        window[:] = 1.0
    window.setflags(write=False)
    return window


def frames(wave: np.ndarray, spec: AudioSpec) -> np.ndarray:
    """float32 (T, W): a read-only view of the padded wave, one row under each window; not windowed yet.

    A wave shorter than the padding is reflected as often as needed. Raises BadItem as `frame_count`.
    """
    count = frame_count(wave, spec)
    padded = _pad(np.asarray(wave, np.float32), spec)
    # The window is centred in n_fft: samples outside it would be multiplied by zero.
    first = (spec.n_fft - spec.win_length) // 2
    rows = np.lib.stride_tricks.sliding_window_view(padded[first:], spec.win_length)
    return rows[:: spec.hop_length][:count]


def _pad(wave: np.ndarray, spec: AudioSpec) -> np.ndarray:
    before, after = spec.pads(len(wave))
    if spec.pad_mode == "reflect" and max(before, after) < len(wave):
        # What np.pad does, at a tenth of its cost for a short clip.
        return np.concatenate([wave[before:0:-1], wave, wave[-2 : -after - 2 : -1]])
    return np.pad(wave, (before, after), mode=spec.pad_mode)


def stft(wave: np.ndarray, spec: AudioSpec) -> np.ndarray:
    """complex64 (T, F). Phases count from the first sample under the window. Raises BadItem as `frame_count`."""
    rows = frames(wave, spec)
    spectrum = np.empty((len(rows), spec.n_fft // 2 + 1), np.complex64)
    for here, part in in_chunks(rows, spec):
        spectrum[here] = part
    return spectrum


def in_chunks(rows: np.ndarray, spec: AudioSpec) -> Iterator[tuple[slice, np.ndarray]]:
    """Of the frames (T, W) of a wave the spectra, complex64 (up to CHUNK, F), and which of the T they are."""
    from scipy.fft import rfft

    window, buffer = hann(spec), np.zeros((min(CHUNK, len(rows)), spec.n_fft), np.float32)
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        np.multiply(part, window, out=buffer[: len(part), : spec.win_length])
        yield slice(start, start + len(part)), rfft(buffer[: len(part)])


def istft(spectrum: np.ndarray, spec: AudioSpec) -> np.ndarray:
    """float32 (``spec.samples(T)``,): the wave whose `stft` is nearest in the least-squares sense (Griffin and Lim 1984)."""
    from scipy.fft import irfft

    rows = irfft(spectrum, n=spec.n_fft)[:, : spec.win_length] * hann(spec)
    wave = _overlap_add(rows, spec.hop_length)
    weight = _weight(len(rows), spec)
    before, _ = spec.pads(0)
    first = before - (spec.n_fft - spec.win_length) // 2  # of the wave, counted from the first window's start
    samples = spec.samples(len(rows))
    out = np.zeros(samples, np.float32)
    lo, hi = max(0, -first), min(samples, len(wave) - first)
    out[lo:hi] = wave[first + lo : first + hi] / weight[first + lo : first + hi]
    return out


@lru_cache(maxsize=64)
def _weight(count: int, spec: AudioSpec) -> np.ndarray:
    square = np.broadcast_to(hann(spec) ** 2, (count, spec.win_length))
    weight = _overlap_add(square, spec.hop_length)
    # Where hardly any window reaches (the ends of an unpadded signal), leave the sample at nearly zero instead of blowing it up.
    return np.maximum(weight, 1e-3 * weight.max())


def _overlap_add(rows: np.ndarray, hop: int) -> np.ndarray:
    count, width = rows.shape
    laps = -(-width // hop)
    out = np.zeros((count + laps - 1, hop), np.float32)
    for lap in range(laps):
        part = rows[:, lap * hop : (lap + 1) * hop]
        out[lap : lap + count, : part.shape[1]] += part
    return out.reshape(-1)
