"""A latent moved from one voice's place to another's: less its own mean over time, plus that of the other voice, channel by channel.

Likelihood alone leaves part of the voice in a flow's latents (Mosinski et al. 2023 name the speaker by them), and a mean over time is
the voice's more than the words'. `flow.moments` says where voices lie. Its own mean is that of what is said in the recording, where that
of its voice is not given. With `spread` deviations are moved, too. What remains at the end of an odd length stays as it is. Not as published: a switch beside Merritt et al. 2022.
Axes: T frames, C = squeeze * mels channels.
"""

import numpy as np
from pydantic import PositiveInt

from blocks.arrays import Latent, LatentMean, LatentSpread, LogMel
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema
from blocks.flow.moments import FEWEST, grouped, speech_groups


class Move(Schema):
    latent: Latent
    log_mel: LogMel  # that it is of
    target_mean: LatentMean
    target_spread: LatentSpread
    own_mean: LatentMean | None = None  # of the recorded voice
    own_spread: LatentSpread | None = None


class Moved(Schema):
    latent: Latent


class Config(BlockConfig):
    squeeze: PositiveInt = 2  # that of the flow
    spread: bool = False


class MovedLatent(Mapper[Config]):
    tiny = Config()
    paper = "Chou et al. 2019 (adaptive instance normalisation, there inside a net)"

    def apply(self, items: list[Move]) -> list[Moved | Failure]:
        return [self._one(item) for item in items]

    def _one(self, item: Move) -> Moved | Failure:
        groups_GC, squeeze = grouped(item.latent, self.config.squeeze), self.config.squeeze
        if (found := len(item.target_mean)) != (want := groups_GC.shape[1]):
            return Failure(f"moments of {found} channels: want {want}, {squeeze} frames of {item.latent.shape[1]}")
        mean, spread = item.own_mean, item.own_spread
        if mean is None or spread is None:
            try:
                spoken_GC = speech_groups(item.latent, item.log_mel, self.spec, squeeze)
            except BadItem as error:
                return Failure(str(error))
            if len(spoken_GC) < FEWEST:
                return Failure(f"{len(spoken_GC)} groups of frames have no mean to speak of, want {FEWEST} at least")
            mean, spread = spoken_GC.mean(0), spoken_GC.std(0)
        wide = item.target_spread / np.maximum(spread, 1e-3) if self.config.spread else 1.0
        moved = (groups_GC - mean) * wide + item.target_mean
        rest = item.latent[len(moved) * squeeze :]
        return Moved(latent=np.concatenate([moved.reshape(-1, item.latent.shape[1]), rest]).astype(np.float32))
