"""How well an encoder discriminates voices, and what its cosines mean: those of one voice's recordings beside those of two.

Every pair of rows is a trial. Pairs of one voice and pairs of two are weighted so that each voice, and each pair of voices,
counts alike: corpora are of very different sizes. At the threshold of the equal-error rate as many pairs of one voice lie below
as pairs of two at or above. A score of `metric.speaker_similarity` is to be read on this scale, by the same encoder: at `same` a
system's voice is as much like the speaker's as two recordings of a speaker are, at `different` it is anybody's.
Axes: U utterances.
"""

from typing import Annotated

import numpy as np

from blocks.arrays import Embedding, Speaker, Value
from blocks.base import BlockConfig, Reducer, Schema


class Trial(Schema):
    embedding: Embedding
    speaker: Speaker


class EqualError(Schema):
    equal_error_rate: Annotated[float, Value("equal_error_rate", "of both kinds, where they are equal", unit="%")]
    threshold: Annotated[float, Value("threshold", "cosine at which they are")]
    voices: int
    same: Annotated[float, Value("similarity", "mean cosine of two recordings of one voice")]
    same_low: Annotated[float, Value("similarity", "which 5 % of these lie below")]
    same_high: Annotated[float, Value("similarity", "which 5 % of these lie above")]
    different: Annotated[float, Value("similarity", "mean cosine of two recordings of two voices")]
    different_low: Annotated[float, Value("similarity", "which 5 % of these lie below")]
    different_high: Annotated[float, Value("similarity", "which 5 % of these lie above")]


class Config(BlockConfig):
    pass


class EqualErrorRate(Reducer[Config]):
    """Raises ValueError for fewer than two voices, or where no voice has two recordings."""

    tiny = Config()

    def reduce(self, items: list[Trial]) -> EqualError:
        names, voices_U = np.unique([item.speaker for item in items], return_inverse=True)
        vectors = np.stack([item.embedding for item in items]).astype(np.float64)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        first, second = np.triu_indices(len(items), 1)
        scores = (
            np.sum(vectors[first] * vectors[second], axis=1)
            if len(items) < 200
            else (vectors @ vectors.T)[first, second]
        )
        a, b = np.sort([voices_U[first], voices_U[second]], axis=0)
        same = a == b
        if len(names) < 2 or not same.any():
            raise ValueError(f"{len(items)} recordings of {len(names)} voices, want two voices, one of them with two")
        pair = a * len(names) + b
        weight = 1 / np.bincount(pair)[pair]
        missed, taken, at = _curves(scores, same, weight)
        best = int(np.argmin(np.abs(missed - taken)))
        return EqualError(
            equal_error_rate=float(50 * (missed[best] + taken[best])),
            threshold=float(at[best]),
            voices=len(names),
            **_spread("same", scores[same], weight[same]),
            **_spread("different", scores[~same], weight[~same]),
        )


def _spread(name: str, scores: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """The weighted mean, and between which scores 90 % of the weight lie."""
    order = np.argsort(scores, kind="stable")
    below = np.cumsum(weight[order]) / weight.sum()
    low, high = (float(scores[order][min(np.searchsorted(below, q), len(below) - 1)]) for q in (0.05, 0.95))
    return {name: float(np.average(scores, weights=weight)), f"{name}_low": low, f"{name}_high": high}


def _curves(scores: np.ndarray, same: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares of pairs of one voice below each threshold, and of pairs of two at or above it."""
    order = np.argsort(scores, kind="stable")
    scores, same, weight = scores[order], same[order], weight[order]
    ones, twos = np.where(same, weight, 0), np.where(same, 0, weight)
    missed = (np.cumsum(ones) - ones) / ones.sum()
    taken = 1 - (np.cumsum(twos) - twos) / twos.sum()
    first = np.concatenate([[True], np.diff(scores) > 0])
    return missed[first], taken[first], scores[first]
