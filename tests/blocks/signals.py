"""Deterministic signals for the tests of blocks."""

import numpy as np

from blocks.spec import AudioSpec


def speechlike(spec: AudioSpec, seconds: float = 0.4, seed: int = 0) -> np.ndarray:
    """float32: a chirp over the whole band in a swelling noise; about as dynamic as speech."""
    t = np.arange(int(seconds * spec.sample_rate)) / spec.sample_rate
    chirp = np.sin(2 * np.pi * (60 * t + (spec.sample_rate / 2 - 100) * t**2 / (2 * seconds)))
    noise = np.random.default_rng(seed).standard_normal(len(t)) * 0.02 * (1.05 + np.sin(2 * np.pi * 5 * t))
    return (0.4 * chirp * np.exp(-2 * t) + noise).astype(np.float32)


def tone(hz, seconds, spec, amplitude=0.5):
    """Harmonic tone; `hz` may be a function of the time in seconds."""
    t = np.arange(int(seconds * spec.sample_rate)) / spec.sample_rate
    f0 = hz(t) if callable(hz) else np.full_like(t, hz)
    phase = 2 * np.pi * np.cumsum(f0) / spec.sample_rate
    return (amplitude * sum(np.sin(k * phase) / k for k in range(1, 9)) / 2).astype(np.float32)


def cents(pitch, hz):
    return 1200 * np.log2(pitch / hz)
