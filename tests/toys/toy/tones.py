"""Tones of rising pitch; a row may be told to fail or to be left out."""

import time
from collections.abc import Iterator

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from blocks.base import BlockConfig, Failure, Skip, Source
from blocks.toy.schema import Tone


class Config(BlockConfig):
    count: PositiveInt = 4
    seconds: PositiveFloat = 0.1
    prefix: str = "tone"
    fail: tuple[int, ...] = ()
    skip: tuple[int, ...] = ()
    reserved: tuple[int, ...] = ()
    again: tuple[int, ...] = ()  # rows with the id of the first
    pause_s: NonNegativeFloat = 0.0


class Tones(Source[Config]):
    tiny = Config(count=2)
    licences = ("CC0-1.0",)

    def fingerprint(self) -> str:
        return "tones"

    def read(self) -> Iterator[Tone | Failure | Skip]:
        t = np.arange(int(self.config.seconds * self.spec.sample_rate)) / self.spec.sample_rate
        for n in range(self.config.count):
            time.sleep(self.config.pause_s)
            id = f"{self.config.prefix}{0 if n in self.config.again else n:04d}"
            if n in self.config.fail:
                yield Failure("told to fail", id)
            elif n in self.config.skip:
                yield Skip("told to be left out", id)
            else:
                wave = (0.5 * np.sin(2 * np.pi * (100 + 10 * n) * t)).astype("float32")
                split = "reserved" if n in self.config.reserved else "train" if n % 4 else "dev"
                yield Tone(id=id, wave=wave, speaker="even" if n % 2 == 0 else "odd", split=split)
