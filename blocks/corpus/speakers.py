"""Corpus: a voice that is asked for by its name, without text or recording; one row, whose id is the name."""

from collections.abc import Iterator

from blocks.arrays import Speaker
from blocks.base import BlockConfig, NewRow, Source


class Asked(NewRow):
    speaker: Speaker


class Config(BlockConfig):
    speaker: Speaker = ""  # empty: no row, for a graph that others ask


class Speakers(Source[Config]):
    tiny = Config(speaker="allison")

    def fingerprint(self) -> str:
        return self.config.speaker

    def read(self) -> Iterator[Asked]:
        if self.config.speaker:
            yield Asked(id=self.config.speaker, speaker=self.config.speaker)
