"""One style from several recordings: the mean of their latents, of whatever length it is (Ribeiro et al. 2022).

Latents are of one reference encoder (`encode` of `acoustic.parallel` and `acoustic.attention`). Axes: latent.
"""

import numpy as np

from blocks.arrays import StyleVector
from blocks.base import BadItem, BlockConfig, Reducer, Schema


class Styled(Schema):
    style_vector: StyleVector


class Config(BlockConfig):
    pass


class StyleCentroid(Reducer[Config]):
    """Raises BadItem for latents of several lengths."""

    tiny = Config()
    paper = "Ribeiro et al. 2022, Cross-speaker style transfer for text-to-speech using data augmentation"

    def reduce(self, items: list[Styled]) -> Styled:
        return Styled(style_vector=mean([item.style_vector for item in items]))


def mean(latents: list[np.ndarray]) -> np.ndarray:
    """float32. Raises BadItem for latents of several lengths."""
    if len(sizes := sorted({len(latent) for latent in latents})) > 1:
        raise BadItem(f"latents of {' and '.join(map(str, sizes))} numbers: want all of one encoder")
    return np.mean(latents, axis=0, dtype=np.float64).astype(np.float32)
