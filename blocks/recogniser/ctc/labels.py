"""From classes of steps to phones with their times (NumPy). Axes: S steps, T frames, N phones, C classes."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Labels:
    classes: list[int]  # of the labels alone
    with_pauses: list[int]  # 0 is a pause
    spans: np.ndarray  # int32 (N, 2)
    durations: np.ndarray  # int32 (N)
    posteriorgram: np.ndarray  # float32 (T, C)
    phone_posteriors: np.ndarray  # float32 (N, C)


def labels(odds_SC: np.ndarray, stride: int, frames: int, pause: float, edge: float) -> Labels:
    """Runs of one likeliest class, other than 0, are labels; what lies between two for more than `pause` frames is a pause.

    A pause leaves `edge` frames to the phones beside it. Other borders are half-way between labels.
    """
    best_S = odds_SC.argmax(axis=1)
    starts = np.flatnonzero(np.diff(best_S, prepend=-1))
    ends = np.append(starts[1:], len(best_S))
    runs = [
        (int(best_S[start]), int(start) * stride, min(int(end) * stride, frames))
        for start, end in zip(starts, ends, strict=True)
        if best_S[start]
    ]
    posteriorgram = np.repeat(odds_SC, stride, axis=0)[:frames]
    rows, borders, last = [], [0], 0  # (class, first frame, end of its label), and where each row ends
    for one, start, end in runs:
        if start - last > pause:
            first, until = _inner(last, start, edge, rows, closing=False)
            if rows:
                borders.append(first)
            rows.append((0, first, until))
            borders.append(until)
        elif rows:
            borders.append((last + start) // 2)
        rows.append((one, start, end))
        last = end
    if not rows:
        rows.append((0, 0, frames))
    elif frames - last > pause:
        first, _ = _inner(last, frames, edge, rows, closing=True)
        borders.append(first)
        rows.append((0, first, frames))
    borders.append(frames)
    spans = np.array([row[1:] for row in rows], np.int32)
    under = np.stack([posteriorgram[start:end].mean(axis=0) for start, end in spans])
    return Labels(
        classes=[one for one, _, _ in runs],
        with_pauses=[row[0] for row in rows],
        spans=spans,
        durations=np.diff(borders).astype(np.int32),
        posteriorgram=posteriorgram,
        phone_posteriors=under,
    )


def _inner(last: int, start: int, edge: float, rows: list, closing: bool) -> tuple[int, int]:
    """First frame and end of a pause between two labels, or between one and an end of the recording."""
    margin = int(min(edge, (start - last) / 4))
    return last + (margin if rows else 0), start - (0 if closing else margin)
