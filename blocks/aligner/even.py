"""Uniform alignment, the baseline of every aligner: all phones take equally long. Axes: T frames, N phones."""

import numpy as np

from blocks.aligner.schema import Aligned, Utterance
from blocks.base import BadItem, BlockConfig, Mapper


class Config(BlockConfig):
    pass


class Even(Mapper[Config]):
    """Its score is 0: it listens to nothing."""

    tiny = Config()

    def apply(self, items: list[Utterance]) -> list[Aligned]:
        return [self._one(item) for item in items]

    def _one(self, item: Utterance) -> Aligned:
        frames, phones = len(item.log_mel), len(item.phones)
        if not 1 <= phones <= frames:
            raise BadItem(f"{frames} frames for {phones} phones: want at least one phone, and a frame for each")
        bounds = np.arange(phones + 1) * frames // phones
        return Aligned(durations=np.diff(bounds).astype(np.int32), score=0.0)
