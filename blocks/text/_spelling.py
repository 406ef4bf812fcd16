"""How numbers, abbreviations and symbols are said, as far as languages agree; a subclass fills in its words.

A text passes through an ordered list of rules, each a pattern and a method that says what it matched. Nothing that a
rule says holds a digit or a symbol, so no rule undoes another and a second pass changes nothing.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable

LETTER = r"[^\W\d_]"
_LONGEST = 15  # digits that are still said as one number


class Spelling:
    """The text as spoken words. Numbers come from num2words, mended where it errs."""

    code: str
    point: str  # in web addresses
    minus: str
    between: str  # of a range, as in "five to ten"
    dash: str  # in web addresses
    currencies: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]  # sign -> forms of its name, forms of its hundredth
    units: dict[str, tuple[str, ...]]  # sign -> forms of its name
    symbols: dict[str, str]  # said wherever nothing else has taken them
    abbreviations: dict[str, str]  # without the last full stop, in lower case -> words
    cues: str  # pattern of words after which four digits and more are read one by one
    group, mark = ",", "."  # between thousands, before decimals

    def __init__(self, language: str):
        self._whole = {"".join(short.split()): words for short, words in self.abbreviations.items()}
        self.rules = [(re.compile(pattern), said) for pattern, said in self._rules()]

    def __call__(self, text: str) -> str:
        text = plain(text)
        for pattern, said in self.rules:
            text = pattern.sub(lambda m, said=said: _apart(m, said(m)), text)
        return tidy(text)

    # ---- words of a number ----

    def cardinal(self, number: int, **how) -> str:
        return self.mend(self._words(number, **how))

    def ordinal(self, number: int, **how) -> str:
        return self.mend(self._words(number, to="ordinal", **how))

    def year(self, number: int) -> str:
        return self.cardinal(number)

    def digits(self, text: str) -> str:
        return " ".join(self.cardinal(int(digit)) for digit in text if digit.isdigit())

    def decimal(self, whole: str, part: str, mark: str) -> str:
        raise NotImplementedError

    def fraction(self, above: int, below: int) -> str | None:
        """``three quarters``; None for what is no everyday fraction."""
        raise NotImplementedError

    def time(self, hour: int, minute: int, half: str) -> str:
        raise NotImplementedError

    def amount(self, number: str, forms: tuple[str, ...]) -> str:
        """A number with the right one of the forms of what it counts."""
        raise NotImplementedError

    def mend(self, words: str) -> str:
        return words

    def _words(self, number: int, **how) -> str:
        from num2words import num2words

        return num2words(number, lang=self.code, **how)

    # ---- numbers as they are written ----

    @property
    def number(self) -> str:
        """The pattern of a number: with marks between thousands, with decimals, or plain."""
        group, mark = re.escape(self.group), f"[{re.escape(self.mark)}]"
        return rf"\d{{1,3}}(?:{group}\d{{3}})+(?:{mark}\d+)?(?!\d)|\d+(?:{mark}\d+)?"

    def parse(self, number: str) -> tuple[str, str, str]:
        """The digits before the mark, those after it, and the mark."""
        found = re.fullmatch(rf"(.*?\d)(?:([{re.escape(self.mark)}])(\d+))?", self._ungrouped(number))
        return found[1], found[3] or "", found[2] or ""

    def say(self, number: str, **how) -> str:
        """Any written number: `how` is gender and case for languages that have them."""
        whole, part, mark = self.parse(number)
        if len(whole) > _LONGEST or (len(whole) > 1 and whole[0] == "0"):
            return ", ".join(filter(None, [self.digits(whole), self.digits(part)]))
        return self.decimal(whole, part, mark) if part else self.cardinal(int(whole), **how)

    def told(self, number: str) -> str:
        """A number without a unit: four digits alone may be a year."""
        return self.year(int(number)) if re.fullmatch(r"1[1-9]\d\d|20\d\d", number) else self.say(number)

    def _ungrouped(self, number: str) -> str:
        grouped = re.match(rf"\d{{1,3}}(?:{re.escape(self.group)}\d{{3}})+(?!\d)", number)
        return grouped[0].replace(self.group, "") + number[grouped.end() :] if grouped else number

    # ---- rules ----

    def _rules(self) -> Iterable[tuple[str, Callable[[re.Match], str]]]:
        number, N = self.number, rf"(?<![\d])(?:{self.number})"
        signs, units = alternatives(self.currencies), alternatives(self.units)
        yield (
            r"(?i)\b(?:https?://)?www\.[\w.\-]+(?:/[\w.\-/]*)?|https?://[\w.\-/]*\w|\b[\w.\-]+@[\w\-]+(?:\.[\w\-]+)+",
            self._web,
        )
        yield from self.first_rules()
        yield rf"(?<![^\s(])[-−](?=(?:{signs})?{number})", lambda m: f"{self.minus} "
        yield rf"({signs}) ?({number})(?!\d)|({N}) ?({signs})(?!\w)", self._money
        yield (
            r"\+\d[\d\-() ]{5,}\d|\(\d{2,}\) ?\d[\d\- ]{3,}\d|(?<![\d\-])\d{2,4}(?:-\d{2,4})+-\d{2,4}(?![\d\-])"
            r"|(?<![\d\-])\d{3}-\d{4}(?![\d\-])",
            self._telephone,
        )
        end = r"(?![\d\-–/:]|[.,]\d)"
        yield rf"(?<![\d.,/:\-–])({number}) ?[-–—] ?({number})(?:{end}|(?= ?(?:{units})(?!\w)))", self._range
        yield rf"({N}) ?({units})(?!\w)", lambda m: f" {self.amount(m[1], self.units[m[2]])} "
        yield rf"(?i)(?<![\w.])({alternatives(self.abbreviations)})\.(?!\w)( ?$)?", self._abbreviation
        yield rf"(?<![\w.])((?:{LETTER}\.){{2,}})( ?$)?", self._initials
        yield (
            r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\d:])(?: ?([aApP])\.? ?[mM]\b)?",
            self._time,
        )
        yield from self.own_rules()
        yield r"(?<![\d/.,])(?:(\d+) )?(\d{1,3})/(\d{1,3})(?![\d/]|[.,]\d)", self._fraction
        yield rf"(?i)\b((?:{self.cues})\W{{1,3}})(\d{{4,}})(?![.,]?\d)", lambda m: m[1] + self.digits(m[2])
        yield rf"(?<={LETTER})[.\-]?(\d{{3,}})(?![.,]?\d)", lambda m: f" {self.digits(m[1])} "
        yield rf"(?<={LETTER})[.\-](?=\d)|(?<=\d)-(?={LETTER})", lambda m: " "
        yield rf"(?<!\d)({number})", self._number
        yield r" */ +| +/ *", lambda m: ", "
        yield rf"(?<={LETTER})/(?={LETTER})", lambda m: " "
        yield rf"({alternatives(self.symbols)})", lambda m: f" {self.symbols[m[1]]} "

    def first_rules(self) -> Iterable[tuple[str, Callable[[re.Match], str]]]:
        """A language's rules that come before abbreviations lose their full stops."""
        return ()

    def own_rules(self) -> Iterable[tuple[str, Callable[[re.Match], str]]]:
        """A language's rules for numbers with endings or neighbours of their own."""
        return ()

    def _number(self, m: re.Match) -> str:
        return f" {self.told(m[1])} "

    def _web(self, m: re.Match) -> str:
        site = re.sub(r"(?i)^https?://", "", m[0])
        end = "." if site.endswith(".") else ""
        names = {".": self.point, "/": self.symbols["/"], "-": self.dash, "_": " ", "@": self.symbols["@"]}
        words = re.sub(r"(?i)^www\b", "W W W", site.strip("./-"))
        return f" {''.join(f' {names[c]} ' if c in names else c for c in words)}{end} "

    def _abbreviation(self, m: re.Match) -> str:
        words = self._whole["".join(m[1].lower().split())]
        words = words[0].upper() + words[1:] if m[1][0].isupper() else words
        return words + ("." if m[2] is not None else "")

    def _initials(self, m: re.Match) -> str:
        return " ".join(m[1].upper().split(".")).strip() + ("." if m[2] is not None else "")

    def _money(self, m: re.Match) -> str:
        sign, number = m[1] or m[4], m[2] or m[3]
        whole, part, _ = self.parse(number)
        units, hundredths = self.currencies[sign]
        if not part or len(part) > 2 or len(whole) > _LONGEST:
            return f" {self.amount(number, units)} "
        cents = part.ljust(2, "0")
        words = [self.amount(whole, units)] if int(whole) else []
        words += [self.amount(cents.lstrip("0"), hundredths)] if int(cents) else []
        return f" {' '.join(words) or self.amount('0', units)} "

    def _time(self, m: re.Match) -> str:
        words = self.time(int(m[1]), int(m[2]), (m[4] or "").upper())
        return f" {words} " + (f"{self.say(str(int(m[3])))} " if m[3] else "")

    def _telephone(self, m: re.Match) -> str:
        return f" {', '.join(self.digits(group) for group in re.findall(r'[0-9]+', m[0]))} "

    def _fraction(self, m: re.Match) -> str:
        above, below = int(m[2]), int(m[3])
        words = self.fraction(above, below) if 0 < above < below else None
        if words is None:
            return m[0]
        return f" {self.say(m[1])} {self.symbols['&']} {words} " if m[1] else f" {words} "

    def _range(self, m: re.Match) -> str:
        """The second number keeps its digits: its unit is still to be said."""
        return f" {self.told(m[1])} {self.between} {m[2]} "


def _apart(m: re.Match, words: str) -> str:
    """Words that ask for blanks around them get those that they need: none inside quotes and brackets."""
    if not words.startswith(" "):
        return words
    before, after = m.string[: m.start()][-1:], m.string[m.end() :][:1]
    return " " * (before not in " \"'([«“‘¿¡") + words.strip() + " " * (after not in " \"')]»”’,.;:!?…")


def alternatives(words: Iterable[str]) -> str:
    """A pattern of any of the words, longest first; spaces in them may be any or none."""
    return "|".join(re.escape(word).replace(r"\ ", r"\s?") for word in sorted(words, key=len, reverse=True))


def plain(text: str) -> str:
    """NFC, every digit of every script as 0-9, fractions as 1/2, white space as single blanks."""
    return " ".join("".join(map(_plain, unicodedata.normalize("NFC", text))).split())


def _plain(char: str) -> str:
    if char.isascii() or not (char.isnumeric() or char == "⁄"):
        return char
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    if char.isdigit():
        return f" {unicodedata.digit(char)} "
    made = unicodedata.normalize("NFKC", char).replace("⁄", "/")
    return f" {made} " if made != char else char


def tidy(text: str) -> str:
    """Single blanks, none before a closing mark; signs that nothing says are dropped."""
    text = re.sub(r"[_^~|\\{}<>`•·°№]", " ", text)
    text = re.sub(r" +([,.;:!?)»…])", r"\1", " ".join(text.split()))
    return re.sub(r"([(«¿¡]) +", r"\1", text)
