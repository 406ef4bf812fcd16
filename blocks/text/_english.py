"""English: how numbers, abbreviations and symbols are said."""

import re
from typing import ClassVar

from blocks.text._spelling import Spelling

_METRIC = {
    "km": "kilometer", "cm": "centimeter", "mm": "millimeter", "kg": "kilogram", "mg": "milligram", "ms": "millisecond",
    "KB": "kilobyte", "Kb": "kilobit", "kb": "kilobit", "MB": "megabyte", "GB": "gigabyte", "dB": "decibel",
    "mi": "mile", "lb": "pound", "lbs": "pound",
}  # fmt: skip

_SMALL = {"g": "gram", "m": "meter", "l": "liter"}  # units only after a blank: 5m and 3g may be millions and networks
_MONTHS = {month[:3]: month for month in (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)}  # fmt: skip
_MONTH = rf"((?:{'|'.join(_MONTHS.values())})\b|(?:Sept|{'|'.join(_MONTHS)})\b(?:\.(?! ?$))?)"
_DAY = r"([12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?"


class English(Spelling):
    code = "en"
    point, minus, between, dash = "dot", "minus", "to", "dash"
    currencies: ClassVar = {
        "$": (("dollar", "dollars"), ("cent", "cents")),
        "£": (("pound", "pounds"), ("penny", "pence")),
        "€": (("euro", "euros"), ("cent", "cents")),
    }
    units: ClassVar = {sign: (one, one + "s") for sign, one in _METRIC.items()} | {
        "%": ("percent",) * 2, "°": ("degree", "degrees"), "°C": ("degree Celsius", "degrees Celsius"),
        "°F": ("degree Fahrenheit", "degrees Fahrenheit"), "Hz": ("hertz",) * 2, "kHz": ("kilohertz",) * 2,
        "MHz": ("megahertz",) * 2, "ft": ("foot", "feet"), "oz": ("ounce", "ounces"),
    }  # fmt: skip
    symbols: ClassVar = {
        "&": "and", "*": "star", "#": "hash", "+": "plus", "=": "equals", "@": "at", "%": "percent", "/": "slash",
        "§": "section", "×": "times", "÷": "divided by", "±": "plus or minus", "$": "dollars", "£": "pounds",
        "€": "euros",
    }  # fmt: skip
    abbreviations: ClassVar = {
        "mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "prof": "professor", "jr": "junior",
        "sr": "senior", "vs": "versus", "etc": "etcetera", "e.g": "for example", "i.e": "that is", "mt": "mount",
        "approx": "approximately", "dept": "department", "inc": "incorporated", "ltd": "limited", "corp": "corporation",
        "ave": "avenue", "blvd": "boulevard", "capt": "captain", "lt": "lieutenant", "sgt": "sergeant", "st": "saint",
        "ext": "extension", "tel": "telephone",
    }  # fmt: skip
    cues = "extension|password|number|dial|code|pin|room|account"

    def __init__(self, language: str):
        if language in ("en", "en-US", "en-CA"):
            self.symbols = self.symbols | {"#": "pound"}
        super().__init__(language)

    def mend(self, words: str) -> str:
        return words.replace(",", "")

    def year(self, number: int) -> str:
        return self.mend(self._words(number, to="year"))

    def decimal(self, whole: str, part: str, mark: str) -> str:
        return f"{self.cardinal(int(whole))} point {self.digits(part)}"

    def fraction(self, above: int, below: int) -> str | None:
        if below > 20:
            return None
        one, many = {2: ("half", "halves"), 4: ("quarter", "quarters")}.get(below, (self.ordinal(below),) * 2)
        return f"{self.cardinal(above)} {one if above == 1 else many if below in (2, 4) else many + 's'}"

    def time(self, hour: int, minute: int, half: str) -> str:
        after = f" {half} M" if half else ""
        if minute == 0:
            return self.cardinal(hour) + (after or (" o'clock" if 0 < hour <= 12 else " hundred"))
        return f"{self.cardinal(hour)} {'oh ' if minute < 10 else ''}{self.cardinal(minute)}{after}"

    def amount(self, number: str, forms: tuple[str, ...]) -> str:
        return f"{self.say(number)} {forms[number != '1']}"

    def first_rules(self):
        yield r"(?i)\bno\.? ?(?=\d)|#(?=\d)|№ ?(?=\d)", lambda m: "number "
        yield r"\b(pp?)\. ?(?=\d)", lambda m: "pages " if m[1] == "pp" else "page "
        yield r"(?<=[a-z] )St\.(?= [a-z]|,| ?$)", self._street
        yield rf"(?<![\w.,:/\-–])((?i:the) )?{_DAY}(?: of)? {_MONTH}", self._day_of_month
        yield rf"\b{_MONTH} {_DAY}(?![\w:/%°\-–]|[.,]\d)", lambda m: f"{_month(m[1])} {self.ordinal(int(m[2]))}"
        yield rf"\b{_MONTH} (?=\d{{4}}\b)", lambda m: f"{_month(m[1])} "
        yield (
            rf"(?<![\w.,$£€])({self.number}) ([gml])(?![\w'’])",
            lambda m: f"{m[1]} {_SMALL[m[2]]}{'s' * (m[1] != '1')}",
        )

    def own_rules(self):
        yield r"(?i)(?<![\d.,])(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b", self._ordinal
        yield r"(?<![\d.,])(\d{4}|'?\d0)'?s\b", self._decade
        yield r"(?<=\d) ?([aApP])\.?[mM]\b", lambda m: f" {m[1].upper()} M"

    def _day_of_month(self, m: re.Match) -> str:
        return f"{m[1] or 'the '}{self.ordinal(int(m[2]))} of {_month(m[3])}"

    def _street(self, m: re.Match) -> str:
        return "Street" + ("." if not m.string[m.end() :].strip() else "")

    def _ordinal(self, m: re.Match) -> str:
        digits = m[1].replace(",", "")
        return f" {self.ordinal(int(digits)) if len(digits) < 10 else self.digits(digits)} "

    def _decade(self, m: re.Match) -> str:
        words = self.told(m[1].strip("'"))
        return f" {words[:-1] + 'ies' if words.endswith('y') else words + 's'} "


def _month(written: str) -> str:
    return _MONTHS[written[:3]]
