"""Ordered pairs of a recording and another voice: each recording with every target, or with some that are drawn for it.

What is drawn for a recording hangs on the seed, its id and the targets alone: other recordings do not change it. Nobody is paired
with their own voice; a recording that then has no target is left out, and listed.
"""

import zlib
from collections.abc import Iterator

import numpy as np
from pydantic import PositiveInt

from blocks.base import BlockConfig, Expander, Skip
from blocks.pairs.schema import Pair, Utterance


class Config(BlockConfig):
    targets: tuple[str, ...] = ()  # speakers; none: all of the recordings given
    per_source: PositiveInt | None = None  # targets drawn for each recording; none: all


class Targets(Expander[Config]):
    tiny = Config()
    stochastic = True

    def expand(self, items: list[Utterance]) -> Iterator[Pair | Skip]:
        targets = list(dict.fromkeys(self.config.targets or (item.speaker for item in items)))
        for item in items:
            others = [target for target in targets if target != item.speaker]
            if not others:
                yield Skip(f"{item.speaker} is the only target, whose own recording it is", item.id)
            for target in self._drawn(item.id, others):
                yield Pair(
                    id=f"{item.id}-as-{target}",
                    parents=(item.id,),
                    source=item.id,
                    speaker=item.speaker,
                    target=target,
                    split=item.split,
                )

    def _drawn(self, id: str, others: list[str]) -> list[str]:
        """In the order of the targets."""
        count = self.config.per_source
        if count is None or count >= len(others):
            return others
        rng = np.random.default_rng([self.seed, zlib.crc32(id.encode())])
        return [others[n] for n in sorted(rng.choice(len(others), count, replace=False))]
