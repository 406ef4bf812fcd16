"""Where a voice lies in a flow's latents: mean and deviation of each channel over what is said in its recordings.

Frames more than 30 dB below the loud ones are pauses and do not count: how much of them a recording has says nothing of a voice.
A flow takes `squeeze` frames at a time, and its latents of the first and of the second differ: they count as channels of their
own. Rows that bring a mean and a spread in the place of a latent are recordings that others have summed up; each counts alike.
Axes: T frames, G whole groups of frames, C = squeeze * mels channels.
"""

import numpy as np
from pydantic import PositiveInt

from blocks.arrays import Latent, LatentMean, LatentSpread, LogMel
from blocks.base import BadItem, BlockConfig, Reducer, Schema
from blocks.common.mel import mel_power
from blocks.spec import AudioSpec

FEWEST = 20  # groups, half a second at a hop of 12.5 ms: the moments of fewer are noise
_LOUD, _RANGE_DB = 0.95, 30.0  # quantile of the frames' powers, and how far below it speech reaches


class Recording(Schema):
    latent: Latent | None = None
    log_mel: LogMel | None = None  # that it is of
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

    def reduce(self, items: list[Recording]) -> Moments:
        known = [(item.latent_mean, item.latent_spread) for item in items if item.latent is None]
        groups = [self._speech_groups(item) for item in items if item.latent is not None]
        if groups:
            all_GC = np.concatenate(groups).astype(np.float64)
            if len(all_GC) < FEWEST:
                raise BadItem(
                    f"{len(all_GC)} groups of frames with speech in {len(groups)} recordings, want {FEWEST} at least"
                )
            known.append((all_GC.mean(0), all_GC.std(0)))
        mean_C, spread_C = (np.mean(each, axis=0, dtype=np.float64).astype(np.float32) for each in zip(*known))
        return Moments(latent_mean=mean_C, latent_spread=spread_C)

    def _speech_groups(self, item: Recording) -> np.ndarray:
        if item.log_mel is None:
            raise BadItem("a latent without the log_mel that it is of: want both")
        return speech_groups(item.latent, item.log_mel, self.spec, self.config.squeeze)


def speech_groups(latent_TM: np.ndarray, log_mel_TM: np.ndarray, spec: AudioSpec, squeeze: int) -> np.ndarray:
    """(G, C): the groups of frames in which something is said. Raises BadItem for a log-mel of another length."""
    if len(latent_TM) != len(log_mel_TM):
        raise BadItem(f"a latent of {len(latent_TM)} frames beside a log_mel of {len(log_mel_TM)}: want as many")
    powers_G = grouped(mel_power(log_mel_TM, spec) ** (2 / spec.power), squeeze).sum(1)
    loud = np.quantile(powers_G, _LOUD) if len(powers_G) else 0.0
    return grouped(latent_TM, squeeze)[powers_G >= loud * 10 ** (-_RANGE_DB / 10)]


def grouped(latent_TM: np.ndarray, squeeze: int) -> np.ndarray:
    """(G, C): whole groups of frames alone."""
    whole = len(latent_TM) // squeeze * squeeze
    return latent_TM[:whole].reshape(-1, squeeze * latent_TM.shape[1])
