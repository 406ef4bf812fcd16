"""Noise of a fixed length, made as it is read."""

from collections.abc import Iterator

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from blocks.base import BlockConfig, Source
from blocks.bench.schema import Recorded


class Config(BlockConfig):
    count: PositiveInt = 50
    seconds: PositiveFloat = 3.0


class Waves(Source[Config]):
    tiny = Config(count=2, seconds=0.1)

    def fingerprint(self) -> str:
        return "waves"

    def read(self) -> Iterator[Recorded]:
        samples = int(self.config.seconds * self.spec.sample_rate)
        for n in range(self.config.count):
            wave = np.random.default_rng(n).uniform(-0.1, 0.1, samples).astype(np.float32)
            yield Recorded(id=f"{n:06d}", wave=wave, split="train" if n % 10 else "dev")
