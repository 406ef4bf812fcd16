"""What stands in a text but is not said: Markdown, emoji, line ends, letters and digits of other scripts.

Every character that is left out or written otherwise is named, so that nothing goes in silence.
"""

import html
import re
import unicodedata

_HEADING = re.compile(r"(?m)^[ \t]*#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_LINE = re.compile(r"(?m)^[ \t]*([-*_=])(?:[ \t]*\1){2,}[ \t]*$")
_BULLET = re.compile(r"(?m)^[ \t]*(?:>|[-*+•‣▪●])[ \t]+(?:\[[ xX]\][ \t]+)?")
HTML = re.compile(
    r"(?i)</?(p|div|br|hr|h[1-6]|li|ul|ol|table|tr|blockquote|pre)?(?(1)|(?:a|b|big|code|del|em|font|i|img|ins|kbd|q|small|span|strike|strong|sub|sup|td|th|tt|u))(?:\s[^<>]*)?/?>"
)
_ENTITY = re.compile(r"&(?:#\d+|#[xX][\dA-Fa-f]+|[A-Za-z]+\d*);")
_MARKDOWN = [(re.compile(pattern, re.S), said) for pattern, said in (
    (r"```[a-z]*\n?(.*?)```", r"\1"), (r"!?\[([^\]\[]*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)", r"\1"), (r"`([^`\n]+)`", r"\1"),
    (r"<((?:https?://|mailto:)[^<>\s]+)>", r"\1"),
    (r"(?<![\w*])(\*{1,3}|_{1,3}|~{2})(?=\S)([^*\n]*?[^\s*])\1(?![\w*])", r"\2"),
)]  # fmt: skip
_SMILEY = re.compile(r"(?<!\S)(?:[:;=]['’]?-?[()\[\]DPpOo3/|*]+|xD|XD)(?![\w)])|(?<!\S)<3(?!\S)|\^_\^")
_ENDS = ".!?…,;:—–"
# Signs that some language says; all other symbols are dropped.
_SAID = frozenset("&*#@%‰/\\§_€$£₽₹¥¢₴₡₿₩₸₺+=<>~^≈≠≤≥±×÷·√°µΩ№−|`¬∞∑′″")
# Twins: other code points, and signs made of several, for what the rules know, as keyboards and other scripts have them.
_TWINS = {
    "μ": "µ",
    "´": "'",
    "⁄": "/",
    "℃": "°C",
    "℉": "°F",
    "。": ".",
    "、": ",",
    "،": ",",
    "؛": ";",
    "؟": "?",
    "।": ".",
    "‽": "?",
}
_PAIRS = {
    "!=": "≠",
    "/=": "≠",
    "<=": "≤",
    ">=": "≥",
    "==": "=",
    "===": "=",
    "!==": "≠",
    "+/-": "±",
    "+-": "±",
    "->": "→",
    "-->": "→",
    "=>": "→",
}
_PAIR = re.compile(r"(?<=[\s\w)])(?:[!=]==?|[<>]=|\+/-)(?=[\s\w(.√-])|(?<=\s)(?:/=|\+-|--?>|=>)(?=\s)")
_ROW = re.compile(r"(?<![\w*#])([#*])\1+(?![\w*#])")  # a rule, or a heading inside a line
# What no word can hold, and `text.phones` refuses; a + before a letter marks a stress.
QUIET = re.compile(r"[_^~|\\{}<>`•·°№′″]")
UNSAID = re.compile(rf"{QUIET.pattern}|[&*#@%‰/§=$]|\+(?![^\W\d_])|[£₽₹¥¢₴₡₿₩₸₺€≈≠≤≥±×÷√µΩ−¬∞∑]")
_GREEK = re.compile(r"[\u0370-\u03FF\u1F00-\u1FFF]+")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_MARKS = re.compile(r"(?<![АЕЁИОУЫЭЮЯаеёиоуыэюя])[\u0300-\u036F]|(?<=\w)[\u0300\u0302-\u036F]")  # but stresses
_SUPER = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")


def unmarked(text: str) -> str:
    """Without Markdown; the end of a line is a comma, a blank line a full stop, where no mark is there yet."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n")
    text = _ENTITY.sub(lambda m: html.unescape(m[0]), HTML.sub(lambda m: "\n" if m[1] else "", text))
    text = _BULLET.sub("", _LINE.sub("\n", _HEADING.sub(r"\1", text)))
    text = re.sub(r"(?<!\S)#{1,6} (?=[^\W\d_a-zа-яё])", "", text)
    for pattern, said in _MARKDOWN:
        text = pattern.sub(said, text)
    return re.sub(r"[ \t\v\f]*\n\s*", _pause, text.strip())


def _pause(m: re.Match) -> str:
    before = m.string[: m.start()][-1:]
    return " " if before in _ENDS else ". " if m[0].count("\n") > 1 else ", "


def signs(
    text: str, keep: re.Pattern, kin: dict[str, str] | None = None, greek: dict[str, str] | None = None
) -> tuple[str, list[str]]:
    """Without smileys and symbols that nobody says; and what was so.

    Letters that `keep` does not match are written as `kin` has them, which are letters of its script in other
    languages, or in Latin ones; Greek letters that are no word of Greek by their names in `greek`, if there are some.
    """
    notes: list[str] = []
    text = _SMILEY.sub(lambda m: _noted(m[0], "", notes), unicodedata.normalize("NFC", text))
    text = _CONTROL.sub(lambda m: _noted(m[0], "", notes), text)
    if greek:
        text = _MARKS.sub(lambda m: _noted(m[0], "", notes), text)
        text = _GREEK.sub(lambda m: _greek(m, greek, notes), text)
    text = re.sub(r"(?<=[\w)])[⁻⁺]?[⁰¹²³⁴-⁹]+", lambda m: "^" + m[0].translate(_SUPER), text)
    text = _PAIR.sub(lambda m: _PAIRS[m[0]], text)
    text = _ROW.sub(lambda m: _noted(m[0], " ", notes), text)
    return "".join(_sign(char, keep, kin or {}, notes) for char in text), list(dict.fromkeys(notes))


def _sign(char: str, keep: re.Pattern, kin: dict[str, str], notes: list[str]) -> str:
    if twin := _TWINS.get(char):
        return twin
    if char.isascii() or char in _SAID or keep.match(char):
        return char
    kind = unicodedata.category(char)
    if kind[0] == "N":
        return _digit(char, notes)
    if kind in ("Mn", "Me") and not "\u0300" <= char < "\u034f":  # that of another script, a variation of an emoji
        return ""
    if kind == "Po" and char not in "¿¡…·":  # a mark in the form of another script, or a sign of a book
        mark = unicodedata.normalize("NFKC", char)
        return mark if mark != char and mark.isascii() else _noted(char, " ", notes)
    if kind[0] in "PZ" or kind == "Mn":
        return {"„": '"', "‚": "'"}.get(char, char)
    if kind[0] == "L":
        from anyascii import anyascii

        plain = unicodedata.normalize("NFD", char)[0]
        said = kin.get(char.lower()) or (plain if keep.match(plain) else re.sub(r"[^A-Za-z' ]", "", anyascii(char)))
        return _noted(char, said.capitalize() if char.isupper() else said, notes)
    if unicodedata.name(char, "").startswith("SQUARE ") and (made := unicodedata.normalize("NFKC", char)).isascii():
        return made  # ㎏
    return _noted(char, " " if kind != "Cf" and char not in "\ufe0f" else "", notes)


def _greek(m: re.Match, names: dict[str, str], notes: list[str]) -> str:
    """A letter by its name; but not where it is a twin of a Latin one, or of the signs for micro and ohm."""
    before, after = m.string[: m.start()], m.string[m.end() :]
    latin = re.search(r"[A-Za-z]$", before), re.match(r"[A-Za-z]", after)
    sign = (m[0] == "μ" and latin[1]) or (m[0] == "Ω" and re.search(r"\d ?[kM]?$|[kM]$", before))
    words = re.search(rf"{_GREEK.pattern[:-1]}{{2}}[ ,.]+$", before) or re.match(
        rf"[ ,.]+{_GREEK.pattern[:-1]}{{2}}", after
    )
    name = names.get(m[0].lower())
    if not name or sign or words or all(latin):
        return m[0]
    _noted(m[0], name, notes)
    return " " * before[-1:].isalnum() + name + " " * after[:1].isalnum()


def _noted(char: str, said: str, notes: list[str]) -> str:
    if unicodedata.category(char[0]) != "Cf" and not "\ufe00" <= char[0] <= "\ufe0f":
        name = unicodedata.name(char, "") if len(char) == 1 else ""
        about = f"{char!r}{f' ({name.lower()})' if name else ''}"
        notes.append(f"{about} said as {said!r}" if said.strip() else f"{about} left out")
    return said


def _digit(char: str, notes: list[str]) -> str:
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    if char.isdigit():
        return f" {unicodedata.digit(char)} "
    made = unicodedata.normalize("NFKC", char).replace("⁄", "/")
    if not made.isascii():  # of a script that has numbers of its own
        value = unicodedata.numeric(char, 0.5)
        made = str(int(value)) if value.is_integer() else ""
        return _noted(char, f" {made} ", notes)
    return f" {made} "


def tidy(text: str, notes: list[str], unsaid: re.Pattern = UNSAID) -> str:
    """Single blanks, none before a closing mark; signs that no rule has said are left out, and noted."""
    text = re.sub(r"(?<=\w)\.(?=[,;:])", "", text)  # of what was short
    text = unsaid.sub(lambda m: _noted(m[0], " ", notes), _SMILEY.sub("", text))
    text = re.sub(r"^(?:[-+] )+", "", re.sub(r" +([,.;:!?)»…])", r"\1", " ".join(text.split())))
    return re.sub(r"([(«¿¡]) +", r"\1", re.sub(r"([,;:])(?:\s*,)+", r"\1", text))
