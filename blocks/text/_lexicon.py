"""Pronunciation by dictionary: pocketsphinx's for English, gruut's for the rest and for what that one lacks.

A word in no dictionary is spelled out where it is an acronym, else guessed by gruut's model of its language.
"""

import importlib.util
import json
import re
import sqlite3
import unicodedata
from functools import cached_property
from pathlib import Path

from blocks.base import BadItem
from blocks.common.phones import VOWELS, from_arpabet, restress, stressless, to_arpabet, tokens
from blocks.text import _letters

Pronunciation = tuple[str, ...]
_MARKS = "ˈˌ"
_ACRONYM = 4  # letters at most of an unknown word in capitals that is spelled out


def lexicon(language: str) -> "Lexicon":
    """The lexicon of a language tag. Raises BadItem where its dictionary is not installed."""
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
        self._found: dict[str, list[Pronunciation]] = {}  # what gruut's dictionary said so far

    def pronounce(self, words: list[str]) -> dict[str, Pronunciation | None]:
        self._look_up({form for word in words for form in (word.lower(), *re.split("[-']", word.lower()))})
        return {word: self.say(word) for word in words}

    def say(self, word: str) -> Pronunciation | None:
        """The phones of a word; None where nobody could say it."""
        if not all(self._of_script(char) for char in word if char.isalpha()) or any(char.isdigit() for char in word):
            return None
        if word.isupper() and len(word) == 1:
            return self.letter(word) or self._known_or_guessed(word.lower())
        found = self.find(word.lower()) or self.parts(word)
        if found is None and word.isupper() and len(word) <= _ACRONYM:
            found = self.spelled(word)
        return found or self._guessed(word.lower()) or (self.letter(word.upper()) if len(word) == 1 else None)

    def find(self, word: str) -> Pronunciation | None:
        """What the dictionary says."""
        return next(iter(self.known(word)), None)

    def parts(self, word: str) -> Pronunciation | None:
        """A word with hyphens or apostrophes by its parts."""
        pieces = [piece for piece in word.replace("'", "-").split("-") if piece]
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

    def known(self, word: str) -> list[Pronunciation]:
        """All pronunciations in gruut's dictionary, the usual one first."""
        if word not in self._found:
            self._look_up({word})
        return self._found[word]

    def _look_up(self, words: set[str]) -> None:
        """All at once, because gruut's tables have no index and are read from end to end."""
        new = words - self._found.keys()
        self._found |= {word: [] for word in new}
        query = (
            "SELECT word, phonemes FROM word_phonemes WHERE word IN (SELECT value FROM json_each(?)) "
            "ORDER BY pron_order, id"
        )
        for word, phonemes in self._rows.execute(query, (json.dumps(sorted(new)),)):
            if own := self.own(phonemes):
                self._found[word].append(own)

    def own(self, phonemes: str) -> Pronunciation | None:
        """Gruut's phonemes as tokens of the inventory."""
        return tuple(tokens(phonemes) or ()) or None

    def _known_or_guessed(self, word: str) -> Pronunciation | None:
        return self.find(word) or self._guessed(word)

    def _words(self, text: str) -> Pronunciation | None:
        said = [self._known_or_guessed(word) for word in text.split()]
        return None if None in said else tuple(phone for word in said for phone in word)

    def _guessed(self, word: str) -> Pronunciation | None:
        return self.own(" ".join(self._model(word)))

    def _of_script(self, char: str) -> bool:
        return unicodedata.name(char, "").startswith(self.script)

    @cached_property
    def _folder(self) -> Path:
        return Path(importlib.util.find_spec(f"gruut_lang_{self.code}").origin).parent

    @cached_property
    def _rows(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{(self._folder / 'lexicon.db').as_uri()}?mode=ro", uri=True, check_same_thread=False)

    @cached_property
    def _model(self):
        from gruut.g2p import GraphemesToPhonemes

        return GraphemesToPhonemes(self._folder / "g2p" / "model.crf")


_HISSING, _VOICELESS = frozenset(["s", "z", "ʃ", "ʒ", "t͡ʃ", "d͡ʒ"]), frozenset(["p", "t", "k", "f", "θ"])


class English(Lexicon):
    """The words and phones are pocketsphinx's, so that its alignments fit; it has no stress, gruut's entries have."""

    def find(self, word: str) -> Pronunciation | None:
        word = _bare(word)
        if not (spoken := self._dictionary.get(word)):
            return super().find(word)
        pairs = ((symbols, known) for symbols in spoken for known in self.known(word))
        for symbols, known in pairs:
            if [to_arpabet(stressless(phone)) for phone in known] == symbols:
                return known
        said = tuple(map(from_arpabet, spoken[0]))
        for known in self.known(word):  # another vowel or consonant: the stress alone
            marks = [phone[0] if phone[0] in _MARKS else "" for phone in known if phone in VOWELS]
            if len(marks) == sum(phone in VOWELS for phone in said):
                return _marked(spoken[0], marks)
        return said

    def parts(self, word: str) -> Pronunciation | None:
        if not word.lower().endswith("'s") or (stem := self.say(word[:-2])) is None:
            return super().parts(word)
        last = stem[-1]
        return stem + (("ɪ", "z") if last in _HISSING else ("s",) if last in _VOICELESS else ("z",))

    def letter(self, letter: str) -> Pronunciation | None:
        return self.own("ˈeɪ") if letter in "aA" else self.find(letter.lower())

    def _guessed(self, word: str) -> Pronunciation | None:
        word = _bare(word)
        return super()._guessed(word) if word.isascii() else None

    @cached_property
    def _dictionary(self) -> dict[str, list[list[str]]]:
        from pocketsphinx import get_model_path

        found: dict[str, list[list[str]]] = {}
        for line in Path(get_model_path("en-us/cmudict-en-us.dict")).read_text("utf-8").splitlines():
            word, *symbols = line.split()
            found.setdefault(word.partition("(")[0], []).append(symbols)
        return found


class Spanish(Lexicon):
    """Gruut speaks as in Spain; elsewhere s is said for θ, and ʝ for ʎ."""

    def own(self, phonemes: str) -> Pronunciation | None:
        if self.language.upper() not in ("ES", "ES-ES"):
            phonemes = phonemes.replace("θ", "s").replace("ʎ", "ʝ")
        return super().own(phonemes)


class Russian(Lexicon):
    """A ``+`` before a vowel says where the stress is; gruut's long vowels are the stressed ones."""

    script = "CYRILLIC"

    def _of_script(self, char: str) -> bool:
        return super()._of_script(char) or char in _letters.LATIN_IN_RUSSIAN

    def say(self, word: str) -> Pronunciation | None:
        if any(unicodedata.name(char, "").startswith("LATIN") for char in word):
            return self.spelled(word) if word.isupper() and word.isascii() else None
        return super().say(word)

    def letter(self, letter: str) -> Pronunciation | None:
        name = _letters.LATIN_IN_RUSSIAN.get(letter.upper())
        return self._words(name) if name else super().letter(letter)

    def own(self, phonemes: str) -> Pronunciation | None:
        marked = (
            f"ˈ{phone[:-1]}" if phone[0] in "aeiouɨ" and phone[-1] == "ː" else phone for phone in phonemes.split()
        )
        return super().own(" ".join(marked))

    def find(self, word: str) -> Pronunciation | None:
        plain = word.replace("+", "")
        return self._at(word, self.known(plain))

    def _guessed(self, word: str) -> Pronunciation | None:
        guess = super()._guessed(word.replace("+", ""))
        return self._at(word, [guess] if guess else [])

    def _at(self, word: str, known: list[Pronunciation]) -> Pronunciation | None:
        """The pronunciation with the stress where the word is marked, or the usual one."""
        marked = word.find("+") if "+" in word else word.find("ё")
        if not known or marked < 0:
            return next(iter(known), None)
        nth = sum(char in _letters.RUSSIAN_VOWELS for char in word[:marked])
        fit = [phones for phones in known if _stressed_vowel(phones) == nth]
        return fit[0] if fit else restress(known[0], nth)


def _bare(word: str) -> str:
    """Without accents."""
    return "".join(char for char in unicodedata.normalize("NFD", word) if not unicodedata.combining(char))


def _marked(symbols: list[str], marks: list[str]) -> Pronunciation:
    """ARPAbet with these stress marks on its vowels."""
    marks = iter(marks)
    digits = {"ˈ": "1", "ˌ": "2", "": ""}
    return tuple(from_arpabet(s + (digits[next(marks)] if from_arpabet(s) in VOWELS else "")) for s in symbols)


def _stressed_vowel(phones: Pronunciation) -> int | None:
    """The number of the vowel with the main stress."""
    vowels = [phone for phone in phones if phone in VOWELS]
    return next((n for n, phone in enumerate(vowels) if phone[0] == "ˈ"), None)
