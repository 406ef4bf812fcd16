"""An alignment as a TextGrid of Praat's: a tier of phones, one of words where they are known, one of joins in spliced speech.

``voxblocks run graph.yaml --until NODE --out FOLDER`` writes one file a row; `corpus.textgrid` reads them, and those of
the Montreal Forced Aligner. Silences keep their token among the phones and have no label among the words.
"""

from dataclasses import replace

from blocks.annotation.schema import Aligned, Grid
from blocks.base import BlockConfig, Failure, Mapper
from blocks.common import textgrid


class Config(BlockConfig):
    pass


class TextGrid(Mapper[Config]):
    tiny = Config()
    paper = "Boersma and Weenink, Praat (its file format)"

    def apply(self, items: list[Aligned]) -> list[Grid | Failure]:
        return [self._one(item) for item in items]

    def _one(self, item: Aligned) -> Grid | Failure:
        try:
            tiers = textgrid.from_durations(
                item.phones, item.durations, self.spec, item.words or (), item.word_of_phone
            )
        except ValueError as error:
            return Failure(f"{error}; want a frame at least for every phone, as an aligner gives")
        if item.join_tag is not None:
            marks = ["join" if tag else "" for tag in item.join_tag]
            tiers["joins"] = [replace(one, label=mark) for one, mark in zip(tiers["phones"], marks, strict=True)]
        return Grid(textgrid=textgrid.dump(tiers))
