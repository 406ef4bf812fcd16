"""Text normalisation: numbers, abbreviations and symbols as spoken words, for English, Spanish and Russian.

Cardinals, ordinals, decimals, fractions, ranges, dates, years, times, money, units, telephone numbers, addresses of the
net, Roman numerals, abbreviations. Markdown, emoji and signs that nobody says are left out, letters of another script
written in the language's own, and `notes` names them; the end of a line is a comma, a blank line a full stop. Case,
punctuation and the ``+`` before a stressed Russian vowel stay, and so does what stands in ``[[ ]]``: phones for
``text.phones``. To normalise twice is to normalise once. A text in another language passes as it is where it is in words
alone; one with digits or symbols is refused.
"""

import re

from blocks.base import BlockConfig, Failure, Mapper
from blocks.text._clean import QUIET, signs, tidy, unmarked
from blocks.text._english import English
from blocks.text._russian import Russian
from blocks.text._spanish import Spanish
from blocks.text._spelling import Spelling
from blocks.text.schema import Normalised, Written

_SPELLINGS = {"en": English, "es": Spanish, "ru": Russian}
_INLINE = re.compile(r"(\[\[.*?\]\])")
_LATIN = re.compile(r"[A-Za-zÀ-ÖØ-öø-ž]")
_UNSPELLED = re.compile(r"\S*[\d&*#@%/\\§_€$£+=<>]\S*")


class Config(BlockConfig):
    pass


class Normalise(Mapper[Config]):
    tiny = Config()
    needs = ("anyascii", "num2words")
    extra = "text"

    def setup(self) -> None:
        self.spellings: dict[str, Spelling] = {}  # by language tag

    def apply(self, items: list[Written]) -> list[Normalised | Failure]:
        return [self._one(item.text, item.language) for item in items]

    def _one(self, text: str, language: str) -> Normalised | Failure:
        spelling = self.spelling(language) or _as_written
        made = [(part, []) if n % 2 else spelling(part) for n, part in enumerate(_INLINE.split(text))]
        if spelling is _as_written and (found := _UNSPELLED.search(" ".join(words for words, _ in made[::2]))):
            return Failure(
                f"language {language!r} has no rules for numbers and symbols, only {', '.join(_SPELLINGS)} have: "
                f"write {found[0]!r} in words"
            )
        notes = dict.fromkeys(note for _, found in made for note in found)
        return Normalised(text=" ".join(" ".join(words for words, _ in made).split()), notes=tuple(notes))

    def spelling(self, language: str) -> Spelling | None:
        """The rules of a language, if it has some."""
        code = language.split("-")[0].lower()
        if code in _SPELLINGS and language not in self.spellings:
            self.spellings[language] = _SPELLINGS[code](language)
        return self.spellings.get(language)


def _as_written(text: str) -> tuple[str, list[str]]:
    words, notes = signs(unmarked(text), _LATIN)
    return tidy(words, notes, QUIET), notes
