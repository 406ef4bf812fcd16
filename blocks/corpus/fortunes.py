"""Corpus: English sentences of the Debian packages fortunes and fortunes-min, to be spoken; there are no recordings.

Sayings and quotations of many authors, collected for the BSD program fortune: open texts, as users bring them. A saying is
cut at full stops; whole sentences in plain words are kept (no figures, acronyms, abbreviations, contractions or quotation marks), so that any
voice says what is written. Files of verse, of program code and of jokes at others' cost are left out.
"""

import re
from collections.abc import Iterator

from pydantic import PositiveInt

from blocks.arrays import Split
from blocks.base import BlockConfig, Source
from blocks.common import debian
from blocks.corpus.schema import Line

_PACKAGES = ("fortunes", "fortunes-min")
_FILES = (
    "art computers cookie education food fortunes goedel humorists kids law literature love medicine miscellaneous news "
    "people pets platitudes politics riddles science sports startrek tao wisdom work"
).split()
_BETWEEN = re.compile(r"(?m)^%\s*$")
_AUTHOR = re.compile(r"\n\s+--")  # and what follows
_FULL_STOP = re.compile(r"(?<=[a-z][.!?])[\"')]*\s+(?=[\"'(]?[A-Z])")
_SENTENCE = re.compile(r"[A-Z][A-Za-z',;: -]*[a-z][.!?]")
_UNPLAIN = re.compile(r"[A-Z]{2}|[a-z][A-Z]|\b(?:Mr|Mrs|Dr|St|vs)\.|(?:^|\s)'|'(?:\s|$)|-[ -]| -|\b[b-hj-z]\b")


class Config(BlockConfig):
    least: PositiveInt = 6  # words of a sentence
    most: PositiveInt = 22
    split: Split = "train"


class Sentence(Line):
    split: Split


class Fortunes(Source[Config]):
    tiny = Config()
    licences = ("BSD-3-Clause",)

    def fetch(self) -> None:
        for name in _PACKAGES:
            debian.fetch(f"pool/main/f/fortune-mod/{name}_1.99.1-7.3_all.deb")

    def fingerprint(self) -> str:
        return debian.fingerprint(list(_PACKAGES))

    def read(self) -> Iterator[Sentence]:
        seen = set()
        for name in _FILES:
            (path,) = (path for package in _PACKAGES for path in _folder(package).glob(name))
            found = sentences(path.read_text("latin-1"), self.config.least, self.config.most)
            for number, text in enumerate(found):
                if text not in seen:
                    seen.add(text)
                    yield Sentence(id=f"{name}-{number:04d}", text=text, language="en-US", split=self.config.split)


def _folder(package: str):
    return debian.tree(package) / "usr/share/games/fortunes"


def sentences(text: str, least: int, most: int) -> Iterator[str]:
    """Plain sentences of `least` to `most` words, of a file whose sayings are parted by lines of a ``%``."""
    for saying in _BETWEEN.split(text):
        if "\b" in saying:  # printed over itself
            continue
        for sentence in _FULL_STOP.split(" ".join(_AUTHOR.split(saying)[0].split())):
            fits = _SENTENCE.fullmatch(sentence) and not _UNPLAIN.search(sentence)
            if fits and least <= len(sentence.split()) <= most:
                yield sentence
