"""A text in which some words stand that were not said: what a careless transcript, or a recogniser of speech, would have.

A share of the words, but one at least, is replaced by words of a list. Which ones, the text and the seed decide, not its place among
others. Signs before and after a word stay.
"""

import re
import zlib
from typing import ClassVar

import numpy as np
from pydantic import Field

from blocks.arrays import Text, TextNotes
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema
from blocks.common.items import each

_WORD = re.compile(r"\w+(?:['’-]\w+)*")


class Config(BlockConfig):
    share: float = Field(0.1, gt=0.0, le=1.0)  # of the words
    words: tuple[str, ...] = Field(
        (
            "people",
            "water",
            "never",
            "house",
            "because",
            "green",
            "often",
            "seven",
            "money",
            "through",
            "listen",
            "old",
        ),
        min_length=2,
    )


class Normalised(Schema):
    text: Text


class Miswritten(Schema):
    text: Text
    notes: TextNotes  # each word that was replaced, and by what


class WrongWords(Mapper[Config]):
    tiny = Config()
    stochastic: ClassVar[bool] = True

    def apply(self, items: list[Normalised]) -> list[Miswritten | Failure]:
        return each(self._one, items)

    def _one(self, item: Normalised) -> Miswritten:
        text = item.text
        found = list(_WORD.finditer(text))
        if not found:
            raise BadItem(f"no word in {text!r}, want one to replace")
        rng = np.random.default_rng([self.seed, zlib.crc32(text.encode())])
        count = max(1, round(self.config.share * len(found)))
        made, notes, end = [], [], 0
        chosen = set(rng.choice(len(found), count, replace=False).tolist())
        for number, match in enumerate(found):
            if number in chosen:
                others = [word for word in self.config.words if word.lower() != match.group().lower()]
                word = others[rng.integers(len(others))]
                made += [text[end : match.start()], word]
                notes.append(f"{match.group()}: {word}")
                end = match.end()
        return Miswritten(text="".join([*made, text[end:]]), notes=tuple(notes))
