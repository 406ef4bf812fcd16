"""Text normalisation: numbers, abbreviations and symbols as spoken words, for English, Spanish and Russian.

Cardinals, ordinals, decimals, fractions, ranges, years, times, money, units, telephone numbers, web addresses. Case,
punctuation and the ``+`` before a stressed Russian vowel stay, and so does what stands in ``[[ ]]``: phones for
``text.phones``. To normalise twice is to normalise once.
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
        if code not in _SPELLINGS:
            known = ", ".join(_SPELLINGS)
            return Failure(
                f"language {language!r} has no rules for numbers and abbreviations, only {known} have: "
                "write the text as it is spoken and leave text.normalise out"
            )
        if language not in self.spellings:
            self.spellings[language] = _SPELLINGS[code](language)
        said = (part if n % 2 else self.spellings[language](part) for n, part in enumerate(_INLINE.split(text)))
        return Normalised(text=" ".join(" ".join(said).split()))
