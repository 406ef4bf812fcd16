"""How much styles differ beside what differs within each: of sentences that are said in every style, by six statistics of each utterance.

Of each statistic (`features.prosody_statistics`) the variance of the styles' means, divided by the mean of the variances within styles; and
the mean of these ratios. 0 is styles that are all alike; what is said alone makes a ratio of one over the number of sentences.
"""

import numpy as np

from blocks.arrays import ProsodyStatistics, Speaker
from blocks.base import BlockConfig, Reducer, Schema
from blocks.metric.prosody_distance import NAMES

_LEAST = 1e-12  # variance that is divided by


class Utterance(Schema):
    prosody: ProsodyStatistics
    style: Speaker  # by the name of the speaker it was recorded from


class Variances(Schema):
    styles: int
    utterances: int
    ratio: float
    statistics: dict[str, float]


class Config(BlockConfig):
    pass


class StyleVariance(Reducer[Config]):
    """Raises ValueError for fewer than two styles, or a style with fewer than two utterances."""

    tiny = Config()
    paper = "Ribeiro et al. 2022 (styles by other centroids, the same text); the ratio is ours"

    def reduce(self, items: list[Utterance]) -> Variances:
        of: dict[str, list[np.ndarray]] = {}
        for item in items:
            of.setdefault(item.style, []).append(item.prosody.astype(np.float64))
        if len(of) < 2 or min(map(len, of.values())) < 2:
            counts = ", ".join(f"{len(rows)} of {name}" for name, rows in of.items())
            raise ValueError(f"utterances: {counts or 'none'}; want two styles, each with two")
        between = np.var([np.mean(rows, axis=0) for rows in of.values()], axis=0, ddof=1)
        within = np.mean([np.var(rows, axis=0, ddof=1) for rows in of.values()], axis=0)
        ratios = between / np.maximum(within, _LEAST)
        return Variances(
            styles=len(of),
            utterances=len(items),
            ratio=float(ratios.mean()),
            statistics=dict(zip(NAMES, map(float, ratios), strict=True)),
        )
