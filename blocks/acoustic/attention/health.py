"""Measures of an attention's alignment: no torch, so that anyone can judge one.

Axes: S decoder steps, N phones.
"""

import numpy as np

CLEAR = 0.3  # a step with no larger weight listens to nothing in particular, a phone with none was not listened to


def path(weights: np.ndarray) -> np.ndarray:
    """int (S,): the phone each step listens to most, from weights (S, N)."""
    return weights.argmax(axis=1)


def health(weights: np.ndarray, step_s: float, where: np.ndarray | None = None) -> dict[str, float]:
    """Numbers of one utterance, from weights (S, N), the seconds of a step, and the phone of each (S,) if it was decided otherwise.

    focus: mean of a step's largest weight. blurred: share of steps where it is below 0.3. coverage: share of the phones
    that some step gives 0.3. skips: phones not covered before the last that is. repeats: how often the path goes back.
    early_stop: phones after the last that is covered. late_stop: seconds from the first step on the last phone to the end.
    Where phones were decided, those that had a step are covered.
    """
    steps, phones = weights.shape
    top = weights.max(axis=1)
    covered = weights.max(axis=0) >= CLEAR if where is None else np.isin(np.arange(phones), where)
    where = path(weights) if where is None else where
    last = int(np.flatnonzero(covered)[-1]) if covered.any() else -1
    at_end = np.flatnonzero(where == phones - 1)
    return {
        "focus": float(top.mean()),
        "blurred": float((top < CLEAR).mean()),
        "coverage": float(covered.mean()),
        "skips": float((~covered[: last + 1]).sum()),
        "repeats": float((np.diff(where) < 0).sum()),
        "early_stop": float(phones - 1 - last),
        "late_stop": float(step_s * (steps - at_end[0])) if len(at_end) else 0.0,
    }


def summary(numbers: dict[str, float]) -> str:
    """One line for a record."""
    return ", ".join(f"{name} {value:.3g}" for name, value in numbers.items())
