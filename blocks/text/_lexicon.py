"""Pronunciation by gruut's dictionaries (MIT), and by its model of a language for words that they lack.

English is read by the part of speech that gruut's tagger finds in the sentence, see `_lexicon_english`; Russian is
brought from letters to sounds in `_lexicon_russian`. A word in no dictionary is spelled out where it is an acronym, or where
the model makes nothing of it, as of consonants alone.
"""

import importlib.util
import json
import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from blocks.base import BadItem
from blocks.common.phones import tokens
from blocks.text import _letters

Pronunciation = tuple[str, ...]
Asked = tuple[str, str]  # a word and its role in the sentence, "" where none is known
_SAYABLE = re.compile("(?=.{3})[^AEIOU]?(?:[AEIOU][^AEIOU])*[AEIOU]?(?<=[AEIOUNSLRDBZ])")  # in Spanish
_ACRONYM = 5  # letters at most of an unknown word in capitals that is spelled out


def lexicon(language: str) -> "Lexicon":
    """The lexicon of a language tag. Raises BadItem where its dictionary is not installed."""
    from blocks.text._lexicon_english import English
    from blocks.text._lexicon_russian import Russian

    code = language.split("-")[0].lower()
    if importlib.util.find_spec(f"gruut_lang_{code}") is None:
        raise BadItem(
            f"language {language!r} has no pronunciation dictionary here; want one of those installed "
            f"({', '.join(_installed())}), the package gruut-lang-{code} if there is one, or the setting engine: espeak"
        )
    return {"en": English, "es": Spanish, "ru": Russian}.get(code, Lexicon)(code, language)


def _installed() -> list[str]:
    import pkgutil

    prefix = "gruut_lang_"
    return sorted(found.name.removeprefix(prefix) for found in pkgutil.iter_modules() if found.name.startswith(prefix))


class Lexicon:
    """Words of one language to phones. An acronym or the name of a letter is asked for in capitals."""

    script = "LATIN"

    def __init__(self, code: str, language: str):
        self.code, self.language = code, language
        self._found: dict[str, list[tuple[str, Pronunciation]]] = {}  # what gruut's dictionary said so far

    def roles(self, text: Sequence[str]) -> list[str]:
        """The role of every word of a text, whose marks are among them; most languages have none."""
        return [""] * len(text)

    def pronounce(self, asked: Sequence[Asked]) -> dict[Asked, Pronunciation | None]:
        self.prepare({word.lower() for word, _ in asked})
        return {one: self.say(*one) for one in asked}

    def prepare(self, words: set[str]) -> None:
        """Look up what will be asked for, all at once."""
        forms = {word: list(self.forms(word)) for word in words}
        self._look_up({form for found in forms.values() for form in found})
        new = [word for word, found in forms.items() if not any(map(self._found.get, found))]
        self._look_up({kin for word in new for kin in self.relatives(word)})

    def relatives(self, word: str) -> Iterable[str]:
        """What will be looked up for a word of which the dictionary has no form."""
        return ()

    def forms(self, word: str) -> Iterable[str]:
        """What will be looked up for a word."""
        return word, *re.split("[-']", word)

    def say(self, word: str, role: str = "") -> Pronunciation | None:
        """The phones of a word; None where nobody could say it."""
        if not all(self.of_script(char) for char in word if char.isalpha()) or any(char.isdigit() for char in word):
            return None
        if word.isupper() and len(word) == 1:
            return self.letter(word) or self._known_or_guessed(word.lower())
        found = self.find(word.lower(), role) or self.parts(word, role)
        if found is None and word.isupper() and len(word) <= _ACRONYM:
            found = self.spelled(word)
        return found or self.guessed(word.lower()) or self.spelled(plain_letters(word).upper())

    def find(self, word: str, role: str = "") -> Pronunciation | None:
        """What the dictionary says."""
        return next((phones for _, phones in self.known(word)), None)

    def parts(self, word: str, role: str = "") -> Pronunciation | None:
        """A word with hyphens or apostrophes by its parts."""
        pieces = [piece for piece in re.split("[-']", word) if piece]
        if len(pieces) < 2:
            return None
        said = [self.say(piece) for piece in pieces]
        return None if None in said else tuple(phone for piece in said for phone in piece)

    def letter(self, letter: str) -> Pronunciation | None:
        """The name of a letter, by way of the words for it."""
        name = _letters.NAMES.get(self.code, {}).get(letter.lower())
        return self._words(name) if name else None

    def spelled(self, word: str) -> Pronunciation | None:
        said = [self.letter(letter) for letter in word]
        return None if None in said else tuple(phone for letter in said for phone in letter)

    def known(self, word: str) -> list[tuple[str, Pronunciation]]:
        """All pronunciations in gruut's dictionary with their roles, the usual one first."""
        if word not in self._found:
            self._look_up({word})
        return self._found[word]

    def _look_up(self, words: set[str]) -> None:
        """All at once, because gruut's tables have no index and are read from end to end."""
        if not (new := words - self._found.keys()):
            return
        self._found |= {word: [] for word in new}
        query = (
            "SELECT word, role, phonemes FROM word_phonemes WHERE word IN (SELECT value FROM json_each(?)) "
            "ORDER BY pron_order, id"
        )
        for word, role, phonemes in self._rows.execute(query, (json.dumps(sorted(new)),)):
            if own := self.own(phonemes):
                self._found[word].append((role.removeprefix("gruut:"), own))

    def own(self, phonemes: str) -> Pronunciation | None:
        """Gruut's phonemes, with blanks between them, as tokens of the inventory."""
        return tuple(tokens(phonemes) or ()) or None

    def _known_or_guessed(self, word: str) -> Pronunciation | None:
        return self.find(word) or self.guessed(word)

    def _words(self, text: str) -> Pronunciation | None:
        said = [self._known_or_guessed(word) for word in text.split()]
        return None if None in said else tuple(phone for word in said for phone in word)

    def guessed(self, word: str) -> Pronunciation | None:
        return self.own(" ".join(self._model(word)))

    def of_script(self, char: str) -> bool:
        return unicodedata.name(char, "").startswith(self.script)

    @cached_property
    def folder(self) -> Path:
        return Path(importlib.util.find_spec(f"gruut_lang_{self.code}").origin).parent

    @cached_property
    def _rows(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{(self.folder / 'lexicon.db').as_uri()}?mode=ro", uri=True, check_same_thread=False)

    @cached_property
    def _model(self):
        from gruut.g2p import GraphemesToPhonemes

        return GraphemesToPhonemes(self.folder / "g2p" / "model.crf")


def plain_letters(word: str) -> str:
    """Letters alone, without accents."""
    return "".join(char for char in unicodedata.normalize("NFD", word) if char.isalpha())


class Spanish(Lexicon):
    """Gruut speaks as in Spain; elsewhere s is said for θ, and ʝ for ʎ. It knows no w and no k of other languages."""

    def own(self, phonemes: str) -> Pronunciation | None:
        if self.language.upper() not in ("ES", "ES-ES"):
            phonemes = phonemes.replace("θ", "s").replace("ʎ", "ʝ")
        return super().own(phonemes)

    def spelled(self, word: str) -> Pronunciation | None:
        """An acronym that can be said as a word is: ONU, OTAN, IVA."""
        return None if _SAYABLE.fullmatch(word) else super().spelled(word)

    def guessed(self, word: str) -> Pronunciation | None:
        """The model never saw w and hardly k: they are written as Spanish does."""
        word = re.sub("w", "hu", re.sub("wh", "w", word))
        return super().guessed(re.sub("k(?=[eiéí])|ck(?=[eiéí])", "qu", re.sub("c?k(?![eiéí])", "c", word)))
