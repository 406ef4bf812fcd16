"""Phonemisation: a text to IPA tokens of `blocks.common.phones`, with the word of each and silences as tokens.

Engines: `lexicon`, pocketsphinx's English dictionary (BSD) and gruut (MIT) for other words and languages; `espeak`, the
program espeak-ng (GPL-3) as a process of its own. A text begins with ``sil`` and ends with its last mark, or ``sil``;
marks inside are pauses. Phones in the text, as in ``say [[ h ə l ˈoʊ ]]``, are taken as they are and count as one word.
Numbers and symbols are for `text.normalise`. Axes: phones N, words W.
"""

import re
import unicodedata
from typing import Literal

import numpy as np

from blocks.base import BadItem, BlockConfig, Mapper
from blocks.common.phones import INDEX, SILENCES, unknown
from blocks.text._espeak import Espeak
from blocks.text._lexicon import lexicon
from blocks.text.schema import Phonemised, Written

_TOKEN = re.compile(
    r"\[\[(?P<inline>.*?)\]\]"
    r"|(?P<word>\+?[^\W_](?:[\w\u0300-\u036F]|[+'’\u2010\u2011-](?=[^\W_]))*)"
    r"|(?P<mark>[.,;:!?…—–()-])"
)
_PAUSES = {"?": "?", "!": "!", ".": ".", "…": "."}  # all other marks are commas
_STRENGTH = "?!.,"


class Config(BlockConfig):
    engine: Literal["lexicon", "espeak"] = "lexicon"


class Phones(Mapper[Config]):
    tiny = Config()
    needs = ("gruut", "gruut_lang_en", "pocketsphinx")
    extra = "text"
    batch_size = 64

    def setup(self) -> None:
        self.engines: dict = {}  # by language tag
        self.cache: dict[str, dict[str, tuple[str, ...] | None]] = {}  # language tag -> word -> phones

    def apply(self, items: list[Written]) -> list[Phonemised]:
        read = [_read(item.text, item.language) for item in items]
        for language in sorted({item.language for item in items}):
            theirs = (parts for item, parts in zip(items, read) if item.language == language)
            self._learn(language, [part for parts in theirs for part in parts])
        return [self._one(item, parts) for item, parts in zip(items, read)]

    def _learn(self, language: str, parts: list[tuple[str, str, str]]) -> None:
        """Look up the words that are new, all at once."""
        known = self.cache.setdefault(language, {})
        new = sorted({asked for kind, _, asked in parts if kind == "word"} - known.keys())
        if new:
            if language not in self.engines:
                self.engines[language] = (Espeak if self.config.engine == "espeak" else lexicon)(language)
            known |= self.engines[language].pronounce(new)

    def _one(self, item: Written, parts: list[tuple[str, str, str]]) -> Phonemised:
        phones, words, of = ["sil"], [], [-1]
        for kind, written, asked in parts:
            if kind == "pause":
                phones.append(written)
                of.append(-1)
                continue
            said = tuple(asked.split()) if kind == "inline" else self.cache[item.language][asked]
            if said is None:
                raise BadItem(_unspeakable(written, item.language))
            phones.extend(said)
            of.extend([len(words)] * len(said))
            words.append(written)
        if of[-1] != -1:
            phones.append("sil")
            of.append(-1)
        return Phonemised(phones=tuple(phones), words=tuple(words), word_of_phone=np.array(of, np.int32))


# ---- reading a text: (kind, as written, as asked for) of words, phones given in the text, and pauses ----


def _read(text: str, language: str) -> list[tuple[str, str, str]]:
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
        first = not parts or (pause is not None and pause[1] != ",")
        if match["inline"] is not None:
            parts.append(_inline(match["inline"]))
        else:
            after = found[n + 1]["word"] if n + 1 < len(found) else None
            named = single or not first or (after is not None and len(after) == 1 and after.isupper())
            parts.append(_word(match["word"], named, single))
    _no_symbols(text[last:])
    if not parts:
        raise BadItem(f"text {text!r} has nothing to say: want at least one word")
    return parts + ([_pause(marks)] if marks else [])


def _pause(marks: str) -> tuple[str, str, str]:
    strongest = min((_PAUSES.get(mark, ",") for mark in marks), key=_STRENGTH.index)
    return "pause", strongest, strongest


def _word(written: str, named: bool, single: bool) -> tuple[str, str, str]:
    """Capitals ask for an acronym, or for the name of a letter where a single one can be nothing else."""
    word = re.sub("(.)\u0301", r"+\1", written).replace("’", "'")
    word = word.replace("\u2010", "-").replace("\u2011", "-")
    if len(word) == 1:
        return "word", written, word.upper() if single or (named and word.isupper()) else word.lower()
    return "word", written, word if word.isupper() else word.lower()


def _inline(given: str) -> tuple[str, str, str]:
    phones = unicodedata.normalize("NFC", given).split()
    if not phones:
        raise BadItem("[[ ]] in the text holds no phones: want some of the inventory with blanks between them")
    for phone in phones:
        if phone not in INDEX:
            raise BadItem(f"[[{given}]] in the text: {unknown(phone)}")
        if phone in SILENCES:
            raise BadItem(
                f"[[{given}]] in the text: {phone!r} is a silence; put a comma or a full stop outside instead"
            )
    return "inline", f"[[{given}]]", " ".join(phones)


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
