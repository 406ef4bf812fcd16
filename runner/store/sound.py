"""Audio as FLAC inside a table: 16 bits a sample where these say it exactly, as of most recordings at their own rate, else 24."""

import io
from typing import Literal

import numpy as np

Coding = Literal["", "flac"]
_RATE = 16000  # FLAC wants to be told one; nobody asks
_INT16, _INT24 = 2.0**15, 2.0**23


def as_flac(wave: np.ndarray) -> bytes:
    """float32 (S,) in -1..1, kept to 24 bits: what is finer is rounded, by 6e-8 at most, and 1 itself to 1 - 1.2e-7."""
    import soundfile

    if not wave.size:
        return b""
    samples, coding, exact = np.rint(wave * _INT16), "PCM_16", np.int16
    if np.any(samples != wave * _INT16) or samples.max() >= _INT16:
        samples, coding, exact = (
            np.clip(np.rint(wave.astype(np.float64) * _INT24), -_INT24, _INT24 - 1) * 256,
            "PCM_24",
            np.int32,
        )
    file = io.BytesIO()
    soundfile.write(file, samples.astype(exact), _RATE, coding, format="FLAC")
    return file.getvalue()


def from_flac(data: bytes | memoryview) -> np.ndarray:
    """float32 (S,), read-only as all that tables give."""
    import soundfile

    if not len(data):
        return np.zeros(0, np.float32)
    samples, _ = soundfile.read(io.BytesIO(data), dtype="int32")
    wave = (samples / _INT24 / 256).astype(np.float32)
    wave.flags.writeable = False
    return wave
