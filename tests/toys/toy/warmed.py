"""A wave as it came; notes in a file which lengths it was warmed with, and by which process."""

import os
from pathlib import Path

from blocks.base import BlockConfig, Mapper
from blocks.toy.schema import Sound


class Config(BlockConfig):
    log: str = ""


class Warmed(Mapper[Config]):
    tiny = Config()

    def warm(self, items: list[Sound]) -> None:
        if self.config.log:
            with Path(self.config.log).open("a") as log:
                log.write(f"{os.getpid()} {[len(item.wave) for item in items]}\n")

    def apply(self, items: list[Sound]) -> list[Sound]:
        return items
