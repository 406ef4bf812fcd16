"""Tones that are opened one by one; who opened which is written to a log."""

import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import NonNegativeFloat, PositiveInt

from blocks.base import BadItem, BlockConfig, Failure, Skip, Source, Unread
from blocks.toy.schema import Tone


class Config(BlockConfig):
    count: PositiveInt = 4
    bad: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()  # a failure that does not say whose it is
    broken: tuple[int, ...] = ()
    deadly: tuple[int, ...] = ()
    again: tuple[int, ...] = ()  # rows with the id of the first
    pause_s: NonNegativeFloat = 0.0
    log: str = ""


class Opened(Source[Config]):
    tiny = Config(count=2)

    def fingerprint(self) -> str:
        return "opened"

    def entries(self) -> Iterator[Unread[Tone] | Failure | Skip]:
        yield Skip("told to be left out", "no tone")
        for n in range(self.config.count):
            id = f"tone{0 if n in self.config.again else n:04d}"
            yield Unread(id, partial(self._open, n, id)).then(lambda row: row.model_copy(update={"speaker": "opened"}))

    def _open(self, n: int, id: str) -> Tone | Failure:
        if self.config.log:
            with Path(self.config.log).open("a") as log:
                log.write(f"{id} {os.getpid()}\n")
        if n in self.config.deadly:
            os.abort()
        if n in self.config.broken:
            raise RuntimeError("no such codec")
        if n in self.config.lost:
            return Failure("not there")
        if n in self.config.bad:
            raise BadItem("not a sound")
        time.sleep(self.config.pause_s)
        return Tone(id=id, wave=np.full(16, n / 1e4, "float32"), speaker="nobody", split="train")
