"""Between waves and what the network counts in: classes of the mu-law, and rows of `hop_length` samples.

A row is a frame laid over the samples around its centre; where a wave begins before the first or goes on after the last,
the nearest frame is said again. Axes: S samples, R rows, M mels.
"""

from dataclasses import dataclass

import numpy as np

from blocks.base import BadItem
from blocks.common.checks import check_finite, check_mel
from blocks.spec import AudioSpec


def encode(wave_S: np.ndarray, classes: int) -> np.ndarray:
    """int32 (S,): mu-law classes of a wave in -1..1."""
    top = classes - 1
    bent = np.sign(wave_S) * np.log1p(top * np.minimum(np.abs(wave_S), 1)) / np.log1p(top)
    return np.floor((bent + 1) / 2 * top + 0.5).astype(np.int32)


def decode(codes_S: np.ndarray, classes: int) -> np.ndarray:
    """float32 (S,): the middle of each class."""
    top = classes - 1
    bent = 2 * codes_S.astype(np.float64) / top - 1
    return (np.sign(bent) * np.expm1(np.abs(bent) * np.log1p(top)) / top).astype(np.float32)


def silence(classes: int) -> int:
    """The class fed before the first sample."""
    return classes // 2


@dataclass(frozen=True)
class Rows:
    """How the rows of `frames` frames lie over their wave."""

    frame_R: np.ndarray  # which frame each row says
    skip: int  # samples of the first row before the wave begins
    samples: int  # of the wave

    @classmethod
    def of(cls, spec: AudioSpec, frames: int) -> "Rows":
        hop, samples = spec.hop_length, spec.samples(frames)
        start = round(spec.frame_times(1)[0] * spec.sample_rate) - hop // 2  # of the first frame, in samples
        before = max(0, -(-start // hop))
        skip = before * hop - start
        rows = -(-(samples + skip) // hop)
        return cls(np.clip(np.arange(rows) - before, 0, frames - 1), skip, samples)

    def codes(self, wave_S: np.ndarray, hop: int, classes: int) -> np.ndarray:
        """int32 (R * hop + 1): the wave's classes on the rows, silence around it, and one before all."""
        codes = np.full(len(self.frame_R) * hop + 1, silence(classes), np.int32)
        codes[1 + self.skip :][: self.samples] = encode(wave_S[: self.samples], classes)
        return codes


def check_pair(log_mel: np.ndarray, wave: np.ndarray, spec: AudioSpec) -> None:
    """Raise BadItem where a log-mel and a recording do not belong together."""
    check_mel(log_mel, spec)
    if spec.frames(len(wave)) != len(log_mel):
        raise BadItem(
            f"a recording of {len(wave)} samples has {spec.frames(len(wave))} frames, but its log-mel has "
            f"{len(log_mel)}: want both of one recording"
        )
    check_finite(wave)


# ---- crops to learn from ----


def crop(log_mel: np.ndarray, wave: np.ndarray, spec: AudioSpec, classes: int, size: int, context: int, rng) -> dict:
    """`size` rows at random with `context` more to hear on both sides, and their codes with one before.

    ``weight`` is 1 where a sample is real; ``real`` where there is a row to hear.
    """
    rows, hop = Rows.of(spec, len(log_mel)), spec.hop_length
    count, codes = len(rows.frame_R), rows.codes(wave, hop, classes)
    first = int(rng.integers(0, max(0, count - size) + 1))
    last = min(first + size, count)
    window = np.arange(first - context, first + size + context)
    real = (window >= 0) & (window < count)
    made = np.full(size * hop + 1, silence(classes), np.int32)
    some = codes[first * hop : last * hop + 1]
    made[: len(some)] = some
    at = first * hop + np.arange(size * hop)  # on the rows' grid
    return {
        "mel": np.where(real[:, None], log_mel[rows.frame_R[np.clip(window, 0, count - 1)]], 0).astype(np.float32),
        "real": real,
        "codes": made,
        "weight": ((at >= rows.skip) & (at < rows.skip + rows.samples)).astype(np.float32),
    }
