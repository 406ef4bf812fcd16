"""What a block must refuse before its arithmetic does something with it."""

import numpy as np

from blocks.base import BadItem
from blocks.spec import AudioSpec

LOUDEST = 40.0  # nepers: audio in -1..1 stays below 15 with any window and filter, and numbers above 88 overflow


def check_finite(wave: np.ndarray) -> None:
    """Raise BadItem for samples that are no numbers."""
    if bad := int((~np.isfinite(wave)).sum()):
        raise BadItem(f"{bad} of {wave.size} samples are NaN or infinite, want -1..1")


def check_numbers(values: np.ndarray, what: str) -> None:
    """Raise BadItem for values that are no numbers; `what` they are, such as ``the stream tag``."""
    if not np.isfinite(values).all():
        raise BadItem(f"{what} has NaN or infinite values, want numbers")


def check_durations(phones: tuple[str, ...], durations: np.ndarray, frames: int) -> None:
    """Raise BadItem unless there are phones, each of them with a number of frames, and these are `frames` together."""
    if not phones or len(durations) != len(phones):
        raise BadItem(f"{len(durations)} durations for {len(phones)} phones, want one each, and a phone at least")
    if durations.min() < 0 or durations.sum() != frames:
        raise BadItem(f"phones of {durations.sum()} frames beside {frames} frames: want as many, none negative")


def check_mel(log_mel: np.ndarray, spec: AudioSpec) -> None:
    """Raise BadItem for a log-mel (frames, mels) that nothing can be said from."""
    if len(log_mel) == 0:
        raise BadItem("the log-mel has no frames, want at least one")
    if log_mel.shape[1] != spec.n_mels:
        raise BadItem(f"the log-mel has {log_mel.shape[1]} mels, but the audio spec says n_mels {spec.n_mels}")
    if bad := log_mel.size - np.count_nonzero(np.isfinite(log_mel)):
        raise BadItem(f"{bad} of {log_mel.size} mel values are NaN or infinite, want numbers")
    if (top := float(log_mel.max())) > (most := loudest(spec)):
        raise BadItem(f"mel values of up to {top:g} found, want less than {most:g}: no audio is so loud")


def loudest(spec: AudioSpec) -> float:
    """A log-mel value far above all that audio can have, yet no danger to float32."""
    return spec.log_gain * LOUDEST / (np.log(10) if spec.log_base == "10" else 1.0) + spec.log_offset
