"""Where a stretch of words lies in an utterance, and what becomes of its arrays when another stands there (NumPy).

Axes: N phones, T frames.
"""

import numpy as np


def extent(word_of_phone_N: np.ndarray, durations_N: np.ndarray, first: int, last: int) -> tuple[slice, slice]:
    """The phones and the frames of words `first` up to `last` (exclusive), silences at their edges left out."""
    inside = np.flatnonzero((word_of_phone_N >= first) & (word_of_phone_N < last))
    start, stop = int(inside[0]), int(inside[-1]) + 1
    ends = np.concatenate([[0], np.cumsum(durations_N)])
    return slice(start, stop), slice(int(ends[start]), int(ends[stop]))


def joined(stays: np.ndarray, comes: np.ndarray, out: slice, into: slice) -> np.ndarray:
    """`stays` with what is `out` of it replaced by what is `into` of `comes`: phone by phone, or frame by frame."""
    return np.concatenate([stays[: out.start], comes[into], stays[out.stop :]])


def boundary_tag(phones: int, start: int, stop: int) -> np.ndarray:
    """float32 (N,): 1 on the first phone after each join of a part that takes phones `start` up to `stop`.

    What begins an utterance is no join.
    """
    tag = np.zeros(phones, np.float32)
    tag[[at for at in (start, stop) if 0 < at < phones]] = 1
    return tag
