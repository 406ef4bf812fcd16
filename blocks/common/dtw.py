"""Dynamic time warping of two mels (Sakoe and Chiba 1978).

Cosine distance of frames of the log-mel, less each mel's mean over its own speech; steps (1,1), (1,0) and (0,1) of equal weight, from both
starts to both ends. Axes: frames T, U, mels M.
"""

import numpy as np


def along(made: np.ndarray, recorded: np.ndarray) -> tuple[np.ndarray, float]:
    """For each frame of `recorded` (T, M) the frame of `made` (U, M) that goes with it, int64 (T), never falling; the mean distance of the path.

    A frame that meets several gets the one in their middle.
    """
    import librosa

    centred = [mel.astype(np.float64) - mel.mean(axis=0, dtype=np.float64) for mel in (made, recorded)]
    unit = [mel / np.maximum(np.linalg.norm(mel, axis=1, keepdims=True), 1e-9) for mel in centred]
    distances = 1 - unit[0] @ unit[1].T
    _, path = librosa.sequence.dtw(C=distances)
    of_made, of_recorded = path[::-1].T
    frames = np.arange(len(recorded))
    first = np.searchsorted(of_recorded, frames)
    last = np.searchsorted(of_recorded, frames, side="right") - 1
    return of_made[(first + last) // 2].astype(np.int64), float(distances[of_made, of_recorded].mean())
