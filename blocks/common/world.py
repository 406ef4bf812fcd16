"""WORLD's three streams of a recording, and back: what vocoder.world speaks as they are and effects change between.

Axes: S samples, T analysis frames, F bins.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from blocks.base import BadItem
from blocks.common.checks import check_finite
from blocks.common.pitch import PitchRange
from blocks.common.quiet_imports import import_quietly

LOUDEST = 2.0  # a little overshoot is audio still


@dataclass(frozen=True)
class Voice:
    """float64 pitch (T,) in Hz, 0 where unvoiced, envelope of power and aperiodicity in 0..1, both (T, F)."""

    pitch: np.ndarray
    envelope: np.ndarray
    aperiodicity: np.ndarray
    period_ms: float  # between two frames


def analyse(
    wave: np.ndarray, rate: int, limits: PitchRange, period_ms: float = 5.0, find: Literal["harvest", "dio"] = "harvest"
) -> Voice:
    """The voice in float32 (S,). Raises BadItem for no samples, or some that are not finite or not in -1..1."""
    pyworld = import_quietly("pyworld")
    if not len(wave):
        raise BadItem("the wave has no samples, want at least one")
    check_finite(wave)
    if (peak := float(np.abs(wave).max())) > LOUDEST:
        raise BadItem(f"peak {peak:g} found, want samples in -1..1: the analysis fails far above them")
    signal = wave.astype(np.float64)
    coarse, times = getattr(pyworld, find)(signal, rate, frame_period=period_ms, **limits.limits)
    pitch = pyworld.stonemask(signal, coarse, times, rate)
    # The lowest pitch sets the length of the analysis; both halves must use the same.
    size = pyworld.get_cheaptrick_fft_size(rate, min(limits.f_min, pyworld.default_f0_floor))
    envelope = pyworld.cheaptrick(signal, pitch, times, rate, fft_size=size)
    return Voice(pitch, envelope, pyworld.d4c(signal, pitch, times, rate, fft_size=size), period_ms)


def synthesise(voice: Voice, rate: int, samples: int) -> np.ndarray:
    """float32 (S,) in -1..1, of the length asked for."""
    pyworld = import_quietly("pyworld")
    spoken = pyworld.synthesize(voice.pitch, voice.envelope, voice.aperiodicity, rate, voice.period_ms)[:samples]
    return np.clip(np.pad(spoken, (0, samples - len(spoken))), -1.0, 1.0).astype(np.float32)
