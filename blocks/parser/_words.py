"""From the tokens of a parser to the words of a text: ``do`` and ``n't`` are one word, a full stop is none.

Both spell the same text, so they are held against each other letter by letter.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise

from blocks.arrays import Span
from blocks.base import BadItem


def letters(text: str) -> str:
    """What counts of a text: letters and digits, without case and without marks on them."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in plain if char.isalnum())


def over_words(
    found: Iterable[tuple[str, int, int]], tokens: Sequence[str], words: Sequence[str], text: str
) -> tuple[Span, ...]:
    """The spans of words that ``(label, first token, last token exclusive)`` cover, in their order, each once.

    Each also says where in `text` its first word begins and its last one ends, marks around them left out. Left out are those
    that begin or end inside a word, that hold none, and the whole sentence.

    Raises BadItem where tokens and words do not spell the same text.
    """
    places = characters(words, text)
    spelt, given = letters("".join(tokens)), letters("".join(words))
    if spelt != given:
        at = next((n for n, (a, b) in enumerate(zip(spelt, given)) if a != b), min(len(spelt), len(given)))
        raise BadItem(
            f"the parse spells another text than the words: ...{spelt[max(0, at - 10) : at + 10]!r} for "
            f"...{given[max(0, at - 10) : at + 10]!r}"
        )
    starts = [0, *accumulate(len(letters(token)) for token in tokens)]
    edges = {at: word for word, at in enumerate([0, *accumulate(len(letters(word)) for word in words)])}
    spans = {}
    for label, first, last in found:
        begin, end = edges.get(starts[first]), edges.get(starts[last])
        if begin is not None and end is not None and 0 < end - begin < len(words):
            span = Span(label=label, first=begin, last=end, start=places[begin][0], end=places[end - 1][1])
            spans[span] = None
    return tuple(spans)


def characters(words: Sequence[str], text: str) -> list[tuple[int, int]]:
    """Where in a text each of its words begins and ends (exclusive), from its first letter to its last.

    Raises BadItem where they do not spell the same.
    """
    at = [place for place, char in enumerate(text) for _ in letters(char)]
    ends = [0, *accumulate(len(letters(word)) for word in words)]
    if letters("".join(words)) != letters(text):
        raise BadItem(f"the words {' '.join(words)!r} are not those of the text {text!r}")
    return [(at[begin], at[end - 1] + 1) if begin < end else (0, 0) for begin, end in pairwise(ends)]
