"""What the two boundary metrics say of the distances they measured."""

from typing import Annotated

import numpy as np

from blocks.arrays import Value
from blocks.base import Schema


class BoundaryErrors(Schema):
    median_ms: Annotated[float, Value("boundary_error", "median distance of a boundary from its reference", unit="ms")]
    mean_ms: Annotated[float, Value("mean_boundary_error", "mean distance of a boundary from its reference", unit="ms")]
    within_20_ms: Annotated[float, Value("boundaries_within_20_ms", "boundaries at most 20 ms off", unit="%")]
    within_50_ms: Annotated[float, Value("boundaries_within_50_ms", "boundaries at most 50 ms off", unit="%")]


def summary(off_ms: np.ndarray) -> dict[str, float]:
    """The fields of `BoundaryErrors` from distances in ms, of which there is at least one."""
    return dict(
        median_ms=float(np.median(off_ms)),
        mean_ms=float(off_ms.mean()),
        within_20_ms=float(100 * np.mean(off_ms <= 20)),
        within_50_ms=float(100 * np.mean(off_ms <= 50)),
    )
