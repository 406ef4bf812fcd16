"""One vector from those of several recordings: means that `centroid` and `style_centroid` make of rows, galleries of a training's."""

import numpy as np

from blocks.base import BadItem


def direction(vectors: list[np.ndarray]) -> np.ndarray:
    """float32 of unit length. Raises BadItem where the vectors cancel each other out."""
    mean = np.mean(vectors, axis=0, dtype=np.float64)
    if (length := np.linalg.norm(mean)) < 1e-6:
        raise BadItem(f"the mean of {len(vectors)} vectors is none: they point in all directions")
    return (mean / length).astype(np.float32)


def mean(latents: list[np.ndarray]) -> np.ndarray:
    """float32. Raises BadItem for latents of several lengths."""
    if len(sizes := sorted({len(latent) for latent in latents})) > 1:
        raise BadItem(f"latents of {' and '.join(map(str, sizes))} numbers: want all of one encoder")
    return np.mean(latents, axis=0, dtype=np.float64).astype(np.float32)
