"""Any audio file -> one mono float32 wave at the graph's rate. What cannot be used is refused by name.

Axes: S samples, C channels.
"""

from pathlib import Path
from typing import Literal

import numpy as np

from blocks.base import BadItem
from blocks.common import headers
from blocks.common.checks import check_finite

# libsndfile reads the first group; PyAV (its own FFmpeg) the second.
_SOUNDFILE = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64", ".gsm")
_PYAV = (".g722", ".m4a", ".mp4", ".aac", ".webm", ".wma", ".amr")
SUFFIXES = frozenset(_SOUNDFILE + _PYAV)

_ENDLESS = 1 << 40  # samples that no recording has
_SLACK_S = 0.1  # by so much may FFmpeg find less than a header says: codecs add silence before and behind
_OVERSHOOT = 2.0  # lossy decoders pass full scale by a little; above this the scale is wrong, not the coding


def decode(path: Path) -> tuple[np.ndarray, int]:
    """float32 (S, C) in -1..1 and the sample rate as recorded, in Hz. Raises BadItem if it cannot be decoded."""
    path = Path(path)
    if not path.is_file():
        raise BadItem(f"no such file: {path}")
    if not path.stat().st_size:
        raise BadItem(f"{path.name}: the file is empty (0 bytes), want audio")
    if missing := headers.cut_off(path):
        raise BadItem(f"{path.name} is cut off: {missing}")
    return _with_pyav(path) if path.suffix.lower() in _PYAV else _with_soundfile(path)


def to_wave(
    wave_SC: np.ndarray, sample_rate: int, rate: int, channel: int | Literal["mix"] | None, upsample: bool
) -> np.ndarray:
    """float32 (S,) in -1..1 at `rate` Hz from what was decoded.

    Raises BadItem for no samples, NaN, a wrong scale, channels nobody chose among, or a rate below `rate`.
    """
    if not wave_SC.size:
        raise BadItem("0 samples found, want at least one")
    check_finite(wave_SC)
    if (peak := float(np.abs(wave_SC).max())) > _OVERSHOOT:
        raise BadItem(f"peak {peak:g} found, want samples in -1..1: divide by the full scale of the recording")
    if sample_rate < rate and not upsample:
        raise BadItem(
            f"recorded at {sample_rate} Hz, but the audio spec says sample_rate {rate}: "
            "choose a spec of that rate or lower, or set upsample: true"
        )
    wave = _one_channel(wave_SC, channel)
    if sample_rate != rate:
        import soxr

        wave = soxr.resample(wave, sample_rate, rate)
        if not len(wave):
            raise BadItem(f"{len(wave_SC)} samples at {sample_rate} Hz are less than one at {rate} Hz")
    return np.clip(wave, -1, 1).astype(np.float32, copy=False)


def _one_channel(wave_SC: np.ndarray, channel: int | Literal["mix"] | None) -> np.ndarray:
    channels = wave_SC.shape[1]
    if channel == "mix":
        return wave_SC.mean(axis=1)
    if channel is None and channels > 1:
        raise BadItem(f"{channels} channels found, want 1: set channel to mix, or to one of 0..{channels - 1}")
    if (channel or 0) >= channels:
        raise BadItem(f"{channels} channels found, but channel {channel} was asked for: want 0..{channels - 1}")
    return np.ascontiguousarray(wave_SC[:, channel or 0])


def _with_soundfile(path: Path) -> tuple[np.ndarray, int]:
    import soundfile

    raw = dict(format="RAW", subtype="GSM610", samplerate=8000, channels=1) if path.suffix.lower() == ".gsm" else {}
    try:
        endless = not raw and soundfile.info(path).frames > _ENDLESS  # a stream's header does not say how many
        if not endless:
            return soundfile.read(headers.with_size(path), dtype="float32", always_2d=True, **raw)
    except (soundfile.LibsndfileError, ValueError, MemoryError) as error:  # a broken header may claim any length
        reason = getattr(error, "error_string", str(error)).strip().rstrip(".")
        raise BadItem(f"{path.name} cannot be decoded: {reason}; want one of {', '.join(_SOUNDFILE)}") from error
    return _with_pyav(path)


def _with_pyav(path: Path) -> tuple[np.ndarray, int]:
    try:
        import av
    except ImportError as error:
        raise BadItem(
            f"{path.name}: {path.suffix} needs PyAV; install the extra 'audio', or convert to flac"
        ) from error
    # G.722 has no header to be recognised by; it is always 16 kHz mono.
    kind = "g722" if path.suffix.lower() == ".g722" else None
    try:
        with av.open(str(path), format=kind) as container:
            if not container.streams.audio:
                raise BadItem(f"{path.name} holds no audio stream")
            to_float = av.AudioResampler(format="fltp")
            parts = [part for frame in container.decode(audio=0) for part in to_float.resample(frame)]
            parts = [part for part in parts + to_float.resample(None) if part.samples] if parts else []
            rate, declared = container.streams.audio[0].rate, _header_seconds(container)
    except av.error.FFmpegError as error:
        raise BadItem(f"{path.name} cannot be decoded: {error.strerror or error}") from error
    if not parts:
        return np.zeros((0, 1), np.float32), rate
    wave_SC = np.concatenate([part.to_ndarray() for part in parts], axis=1).T
    if len(wave_SC) / rate < declared - _SLACK_S:
        raise BadItem(f"{path.name} is cut off: {len(wave_SC) / rate:.2f} s found, its header says {declared:.2f} s")
    return wave_SC, rate


def _header_seconds(container) -> float:
    """The length in the header of a container that has one, of its audio; else 0. FFmpeg guesses those of others."""
    (stream, *_), name = container.streams.audio, container.format.name
    if not name.startswith(("matroska", "mov", "asf")):
        return 0.0
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / 1e6 if len(container.streams) == 1 else 0.0
