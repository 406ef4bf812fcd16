"""Where a voice speaks: mean and spread of its log-F0 over the voiced frames of all its recordings.

Axes: frames.
"""

import numpy as np

from blocks.arrays import Pitch, PitchMean, PitchSpread
from blocks.base import BadItem, BlockConfig, Reducer, Schema
from blocks.common.pitch import FEWEST


class Voiced(Schema):
    pitch: Pitch


class Range(Schema):
    pitch_mean: PitchMean
    pitch_spread: PitchSpread


class Config(BlockConfig):
    pass


class Register(Reducer[Config]):
    """Raises BadItem where fewer than `FEWEST` frames are voiced: their mean would be noise."""

    tiny = Config()
    paper = "Ribeiro et al. 2022 (a target's mean F0); Gabrys et al. 2022 (mean and variance)"

    def reduce(self, items: list[Voiced]) -> Range:
        voiced = np.concatenate([item.pitch[item.pitch > 0] for item in items])
        if len(voiced) < FEWEST:
            raise BadItem(f"{len(voiced)} voiced frames in {len(items)} recordings, want {FEWEST} at least")
        logs = np.log(voiced.astype(np.float64))
        return Range(pitch_mean=float(np.exp(logs.mean())), pitch_spread=float(logs.std()))
