"""The written-out lists of tests/texts: how a text is said, and how its words sound.

``said_xx.tsv`` holds texts and what `text.normalise` should make of them, ``phones_xx.tsv`` texts and the phones of some
of their words. Forms that are right too are parted by `` | ``, alternatives inside a form by ``{a/b}``, where one may be
empty and hold others. Rules were written with an eye on the first half of each list; the second half only measures them.

``pud_xx.tsv`` tells how numbers, signs and short words are said in 120 sentences of the Parallel Universal Dependencies
treebanks (Zeman et al. 2017, news and Wikipedia), which have their own licence (CC BY-SA 3.0) and are read from a folder.
So is the WikipediaHomographData of Gorman et al. 2018, sentences with one English homograph each, told by hand.
"""

import csv
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


def forms(right: str) -> set[str]:
    """All forms that are right, folded."""
    return {fold(form) for whole in right.split(" | ") for form in _expanded(whole)}


def _expanded(form: str) -> list[str]:
    inner = re.search(r"\{([^{}]*)\}", form)
    if inner is None:
        return [form]
    before, after = form[: inner.start()], form[inner.end() :]
    return [each for chosen in inner[1].split("/") for each in _expanded(before + chosen + after)]


def fold(said: str) -> str:
    """Words alone, in lower case: no punctuation, ё as е."""
    return " ".join(re.findall(r"\w+", said.lower().replace("ё", "е").replace("'", "").replace("’", "")))


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


# ---- texts of others, read from where they lie ----


def treebank(folder: Path, language: str, half: str) -> list[Row]:
    """Sentences of ``xx_pud-ud-test.conllu`` with what should be said, where ``pud_xx.tsv`` tells how."""
    with (folder / f"{language}_pud-ud-test.conllu").open(encoding="utf-8") as file:
        heads = [line[2:].rstrip("\n").partition(" = ") for line in file if line.startswith(("# sent_id", "# text ="))]
    texts = dict(zip((value for key, _, value in heads if key == "sent_id"), (v for k, _, v in heads if k == "text")))
    return [Row(half, texts[row.text], _replaced(texts[row.text], row.right)) for row in rows(f"pud_{language}", half)]


def _replaced(text: str, pairs: str) -> str:
    """``pairs`` are ``written => said``, parted by ``; ``, in their order in the text."""
    made, rest = "", text
    for pair in filter(None, pairs.split("; ")):
        written, said = pair.split(" => ")
        found = re.search(rf"(?<!\d){re.escape(written)}(?!\d)", rest)
        made, rest = made + rest[: found.start()] + said, rest[found.end() :]
    return made + rest


class Homograph(NamedTuple):
    text: str
    word: str
    place: int  # how many of it stand before
    right: str  # its transcription
    others: list[str]  # what it might be read as


def homographs(folder: Path, split: str) -> list[Homograph]:
    """``data/eval/*.tsv`` or ``data/train/*.tsv`` of WikipediaHomographData."""
    with (folder / "wordids.tsv").open(encoding="utf-8") as file:
        named = {row["wordid"]: row for row in csv.DictReader(file, delimiter="\t")}
    said: dict[str, list[str]] = {}
    for row in named.values():
        said.setdefault(row["homograph"], []).append(row["pronunciation"])
    found = []
    for path in sorted((folder / split).glob("*.tsv")):
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                around = row["sentence"].encode()[max(0, int(row["start"]) - 1) : int(row["end"]) + 1]
                if b"-" in around:  # part of a word
                    continue
                before = row["sentence"].encode()[: int(row["start"])].decode().lower()
                place = len(re.findall(rf"(?<![^\W_]){row['homograph']}(?![^\W_])", before))
                right = named[row["wordid"]]["pronunciation"]
                found.append(Homograph(row["sentence"], row["homograph"], place, right, said[row["homograph"]]))
    return found


def reading(phones: Iterable[str], among: list[str]) -> str:
    """Which of some transcriptions the phones are nearest to, by edits of phones and stresses."""
    heard = list("".join(folded(phones, "en").split()))
    return min(among, key=lambda one: _edits(heard, list(_transcribed(one))))


def _transcribed(theirs: str) -> str:
    """Google's notation as ours: the stress before its vowel, no digits for it, affricates as one."""
    plain = re.sub(r"[\dˌː]", "", theirs).replace("ʤ", "d͡ʒ").replace("ʧ", "t͡ʃ")
    placed = re.sub(r"'([^aeiouæɑɔəɚɛɪʊʌɝ']*)", r"\1ˈ", plain)
    return "".join(folded(tokens(placed) or placed, "en").split())


def _edits(one: list[str], other: list[str]) -> int:
    row = list(range(len(other) + 1))
    for n, a in enumerate(one, 1):
        row, last = [n], row
        for m, b in enumerate(other, 1):
            row.append(min(last[m] + 1, row[m - 1] + 1, last[m - 1] + (a != b)))
    return row[-1]
