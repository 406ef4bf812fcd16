"""What `<say-as>` asks for: a text as characters, a date, a telephone number, a cardinal or an ordinal, in words."""

import re

from blocks.text._spelling import Spelling

KINDS = ("characters", "spell-out", "digits", "date", "telephone", "cardinal", "number", "ordinal")


def say_as(spelling: Spelling, kind: str, text: str, order: str = "") -> str:
    """The words. `order` is SSML's `format` of a date, such as ``mdy``. Raises ValueError saying what would fit."""
    text = " ".join(text.split())
    if kind in ("characters", "spell-out", "digits"):
        return " ".join(filter(None, (_character(spelling, char) for char in text)))
    if kind == "telephone":
        if not (groups := re.findall(r"\d+", text)):
            raise ValueError("digits, as in 555-0123")
        return ", ".join(map(spelling.spoken_group, groups))
    if kind == "date":
        return _date(spelling, text, order)
    found = re.fullmatch(r"([-−+]?)(\d[\d.,\u00a0 ]*)(?:st|nd|rd|th|º|ª|-?[а-я]{1,3})?\.?", text)
    digits = found and re.sub(r"\D", "", found[2])
    if not digits or len(digits) > 15 or (kind == "ordinal" and found[1]):
        raise ValueError("a whole number of at most 15 digits")
    words = spelling.ordinal(int(digits)) if kind == "ordinal" else spelling.cardinal(int(digits))
    return f"{spelling.words['minus']} {words}" if found[1] in "-−" and found[1] else words


def _character(spelling: Spelling, char: str) -> str:
    if char.isdigit():
        return spelling.cardinal(int(char))
    if char.isalpha():
        return spelling.letter_name(char)
    return spelling.words.get(char) or spelling.symbols.get(char, "")


def _date(spelling: Spelling, text: str, order: str) -> str:
    """Three numbers in the given order, or that of the language; what is written in words is left to the rules."""
    if order and sorted(order) != sorted("dmy"):
        raise ValueError("the format mdy, dmy, ymd, ydm or none at all")
    parts = re.findall(r"\d+", text)
    if len(parts) != 3 or re.search(r"[^\W\d_]", text):
        return spelling(text)[0]
    order = order or ("ymd" if len(parts[0]) == 4 else spelling.date_order)
    given = dict(zip(order, parts))
    if not (1 <= int(given["d"]) <= 31 and 1 <= int(given["m"]) <= 12 and len(given["y"]) in (2, 4)):
        raise ValueError(
            f"day, month and year as {order} says, as in {'/'.join({'d': '24', 'm': '12', 'y': '2025'}[c] for c in order)}"
        )
    year = given["y"] if len(given["y"]) == 4 else ("20" if int(given["y"]) < 50 else "19") + given["y"]
    return spelling.date(int(given["d"]), int(given["m"]), year)
