"""Embeddings of voices, as metrics compare them."""

import numpy as np

from blocks.base import BadItem


def direction(embedding: np.ndarray, name: str) -> np.ndarray:
    """Of unit length. Raises BadItem where it has none; `name` says which embedding it is."""
    length = np.linalg.norm(embedding.astype(np.float64))
    if not length:
        raise BadItem(f"{name}: an embedding of {len(embedding)} zeros has no direction; wants one of unit length")
    return embedding / length
