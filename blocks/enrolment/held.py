"""Held-out recordings of each speaker, so many and no more: their texts are synthesised, and compared with them.

What is drawn hangs on the seed and on what is offered. Ids stay, with ``-held`` behind.
"""

from collections.abc import Iterator

import numpy as np
from pydantic import PositiveInt

from blocks.base import BlockConfig, Expander
from blocks.enrolment.schema import Enrolled, Offered


class Config(BlockConfig):
    most: PositiveInt = 20  # of each speaker


class Held(Expander[Config]):
    tiny = Config(most=1)
    stochastic = True

    def expand(self, items: list[Offered]) -> Iterator[Enrolled]:
        taken: dict[str, int] = {}
        for n in np.random.default_rng(self.seed).permutation(len(items)):
            item = items[n]
            taken[item.speaker] = taken.get(item.speaker, 0) + 1
            if taken[item.speaker] > self.config.most:
                continue
            yield Enrolled(
                id=f"{item.id}-held",
                parents=(item.id,),
                split="dev",
                seconds=len(item.wave) / self.spec.sample_rate,
                **{name: getattr(item, name) for name in ("wave", "text", "language", "speaker", "band_hz")},
            )
