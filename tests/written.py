"""The written-out lists of tests/texts: how a text is said, and how its words sound.

``said_xx.tsv`` holds texts and what `text.normalise` should make of them, ``phones_xx.tsv`` texts and the phones of some
of their words. Forms that are right too are parted by `` | ``, alternatives inside a form by ``{a/b}``, where one may be
empty. Rules were written with an eye on the first half of each list; the second half only measures them.
"""

import csv
import itertools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from blocks.common.phones import stressless, tokens

TEXTS = Path(__file__).parent / "texts"
LANGUAGES = {"en": "en-US", "es": "es-ES", "ru": "ru-RU"}


class Row(NamedTuple):
    half: str
    text: str
    right: str


def rows(name: str, half: str | None = None) -> list[Row]:
    with (TEXTS / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        found = [Row(*row) for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)][1:]
    return [row for row in found if half in (None, row.half)]


# ---- what is said ----

_NUMERAL = "(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thir|fif|twen|for)"


def forms(right: str) -> set[str]:
    """All forms that are right, folded."""
    return {fold(form) for whole in right.split(" | ") for form in _expanded(whole)}


def _expanded(form: str) -> list[str]:
    parts = [part.split("/") if n % 2 else [part] for n, part in enumerate(re.split(r"\{([^}]*)\}", form))]
    return ["".join(chosen) for chosen in itertools.product(*parts)]


def fold(said: str) -> str:
    """Words alone, in lower case: no punctuation, ё as е, and no ``and`` inside a number."""
    words = " ".join(re.findall(r"\w+", said.lower().replace("ё", "е").replace("'", "").replace("’", "")))
    return re.sub(rf"\b(hundred|thousand|million) and (?={_NUMERAL})", r"\1 ", words)


# ---- how it sounds ----

# Differences that are none: vowels without stress, and what one dictionary writes and another does not.
_SAME = {
    "en": {"ɪ": "ə", "ʌ": "ə", "ɐ": "ə", "ɜː": "ɚ", "ɝ": "ɚ", "ɔ": "ɑ", "ɔː": "ɑ", "ɑː": "ɑ", "ɒ": "ɑ", "iː": "i",
           "uː": "u", "oː": "ɑ", "ɾ": "t", "əl": "ə l", "n̩": "ə n", "l̩": "ə l", "r": "ɹ", "e": "ɛ"},
    "ru": {"o": "a", "ə": "a", "ɐ": "a", "ɑ": "a", "ʌ": "a", "e": "i", "ɛ": "i", "ɪ": "i", "ɨ": "i", "æ": "a", "ʉ": "u", "ʊ": "u",
           "ɕː": "ɕ", "ʑː": "ʐ", "ʃ": "ʂ", "ʒ": "ʐ", "ɵ": "o", "ɫ": "l", "ʋ": "v", "g": "ɡ"},
    "es": {"ŋ": "n", "ɾ": "r", "β": "b", "ð": "d", "ɣ": "ɡ", "i": "j", "ʝ": "j", "u": "w", "ɲ": "n j", "ɟ": "j", "ʎ": "j",
           "ai": "a j", "ei": "e j", "oi": "o j", "au": "a w", "eu": "e w", "d͡ʒ": "j", "ɛ": "e"},
}  # fmt: skip
_STRESSED = {  # the same for vowels with the stress
    "en": {"ɜː": "ɚ", "ɝ": "ɚ", "ɔ": "ɑ", "ɔː": "ɑ", "ɑː": "ɑ", "ɒ": "ɑ", "iː": "i", "uː": "u", "oː": "ɑ", "ɐ": "ʌ", "ə": "ʌ"},
    "ru": {"ɛ": "e", "ɑ": "a", "æ": "a", "ʉ": "u", "ɵ": "o", "iː": "i", "ɨ": "i"},
    "es": {},
}  # fmt: skip


def folded(phones: Iterable[str], language: str) -> str:
    """Phones as far as their differences matter; the stress stays where a language's dictionary has one."""
    made = []
    for phone in phones:
        plain, main = stressless(phone), phone[0] == "ˈ" and language != "es"
        made.append("ˈ" + _STRESSED[language].get(plain, plain) if main else _SAME[language].get(plain, plain))
    found = " ".join(made)
    if language == "en":
        return found.replace("ŋ k", "n k").replace("t͡s", "t s").replace("d͡z", "d z")
    found = re.sub(r"([szntd])ʲ(?= (?:[tdnlvsz]ʲ|t͡ɕ))", r"\1", found.replace("t s", "t͡s"))
    return re.sub(r"(\S+)( \1)+(?!\S)", r"\1", found)


def words(right: str) -> list[tuple[str, list[str]]]:
    """``[("minute", ["mˈɪnət"]), ...]``: the words that are judged, and the phones that are right for each."""
    pairs = (pair.split("=") for pair in right.split("; "))
    return [(word, forms.split("/")) for word, forms in pairs]


def wrong(said, right: str, language: str) -> Iterable[tuple[str, str]]:
    """The judged words of a `Phonemised` text that sound wrong, with the phones they have."""
    by_word: dict[str, list[int]] = {}
    for n, word in enumerate(said.words):
        by_word.setdefault(word.lower(), []).append(n)
    for word, forms in words(right):
        at = by_word.get(word, [])
        heard = [[p for p, of in zip(said.phones, said.word_of_phone) if of == n] for n in at]
        each = [form.split(",") for form in forms]  # a word that stands there twice has forms for each place
        for place, phones in enumerate(heard):
            wanted = {folded(tokens(form[min(place, len(form) - 1)]) or (), language) for form in each}
            if folded(phones, language) not in wanted:
                yield word, " ".join(phones)
        if not heard:
            yield word, "is not there"
