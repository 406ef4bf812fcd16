"""Mean and standard deviation of more rows than fit into memory."""

import numpy as np


class Moments:
    """Sums over rows (n, D), in float64."""

    def __init__(self):
        self.count, self.sums, self.squares = 0, 0.0, 0.0

    def add(self, rows: np.ndarray) -> None:
        rows = rows.astype(np.float64)
        self.count, self.sums, self.squares = (
            self.count + len(rows),
            self.sums + rows.sum(axis=0),
            self.squares + np.square(rows).sum(axis=0),
        )

    @property
    def mean(self) -> np.ndarray:
        return self.sums / self.count

    @property
    def std(self) -> np.ndarray:
        """Never below 1e-3, so that what never changes may be divided by it."""
        return np.sqrt(np.maximum(self.squares / self.count - self.mean**2, 1e-6))
