"""The best monotonic path through a table of scores, exactly, by dynamic programming in NumPy.

Axes: T frames, N phones, S states of a phone.
"""

import numpy as np


def best_path(scores_TNS: np.ndarray, skip: float = 0.0) -> tuple[np.ndarray, float]:
    """(int32 (N,), score): frames of each phone on the path of the highest score; at least one each, T in all.

    A path begins in the first state of the first phone. At every frame it stays, goes on to the next state, or to the
    first state of the next phone, which costs `skip` for every state left out. Where two are equally good, it stays.
    Viterbi's algorithm; Kim et al. 2020 call it monotonic alignment search.

    Raises ValueError where there are fewer frames than phones, or none.
    """
    frames, phones, states = scores_TNS.shape
    if not 1 <= phones <= frames:
        raise ValueError(f"{frames} frames for {phones} phones: want at least one phone, and a frame for each")
    leave = -skip * np.arange(states - 1, -1, -1.0)  # what it costs to go on to the next phone from each state
    best = np.full((phones, states), -np.inf)
    best[0, 0] = scores_TNS[0, 0, 0]
    came_from = np.zeros((frames, phones, states), np.int8)  # 0: it stayed; 1 + s: it came from state s
    for t in range(1, frames):
        came = np.full_like(best, -np.inf)
        came[:, 1:] = best[:, :-1]
        left = best[:-1] + leave
        exits = left.argmax(axis=1)
        came[1:, 0] = left[np.arange(phones - 1), exits]
        moved = came > best
        came_from[t] = moved * np.arange(states)
        came_from[t, 1:, 0] = moved[1:, 0] * (1 + exits)
        best = np.where(moved, came, best) + scores_TNS[t]
    ends = best[-1] + leave
    return _traced(came_from, int(ends.argmax())), float(ends.max())


def _traced(came_from: np.ndarray, state: int) -> np.ndarray:
    """Frames of each phone, walking back from the last phone's `state` at the last frame."""
    frames, phones, _ = came_from.shape
    durations, phone = np.zeros(phones, np.int32), phones - 1
    for t in range(frames - 1, -1, -1):
        durations[phone] += 1
        if source := came_from[t, phone, state]:
            phone, state = (phone, state - 1) if state else (phone - 1, source - 1)
    return durations
