"""Text normalisation: numbers, abbreviations and symbols as spoken words, for English, Spanish and Russian.

Cardinals, ordinals, decimals, fractions, ranges, years, times, money, units, telephone numbers, web addresses. Case,
punctuation and the ``+`` before a stressed Russian vowel stay, and so does what stands in ``[[ ]]``: phones for
``text.phones``. To normalise twice is to normalise once. A text in another language passes as it is where it is in words
alone; one with digits or symbols is refused.
"""

import re

from blocks.base import BlockConfig, Failure, Mapper
from blocks.text._english import English
from blocks.text._russian import Russian
from blocks.text._spanish import Spanish
from blocks.text._spelling import Spelling
from blocks.text.schema import Normalised, Written

_SPELLINGS = {"en": English, "es": Spanish, "ru": Russian}
_INLINE = re.compile(r"(\[\[.*?\]\])")
_UNSPELLED = re.compile(r"\S*[\d&*#@%/\\§_€$£+=<>]\S*")


class Config(BlockConfig):
    pass


class Normalise(Mapper[Config]):
    tiny = Config()
    needs = ("num2words",)
    extra = "text"

    def setup(self) -> None:
        self.spellings: dict[str, Spelling] = {}  # by language tag

    def apply(self, items: list[Written]) -> list[Normalised | Failure]:
        return [self._one(item.text, item.language) for item in items]

    def _one(self, text: str, language: str) -> Normalised | Failure:
        code = language.split("-")[0].lower()
        parts = _INLINE.split(text)
        if code in _SPELLINGS:
            if language not in self.spellings:
                self.spellings[language] = _SPELLINGS[code](language)
            parts = [part if n % 2 else self.spellings[language](part) for n, part in enumerate(parts)]
        elif found := _UNSPELLED.search(" ".join(parts[::2])):
            return Failure(
                f"language {language!r} has no rules for numbers and symbols, only {', '.join(_SPELLINGS)} have: "
                f"write {found[0]!r} in words"
            )
        return Normalised(text=" ".join(" ".join(parts).split()))
