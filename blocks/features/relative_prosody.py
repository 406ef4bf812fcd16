"""How a recording is said, frame by frame, with nothing of who says it: melody, voicing and level, about those of the recording itself.

Three numbers a frame: log-F0, interpolated where there is none, less its mean over voiced frames; 1 where voiced, else 0; and the level less
that of the recording's loud frames, what lies far below which, pauses and noise, is raised to a floor. Melody and level are divided by about
what they vary by in lively speech, so that an encoder is given numbers near -1..1. Neither the height of a voice nor its timbre is in it, so that an
encoder of these hears a style in recordings of anyone (Skerry-Ryan et al. 2018 let it hear the mel, and who speaks with it).
Axes: frames.
"""

import numpy as np
from pydantic import PositiveFloat

from blocks.arrays import Energy, FrameVectors, Pitch
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema
from blocks.common.items import each
from blocks.common.pitch import FEWEST, melody

SIZE = 3  # numbers of a frame
_MELODY, _LEVEL = 0.25, 10.0  # nats and dB that count as 1
_LOUD = 0.9  # quantile of the levels that is brought to 0
_LATE = 2  # frames that pitch and level may differ by, as windows end


class Utterance(Schema):
    pitch: Pitch
    energy: Energy


class Relative(Schema):
    frame_vectors: FrameVectors  # (T, 3)


class Config(BlockConfig):
    range_db: PositiveFloat = 40.0  # below the loud frames, where pauses and noise lie


class RelativeProsody(Mapper[Config]):
    tiny = Config()
    paper = "Skerry-Ryan et al. 2018 (a reference encoder); what it is given is ours"

    def apply(self, items: list[Utterance]) -> list[Relative | Failure]:
        return each(self._one, items)

    def _one(self, item: Utterance) -> Relative:
        if abs(len(item.pitch) - len(item.energy)) > _LATE:
            raise BadItem(
                f"{len(item.pitch)} frames of pitch, but {len(item.energy)} of level: want those of one recording"
            )
        frames = min(len(item.pitch), len(item.energy))
        pitch, energy = item.pitch[:frames], item.energy[:frames]
        if (voiced := int((pitch > 0).sum())) < FEWEST:
            raise BadItem(f"{voiced} voiced frames, want {FEWEST} at least to tell a melody")
        level = np.clip(energy - np.quantile(energy, _LOUD), -self.config.range_db, None)
        return Relative(
            frame_vectors=np.stack([melody(pitch) / _MELODY, pitch > 0, level / _LEVEL], 1).astype(np.float32)
        )
