"""The vector of a voice from those of its recordings: the direction of their mean (a d-vector's centroid, Wan et al. 2018)."""

import numpy as np

from blocks.base import BadItem, BlockConfig, Reducer
from blocks.reference.schema import Embedded


class Config(BlockConfig):
    pass


class Centroid(Reducer[Config]):
    """Raises BadItem where the vectors cancel each other out."""

    tiny = Config()
    paper = "Wan et al. 2018, Generalized End-to-End Loss for Speaker Verification"

    def reduce(self, items: list[Embedded]) -> Embedded:
        mean = np.mean([item.embedding for item in items], axis=0, dtype=np.float64)
        if (length := np.linalg.norm(mean)) < 1e-6:
            raise BadItem(f"the mean of {len(items)} vectors is none: they point in all directions")
        return Embedded(embedding=(mean / length).astype(np.float32))
