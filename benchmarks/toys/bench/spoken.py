"""Log-mels of noise with phones, all of one length: no step takes longer than another for its items."""

from collections.abc import Iterator

import numpy as np
from pydantic import PositiveInt

from blocks.base import BlockConfig, Source
from blocks.bench.schema import Uttered


class Config(BlockConfig):
    count: PositiveInt = 64
    frames: PositiveInt = 328  # a length that nothing is padded to
    phones: PositiveInt = 40  # of an item


class Spoken(Source[Config]):
    tiny = Config(count=2)

    def fingerprint(self) -> str:
        return "spoken"

    def read(self) -> Iterator[Uttered]:
        for n in range(self.config.count):
            rng = np.random.default_rng(n)
            mel = rng.standard_normal((self.config.frames, self.spec.n_mels)).astype(np.float32) - 4
            phones = tuple(rng.choice(list("abdefghijklmnoprstuvz"), self.config.phones))
            yield Uttered(id=f"{n:06d}", log_mel=mel, phones=phones)
