"""Items one by one, where what cannot be made of one costs no other, and side by side, as a network takes them."""

from collections.abc import Callable

import numpy as np

from blocks.base import BadItem, Failure, Schema


def each(make: Callable[[Schema], Schema], items: list) -> list:
    """`make` of every item, alone; a `Failure` with the reason in the place of one that raises BadItem."""
    return [_or_failure(make, item) for item in items]


def _or_failure(make: Callable[[Schema], Schema], item: Schema) -> Schema | Failure:
    try:
        return make(item)
    except BadItem as reason:
        return Failure(str(reason))


def padded(rows: list[np.ndarray], length: int) -> np.ndarray:
    """Rows of one dtype side by side, zeros behind their ends."""
    made = np.zeros((len(rows), length, *rows[0].shape[1:]), rows[0].dtype)
    for row, values in zip(made, rows, strict=True):
        row[: len(values)] = values
    return made
