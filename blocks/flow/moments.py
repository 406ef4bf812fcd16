"""Where a voice lies in a flow's latents: mean and deviation of each channel over all frames of its recordings.

A flow takes `squeeze` frames at a time, and its latents of the first and of the second differ: they count as channels of their
own. Rows that bring a mean and a spread in the place of a latent are recordings that others have summed up; each counts alike.
Axes: T frames, G whole groups of frames, C = squeeze * mels channels.
"""

import numpy as np
from pydantic import PositiveInt

from blocks.arrays import Latent, LatentMean, LatentSpread
from blocks.base import BadItem, BlockConfig, Reducer, Schema

FEWEST = 20  # groups, half a second at a hop of 12.5 ms: the moments of fewer are noise


class Heard(Schema):
    latent: Latent | None = None
    latent_mean: LatentMean | None = None
    latent_spread: LatentSpread | None = None


class Moments(Schema):
    latent_mean: LatentMean
    latent_spread: LatentSpread


class Config(BlockConfig):
    squeeze: PositiveInt = 2  # that of the flow


class LatentMoments(Reducer[Config]):
    """Raises BadItem for latents of fewer than `FEWEST` groups of frames together."""

    tiny = Config()
    paper = "Chou et al. 2019 (a voice as mean and deviation of channels, adaptive instance normalisation)"

    def reduce(self, items: list[Heard]) -> Moments:
        known = [(item.latent_mean, item.latent_spread) for item in items if item.latent is None]
        groups = [grouped(item.latent, self.config.squeeze) for item in items if item.latent is not None]
        if groups:
            all_GC = np.concatenate(groups).astype(np.float64)
            if len(all_GC) < FEWEST:
                raise BadItem(f"{len(all_GC)} groups of frames in {len(groups)} recordings, want {FEWEST} at least")
            known.append((all_GC.mean(0), all_GC.std(0)))
        mean_C, spread_C = (np.mean(each, axis=0, dtype=np.float64).astype(np.float32) for each in zip(*known))
        return Moments(latent_mean=mean_C, latent_spread=spread_C)


def grouped(latent_TM: np.ndarray, squeeze: int) -> np.ndarray:
    """(G, C): whole groups of frames alone."""
    whole = len(latent_TM) // squeeze * squeeze
    return latent_TM[:whole].reshape(-1, squeeze * latent_TM.shape[1])
