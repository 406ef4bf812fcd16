"""Constituents that another parser has found: Penn brackets in a file of the user's, for any language.

A line holds a row's id, a tab, and its parse: ``u1<TAB>(S (NP (PRP he)) (VP (ADVP (RB never)) (VBD lied)))``. Labels lose
their functions (``NP-SBJ`` is an NP), empty elements (``-NONE-``) and wrappers without a label count nothing.
"""

import re
from pathlib import Path

from pydantic import Field, field_validator

from blocks.base import BadItem, BlockConfig, Mapper
from blocks.load import suggest
from blocks.parser._words import letters, over_words
from blocks.parser.schema import Parsed, Sentence

_TOKEN = re.compile(r"[()]|[^\s()]+")


class Config(BlockConfig):
    path: str = ""  # of the file
    parses: dict[str, str] = Field(default_factory=dict)  # id -> brackets, beside those of the file

    @field_validator("path")
    @classmethod
    def _is_a_file(cls, path: str) -> str:
        if path and not Path(path).is_file():
            raise ValueError(f"no file {path}, want lines of an id, a tab and Penn brackets")
        return path


class Brackets(Mapper[Config]):
    tiny = Config(parses={"item": "(S (NP (NN hello)) (NP (NN world)))"})
    paper = "Marcus, Marcinkiewicz and Santorini 1993 (Penn Treebank)"

    def setup(self) -> None:
        """Raises ValueError naming file and line where a line cannot be read."""
        self.parses = {id: read(text) for id, text in self.config.parses.items()}
        if not self.config.path:
            return
        for number, line in enumerate(Path(self.config.path).read_text(encoding="utf-8-sig").splitlines(), 1):
            id, tab, text = line.partition("\t")
            if not line.strip():
                continue
            try:
                if not tab:
                    raise ValueError("want an id, a tab and brackets")
                if id in self.parses:
                    raise ValueError(f"the id {id!r} stands there twice")
                self.parses[id] = read(text)
            except ValueError as error:
                raise ValueError(f"{self.config.path}:{number}: {error}") from None

    def apply(self, items: list[Sentence]) -> list[Parsed]:
        return [self._one(item) for item in items]

    def _one(self, item: Sentence) -> Parsed:
        """Raises BadItem where the file has no such id, or brackets of another text."""
        if item.id not in self.parses:
            where = self.config.path or "no file of brackets was given (path)"
            raise BadItem(f"{where} has no line for {item.id!r}{suggest(item.id, list(self.parses))}")
        found, tokens = self.parses[item.id]
        return Parsed(words=item.words, spans=over_words(found, tokens, item.words, item.text))


def read(text: str) -> tuple[list[tuple[str, int, int]], list[str]]:
    """The constituents of one parse, ``(label, first token, last token exclusive)``, inner ones last, and its tokens.

    Raises ValueError where brackets do not come in pairs.
    """
    found, tokens, open_at = [], [], []
    parts = list(_TOKEN.finditer(text))
    for n, part in enumerate(parts):
        if part[0] == "(":
            label = parts[n + 1][0] if n + 1 < len(parts) and parts[n + 1][0] not in "()" else ""
            open_at.append((label, len(tokens), len(found)))
            found.append(None)
        elif part[0] == ")":
            if not open_at:
                raise ValueError(f"character {part.start() + 1}: a ) without its (")
            label, first, place = open_at.pop()
            found[place] = (_bare(label), first, len(tokens))
        elif parts[n - 1][0] != "(" or n == 0:  # a word; what follows a bracket is a label
            if not open_at:
                raise ValueError(f"character {part.start() + 1}: {part[0]!r} stands outside the brackets")
            if open_at[-1][0] != "-NONE-":
                tokens.append(_ESCAPED.get(part[0], part[0]))
    if open_at:
        raise ValueError(f"{len(open_at)} brackets are not closed")
    return [span for span in found if span[0] and span[2] > span[1]], tokens


_ESCAPED = {"-LRB-": "(", "-RRB-": ")", "-LCB-": "{", "-RCB-": "}", "-LSB-": "[", "-RSB-": "]"}


def _bare(label: str) -> str:
    """``NP`` of ``NP-SBJ-1``; parts of speech of punctuation and empty elements have no name."""
    return re.split("[-=|]", label)[0] if letters(label[:1]) else ""
