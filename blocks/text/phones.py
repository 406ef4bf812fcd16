"""Phonemisation: a text to IPA tokens of `blocks.common.phones`, with the word of each and silences as tokens.

Engines: `lexicon`, gruut (MIT): its dictionaries and, for English, its tagger of parts of speech, which tells apart words
that are written alike; `espeak`, the program espeak-ng (GPL-3) as a process of its own, word by word. A text begins with ``sil`` and ends with its last mark, or ``sil``;
marks inside are pauses. Phones in the text, as in ``say [[ h ə l ˈoʊ ]]``, are taken as they are and count as one word.
Numbers and symbols are for `text.normalise`. Axes: phones N, words W.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

import numpy as np

from blocks.base import BadItem, BlockConfig, Mapper
from blocks.common.phones import typed
from blocks.text._espeak import Espeak
from blocks.text._lexicon import lexicon
from blocks.text.schema import Phonemised, Written

_TOKEN = re.compile(
    r"\[\[(?P<inline>.*?)\]\]"
    r"|(?P<word>\+?[^\W_](?:[\w\u0300-\u036F]|[+'’\u2010\u2011-](?=[^\W_]))*)"
    r"|(?P<mark>[.,;:!?…—–()-])"
)
_PLURAL = re.compile(r"\b([A-Z]{2,})'?s\b")  # of an acronym: MPs, the BBC's
_PAUSES = {"?": "?", "!": "!", ".": ".", "…": "."}  # all other marks are commas
_STRENGTH = "?!.,"


@dataclass
class Part:
    """A word, phones given in the text (`inline`), or a pause: as written, as asked for, and its role in the sentence."""

    kind: Literal["word", "inline", "pause"]
    written: str
    asked: str
    role: str = ""


class Config(BlockConfig):
    engine: Literal["lexicon", "espeak"] = "lexicon"


class Phones(Mapper[Config]):
    tiny = Config()
    needs = ("gruut", "gruut_lang_en")
    extra = "text"
    batch_size = 64

    def setup(self) -> None:
        self.engines: dict = {}  # by language tag
        self.cache: dict[str, dict[tuple[str, str], tuple[str, ...] | None]] = {}  # language -> word and role -> phones

    def apply(self, items: list[Written]) -> list[Phonemised]:
        """Raises BadItem for a word that nobody can say."""
        read = [_read(item.text, item.language) for item in items]
        for language in sorted({item.language for item in items}):
            self._learn(language, [parts for item, parts in zip(items, read) if item.language == language])
        return [self._one(item, parts) for item, parts in zip(items, read)]

    def _learn(self, language: str, texts: list[list[Part]]) -> None:
        """Tell the roles of words in their sentences, and look up those that are new, all at once."""
        if language not in self.engines:
            self.engines[language] = (Espeak if self.config.engine == "espeak" else lexicon)(language)
        engine = self.engines[language]
        for parts in texts:
            for part, role in zip(parts, engine.roles([part.written for part in parts])):
                part.role = role
        known = self.cache.setdefault(language, {})
        asked = {(part.asked, part.role) for parts in texts for part in parts if part.kind == "word"}
        known |= engine.pronounce(sorted(asked - known.keys()))

    def _one(self, item: Written, parts: list[Part]) -> Phonemised:
        phones, words, of = ["sil"], [], [-1]
        for part in parts:
            if part.kind == "pause":
                phones.append(part.written)
                of.append(-1)
                continue
            known = self.cache[item.language]
            said = tuple(part.asked.split()) if part.kind == "inline" else known[part.asked, part.role]
            if said is None:
                raise BadItem(_unspeakable(part.written, item.language))
            phones.extend(said)
            of.extend([len(words)] * len(said))
            words.append(part.written)
        if of[-1] != -1:
            phones.append("sil")
            of.append(-1)
        return Phonemised(phones=tuple(phones), words=tuple(words), word_of_phone=np.array(of, np.int32))


# ---- reading a text ----


def _read(text: str, language: str) -> list[Part]:
    parts, marks, last = [], "", 0
    text = unicodedata.normalize("NFC", text)
    found = list(_TOKEN.finditer(text))
    single = sum(m["word"] is not None for m in found) == 1
    for n, match in enumerate(found):
        _no_symbols(text[last : match.start()])
        last = match.end()
        if match["mark"]:
            marks += match["mark"]
            continue
        pause, marks = _pause(marks) if marks and parts else None, ""
        parts += [pause] if pause else []
        first = not parts or (pause is not None and pause.written != ",")
        if match["inline"] is not None:
            parts.append(_inline(match["inline"], language))
        else:
            after = found[n + 1] if n + 1 < len(found) else None
            if after and after["word"] in ("and", "or", "y", "o", "и", "или"):  # A and B
                after = found[n + 2] if n + 2 < len(found) else None
            letter = after and after["word"] and len(after["word"]) == 1 and after["word"].isupper()
            named = single or not first or letter or (after and after["mark"] in (".", ":") and after.start() == last)
            parts.append(_word(match["word"], named, single, language))
    _no_symbols(text[last:])
    if not parts:
        raise BadItem(f"text {text!r} has nothing to say: want at least one word")
    return parts + ([_pause(marks)] if marks else [])


def _pause(marks: str) -> Part:
    strongest = min((_PAUSES.get(mark, ",") for mark in marks), key=_STRENGTH.index)
    return Part("pause", strongest, strongest)


def _word(written: str, named: bool, single: bool, language: str) -> Part:
    """Capitals ask for an acronym, or for the name of a letter where a single one can be nothing else."""
    word = re.sub("(.)\u0301", r"+\1", written).replace("’", "'")
    word = word.replace("\u2010", "-").replace("\u2011", "-")
    if language.startswith("en"):
        word = _PLURAL.sub(r"\1'S", word)
    if len(word) == 1:
        return Part("word", written, word.upper() if single or (named and word.isupper()) else word.lower())
    return Part(
        "word",
        written,
        "-".join(part if len(part) > 1 and part.isupper() else part.lower() for part in word.split("-")),
    )


def _inline(given: str, language: str) -> Part:
    try:
        phones = typed(given, language)
    except ValueError as reason:
        raise BadItem(f"[[{given}]] in the text: {reason}") from None
    if not phones:
        raise BadItem("[[ ]] in the text holds no phones: want some of the inventory")
    return Part("inline", f"[[{given}]]", " ".join(phones))


def _no_symbols(between: str) -> None:
    """Quotes and brackets are silent; a sign of which nobody knows how it is read is not."""
    if "[[" in between or "]]" in between:
        raise BadItem("[[ and ]] do not come in pairs: want phones between two of them")
    for char in between:
        if unicodedata.category(char)[0] in "SN" or char in "&*#@%/\\§_":
            raise BadItem(f"{char!r} in the text is no word: write how it is read, or run text.normalise first")


def _unspeakable(word: str, language: str) -> str:
    if any(char.isdigit() for char in word):
        return f"the word {word!r} holds digits: write how it is read, or run text.normalise first"
    return (
        f"nobody here can say the word {word!r} in language {language!r}: want letters of that language, "
        "or its phones in the text, as in [[ h ə l ˈoʊ ]]"
    )
