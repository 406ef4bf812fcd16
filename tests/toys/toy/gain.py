"""A wave times a factor; counts its calls in a file where asked to, and can be told to stumble."""

import os
import time
from pathlib import Path

from pydantic import NonNegativeFloat

from blocks.base import BadItem, BlockConfig, Failure, Mapper
from blocks.toy.schema import Identified, Sound


class Config(BlockConfig):
    gain: float = 0.5
    bad: tuple[str, ...] = ()  # ids that raise
    deadly: tuple[str, ...] = ()  # ids that end the process
    wants: str = ""  # a file without which every item fails whose id is in `bad`
    nan: tuple[str, ...] = ()  # ids that come out as NaN
    pause_s: NonNegativeFloat = 0.0
    log: str = ""  # a file that each id worked on is appended to


class Gain(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[Identified]) -> list[Sound | Failure]:
        return [self._one(item) for item in items]

    def _one(self, item: Identified) -> Sound:
        time.sleep(self.config.pause_s)
        if self.config.log:
            with Path(self.config.log).open("a") as log:
                log.write(item.id + "\n")
        if item.id in self.config.deadly:
            os.abort()
        if item.id in self.config.bad and not (self.config.wants and Path(self.config.wants).exists()):
            raise BadItem("told to be bad")
        return Sound(wave=item.wave * (float("nan") if item.id in self.config.nan else self.config.gain))
