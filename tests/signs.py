"""Every sign of Unicode's first plane, and the emoji, in a sentence and inside a word: is the sentence still spoken?"""

import unicodedata
from collections.abc import Iterator, Sequence

from blocks.base import BadItem, Failure
from blocks.text.schema import Written

FORMS = {
    "en-US": ("Hello {} world", "hello{}world"),
    "es-ES": ("Hola {} mundo", "hola{}mundo"),
    "es-MX": ("Hola {} mundo", "hola{}mundo"),
    "ru": ("Привет {} мир", "привет{}мир"),
}
TOGETHER = 64  # signs of one text; where it is refused, each half is tried


def assigned() -> list[str]:
    """Letters, marks, numbers, punctuation, symbols, blanks and controls of formats; no surrogates, nothing of private use."""
    points = (*range(0x20, 0xD800), *range(0xE000, 0x10000), *range(0x1F000, 0x1FB00))
    kinds = ((char, unicodedata.category(char)) for char in map(chr, points))
    return [char for char, kind in kinds if kind[0] in "LMNPSZ" or kind == "Cf"]


def refused(front_end: Sequence, signs: Sequence[str], form: str, language: str) -> Iterator[tuple[str, str]]:
    """Each sign with which a text is refused by `text.normalise` or `text.phones`, or loses all its words, and the reason."""
    for at in range(0, len(signs), TOGETHER):
        yield from _halved(front_end, signs[at : at + TOGETHER], form, language)


def _halved(front_end, signs, form, language) -> Iterator[tuple[str, str]]:
    reason = _reason(front_end, ". ".join(form.format(sign) for sign in signs), language)
    if reason and len(signs) > 1:
        for half in (signs[: len(signs) // 2], signs[len(signs) // 2 :]):
            yield from _halved(front_end, half, form, language)
    elif reason:
        yield signs[0], reason


def _reason(front_end, text: str, language: str) -> str:
    for block in front_end:
        try:
            (made,) = block.apply([Written(text=text, language=language)])
        except BadItem as error:
            return str(error)
        if isinstance(made, Failure):
            return made.reason
        text = getattr(made, "text", "")
    return ""
