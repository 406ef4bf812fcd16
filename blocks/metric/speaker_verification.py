"""What a cosine of two voices' embeddings says: how alike recordings of one speaker are, and those of two.

All pairs of rows are compared. Each speaker counts alike among the pairs of one speaker, and each two speakers among those of
two, however many rows they have. At the threshold of the equal-error rate as many pairs of one speaker lie below as pairs of
two lie above. A score of `metric.speaker_similarity` between a system's voice and the speaker's own is to be read on this scale,
by the same encoder: at `same_mean` nobody can tell, at `different_mean` it is anybody. Axes: R rows, E embedding.
"""

from typing import Annotated

import numpy as np

from blocks.arrays import Embedding, Speaker, Value
from blocks.base import BlockConfig, Reducer, Schema


class Voice(Schema):
    embedding: Embedding
    speaker: Speaker


class Scale(Schema):
    speakers: Annotated[int, Value("speakers", "with two rows at least")]
    same_pairs: Annotated[int, Value("same_pairs", "pairs of rows of one speaker")]
    different_pairs: Annotated[int, Value("different_pairs", "pairs of rows of two speakers")]
    same_mean: Annotated[float, Value("same_mean", "mean cosine of one speaker's pairs")]
    same_low: Annotated[float, Value("same_low", "cosine that 5 % of them lie below")]
    same_high: Annotated[float, Value("same_high", "cosine that 5 % of them lie above")]
    different_mean: Annotated[float, Value("different_mean", "mean cosine of two speakers' pairs")]
    different_low: Annotated[float, Value("different_low", "cosine that 5 % of them lie below")]
    different_high: Annotated[float, Value("different_high", "cosine that 5 % of them lie above")]
    equal_error_rate: Annotated[float, Value("equal_error_rate", "wrong decisions of either kind", unit="%")]
    threshold: Annotated[float, Value("threshold", "the cosine at which both kinds are as frequent")]


class Config(BlockConfig):
    pass


class SpeakerVerification(Reducer[Config]):
    """Raises ValueError for fewer than two speakers, or where none has two rows; embeddings must come from one encoder."""

    tiny = Config()

    def reduce(self, items: list[Voice]) -> Scale:
        vectors = np.stack([item.embedding for item in items]).astype(np.float64)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        names, who = np.unique([item.speaker for item in items], return_inverse=True)
        rows = np.bincount(who)
        if len(names) < 2 or rows.max() < 2:
            raise ValueError(
                f"{len(items)} rows of {len(names)} speakers: want two speakers at least, one of them with two rows"
            )
        one, other = np.triu_indices(len(items), 1)
        cosines = np.einsum("pe,pe->p", vectors[one], vectors[other])
        alike = who[one] == who[other]
        # Each speaker, and each two of them, weighs 1.
        pairs = np.where(alike, rows[who[one]] * (rows[who[one]] - 1) / 2, rows[who[one]] * rows[who[other]])
        same, different = (_Pairs(cosines[kind], 1 / pairs[kind]) for kind in (alike, ~alike))
        rate, threshold = equal_error_rate(same, different)
        return Scale(
            speakers=int((rows > 1).sum()),
            same_pairs=len(same.cosines),
            different_pairs=len(different.cosines),
            **{f"same_{name}": value for name, value in same.summary().items()},
            **{f"different_{name}": value for name, value in different.summary().items()},
            equal_error_rate=100 * rate,
            threshold=threshold,
        )


class _Pairs:
    """Cosines in order, with weights that sum to 1."""

    def __init__(self, cosines: np.ndarray, weights: np.ndarray):
        order = np.argsort(cosines, kind="stable")
        self.cosines, self.weights = cosines[order], weights[order] / weights.sum()
        self.below = np.cumsum(self.weights)

    def share_below(self, at: np.ndarray) -> np.ndarray:
        """Of the weight, what lies below each of `at`."""
        return np.concatenate([[0.0], self.below])[np.searchsorted(self.cosines, at, "left")]

    def summary(self) -> dict[str, float]:
        low, high = (self.cosines[min(np.searchsorted(self.below, q), len(self.below) - 1)] for q in (0.05, 0.95))
        return dict(mean=float(self.cosines @ self.weights), low=float(low), high=float(high))


def equal_error_rate(same: _Pairs, different: _Pairs) -> tuple[float, float]:
    """The rate, and the cosine where misses (same below) and false alarms (different at or above) come nearest to each other."""
    at = np.unique(np.concatenate([same.cosines, different.cosines]))
    misses, alarms = same.share_below(at), 1 - different.share_below(at)
    best = int(np.argmin(np.abs(misses - alarms)))
    return float((misses[best] + alarms[best]) / 2), float(at[best])
