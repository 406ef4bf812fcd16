"""How much of a voice is left in a latent: how often a linear classifier names the speaker from its average over time.

Ridge regression on one-hot voices, voices weighted alike, cross-validated over utterances; standardised by the training
folds. A latent that holds nothing of the voice is named at the rate of chance.
After the probe of Mosinski et al. 2023 (AE-Flow), who use a perceptron of two layers; here the classifier is linear, and
each latent is described by its mean and deviation over time.
Axes: U utterances, V voices, D numbers of an utterance.
"""

from typing import Annotated

import numpy as np
from pydantic import Field, PositiveFloat

from blocks.arrays import FrameVectors, Latent, Speaker, Value
from blocks.base import BlockConfig, Reducer, Schema


class Coded(Schema):
    latent: Latent | FrameVectors
    speaker: Speaker


class Named(Schema):
    speaker_accuracy: Annotated[
        float, Value("speaker_accuracy", "mean over voices of how often the speaker is named rightly", unit="%")
    ]
    chance: Annotated[float, Value("chance", "what guessing among the voices would give", unit="%")]
    voices: int
    utterances: int


class Config(BlockConfig):
    folds: int = Field(5, ge=2)
    ridge: PositiveFloat = 10.0  # penalty, in units of an utterance's weight


class SpeakerProbe(Reducer[Config]):
    """Raises ValueError for fewer than two voices, or a voice with fewer than two utterances."""

    tiny = Config(folds=2)

    def reduce(self, items: list[Coded]) -> Named:
        names, voices_U = np.unique([item.speaker for item in items], return_inverse=True)
        sizes = np.bincount(voices_U)
        if len(names) < 2 or sizes.min() < 2:
            few = f": {names[sizes.argmin()]} has {sizes.min()}" if len(names) > 1 else ""
            raise ValueError(f"{len(items)} utterances of {len(names)} voices{few}; want two voices, each with two")
        latents = [item.latent.astype(np.float64) for item in items]
        features_UD = np.stack([np.concatenate([latent.mean(0), latent.std(0)]) for latent in latents])
        folds_U = _folds(voices_U, self.config.folds)
        right_U = np.zeros(len(items), bool)
        for fold in range(self.config.folds):
            out = folds_U == fold
            if out.any():
                right_U[out] = (
                    self._guess(features_UD[~out], voices_U[~out], features_UD[out], len(names)) == voices_U[out]
                )
        hits = np.bincount(voices_U, right_U) / sizes
        return Named(
            speaker_accuracy=float(100 * hits.mean()),
            chance=100 / len(names),
            voices=len(names),
            utterances=len(items),
        )

    def _guess(self, known_UD, voices_U, asked_UD, voices: int) -> np.ndarray:
        mean, deviation = known_UD.mean(0), known_UD.std(0) + 1e-8
        known_UD, asked_UD = (known_UD - mean) / deviation, (asked_UD - mean) / deviation
        sizes = np.bincount(voices_U, minlength=voices)
        weight_U1 = (len(voices_U) / voices / sizes[voices_U])[:, None]
        known_UD, asked_UD = (np.pad(a, ((0, 0), (0, 1)), constant_values=1.0) for a in (known_UD, asked_UD))
        penalty = self.config.ridge * np.eye(known_UD.shape[1])
        penalty[-1, -1] = 1e-8  # the constant is free
        wanted_UV = np.eye(voices)[voices_U]
        fit = np.linalg.solve(known_UD.T @ (weight_U1 * known_UD) + penalty, known_UD.T @ (weight_U1 * wanted_UV))
        return (asked_UD @ fit).argmax(1)


def _folds(voices_U: np.ndarray, folds: int) -> np.ndarray:
    """Utterances of each voice dealt out in turn."""
    made = np.zeros(len(voices_U), int)
    for voice in range(voices_U.max() + 1):
        of = np.flatnonzero(voices_U == voice)
        made[of] = np.arange(len(of)) % folds
    return made
