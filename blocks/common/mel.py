"""The one log-mel kernel, its filter bank, and the way back to a linear magnitude.

float32 from end to end, in chunks that stay in the cache; the filter bank is multiplied as a few dense blocks along
its diagonal, since most of it is zero. Everything cached is cached by the whole spec.
Axes: S samples, T frames, F bins (n_fft // 2 + 1), M mels.
"""

from functools import lru_cache

import numpy as np

from blocks.common.stft import frames, in_chunks
from blocks.spec import AudioSpec

BLOCK = 20  # neighbouring filters multiplied at a time


def log_mel(wave: np.ndarray, spec: AudioSpec) -> np.ndarray:
    """float32 (T, M) with T = ``spec.frames(len(wave))``, as the spec defines it.

    Raises BadItem if the wave is too short for one frame, or not finite.
    """
    rows = frames(preemphasis(wave, spec), spec)
    mel = np.zeros((len(rows), spec.n_mels), np.float32)
    for here, spectrum in in_chunks(rows, spec):
        magnitude = _magnitude(spectrum, spec)
        for bins, mels, weights in _blocks(spec):
            np.matmul(magnitude[:, bins], weights, out=mel[here, mels])
    return _log(mel, spec)


def preemphasis(wave: np.ndarray, spec: AudioSpec) -> np.ndarray:
    """float32 (S,): ``y[n] = x[n] - a x[n-1]``; the first sample as librosa starts its filter, so that mels agree."""
    if spec.preemphasis == 0 or len(wave) == 0:
        return wave
    out = np.array(wave, np.float32)
    out[1:] -= np.float32(spec.preemphasis) * wave[:-1]
    out[0] += 2 * wave[0] - wave[min(1, len(wave) - 1)]
    return out


def deemphasis(wave: np.ndarray, spec: AudioSpec, before: float = 0.0) -> np.ndarray:
    """float32 (S,): undoes `preemphasis`, but for its first sample, whose trace fades within milliseconds.

    `before` is the last sample given out, where the wave comes in pieces.
    """
    from scipy.signal import lfilter

    a = spec.preemphasis
    return lfilter([1.0], [1.0, -a], wave, zi=[a * before])[0].astype(np.float32) if a else wave


@lru_cache(maxsize=64)
def mel_filters(spec: AudioSpec) -> np.ndarray:
    """float32 (F, M): triangles on the mel scale of the spec; read-only, since it is shared.

    Raises ValueError if a filter is so narrow that it holds no bin.
    """
    to_mel, to_hz = _SCALES[spec.mel_scale]
    edges = to_hz(np.linspace(to_mel(spec.f_min), to_mel(spec.f_max), spec.n_mels + 2))
    bins = np.arange(spec.n_fft // 2 + 1)[:, None] * spec.sample_rate / spec.n_fft
    widths = np.diff(edges)
    rising = (bins - edges[:-2]) / widths[:-1]
    falling = (edges[2:] - bins) / widths[1:]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    if empty := np.flatnonzero(filters.max(axis=0) == 0).tolist():
        raise ValueError(
            f"{len(empty)} of {spec.n_mels} mel filters hold no bin (the first is number {empty[0]}): n_mels {spec.n_mels} "
            f"is too many for n_fft {spec.n_fft} at {spec.sample_rate} Hz; take fewer mels or a longer n_fft"
        )
    if spec.norm == "slaney":
        filters *= 2 / (edges[2:] - edges[:-2])
    elif spec.norm == "l1":
        filters /= filters.sum(axis=0)
    filters = filters.astype(np.float32)
    filters.setflags(write=False)
    return filters


def mels_below(spec: AudioSpec, hz: float) -> int:
    """How many mels, the first ones, hear nothing above `hz`."""
    bins = np.arange(spec.n_fft // 2 + 1) * spec.sample_rate / spec.n_fft
    return int(np.count_nonzero(~(mel_filters(spec)[bins > hz] > 0).any(axis=0)))


def decibels(log_mel: np.ndarray, spec: AudioSpec) -> np.ndarray:
    """float32 (T, M): its levels in dB, whatever the logarithm of the spec."""
    nepers = np.log(10) if spec.log_base == "10" else 1.0
    scale = (20 if spec.power == 1 else 10) / np.log(10) * nepers / spec.log_gain
    return ((log_mel - np.float32(spec.log_offset)) * np.float32(scale)).astype(np.float32, copy=False)


def linear_magnitude(log_mel: np.ndarray, spec: AudioSpec, steps: int = 30) -> np.ndarray:
    """float32 (T, F): a non-negative magnitude spectrogram whose mel is the one given, for vocoders that need one.

    Multiplicative updates for the Kullback-Leibler divergence (Lee and Seung 2000): unlike least squares they care as
    much for quiet bands as for loud ones. Bins outside f_min..f_max stay silent: nothing is known of them.
    """
    mel, filters = mel_power(log_mel, spec), mel_filters(spec)
    share = (filters / np.maximum(filters.sum(axis=1, keepdims=True), 1e-12)).T  # (M, F): of a bin in each mel
    power = mel @ share
    for _ in range(steps):
        power *= (mel / np.maximum(power @ filters, 1e-20)) @ share
        np.maximum(power, 1e-12, out=power)  # what shrinks for ever becomes denormal, and slow
    return np.sqrt(power) if spec.power == 2 else power


def mel_power(log_mel: np.ndarray, spec: AudioSpec) -> np.ndarray:
    """float32 (T, M): the mel magnitude (or power, as ``spec.power`` says) before the logarithm."""
    base = 10.0 if spec.log_base == "10" else np.e
    mel = np.power(base, (np.asarray(log_mel, np.float64) - spec.log_offset) / spec.log_gain)
    if spec.log_floor_mode == "add":
        mel = np.maximum(mel - spec.log_floor, 0.0)
    return mel.astype(np.float32)


def _magnitude(spectrum: np.ndarray, spec: AudioSpec) -> np.ndarray:
    if spec.power == 1 and spec.magnitude_eps == 0:
        return np.abs(spectrum)
    power = np.square(spectrum.real)
    power += np.square(spectrum.imag)
    if spec.magnitude_eps_mode == "add":
        power += np.float32(spec.magnitude_eps)
    else:
        np.maximum(power, np.float32(spec.magnitude_eps), out=power)
    return power if spec.power == 2 else np.sqrt(power, out=power)


def _log(mel: np.ndarray, spec: AudioSpec) -> np.ndarray:
    floor = np.float32(spec.log_floor)
    np.maximum(mel, floor, out=mel) if spec.log_floor_mode == "clamp" else np.add(mel, floor, out=mel)
    np.log(mel, out=mel)
    scale = spec.log_gain / (np.log(10) if spec.log_base == "10" else 1.0)
    if scale != 1 or spec.log_offset:
        mel *= np.float32(scale)
        mel += np.float32(spec.log_offset)
    if spec.log_min is not None or spec.log_max is not None:
        np.clip(mel, spec.log_min, spec.log_max, out=mel)
    return mel


@lru_cache(maxsize=64)
def _blocks(spec: AudioSpec) -> tuple[tuple[slice, slice, np.ndarray], ...]:
    """(bins, mels, weights) of each run of filters, cut to the bins it touches."""
    filters, blocks = mel_filters(spec), []
    for first in range(0, spec.n_mels, BLOCK):
        mels = slice(first, min(first + BLOCK, spec.n_mels))
        touched = np.flatnonzero(filters[:, mels].any(axis=1))
        bins = slice(int(touched[0]), int(touched[-1]) + 1)
        blocks.append((bins, mels, np.ascontiguousarray(filters[bins, mels])))
    return tuple(blocks)


def _htk_mel(hz):
    return 2595.0 * np.log10(1.0 + np.asarray(hz) / 700.0)


def _htk_hz(mel):
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


# Slaney's Auditory Toolbox: 15 mels to 1 kHz in equal steps, then 27 to each factor of 6.4.
_STEP = np.log(6.4) / 27.0


def _slaney_mel(hz):
    hz = np.asarray(hz, np.float64)
    return np.where(hz < 1000.0, hz * 3.0 / 200.0, 15.0 + np.log(np.maximum(hz, 1000.0) / 1000.0) / _STEP)


def _slaney_hz(mel):
    return np.where(mel < 15.0, mel * 200.0 / 3.0, 1000.0 * np.exp(_STEP * (np.maximum(mel, 15.0) - 15.0)))


_SCALES = {"slaney": (_slaney_mel, _slaney_hz), "htk": (_htk_mel, _htk_hz)}
