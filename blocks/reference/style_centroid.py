"""One style from several recordings: the mean of their latents, of whatever length it is (Ribeiro et al. 2022).

Latents are of one reference encoder (`encode` of `acoustic.parallel` and `acoustic.attention`). Axes: latent.
"""

from blocks.arrays import StyleVector
from blocks.base import BlockConfig, Reducer, Schema
from blocks.reference._means import mean


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
