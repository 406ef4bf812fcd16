"""English: how numbers, abbreviations and symbols are said."""

import re
from typing import ClassVar

from blocks.text import _words_english as table
from blocks.text._roman import ROMAN, roman
from blocks.text._spelling import LETTER, Spelling, alternatives

_MONTHS = {month[:3]: month for month in table.MONTHS}
_ANY_CASE = [month for month in table.MONTHS if month not in ("March", "May")]
_SHORT = [month[:3] for month in _ANY_CASE] + ["Sept"]
_MONTH = (  # march and may are words, too
    rf"((?i:{'|'.join(_ANY_CASE)})\b|(?:March|MARCH|May|MAY)\b|(?:(?i:{'|'.join(_SHORT)})|Mar|MAR)\b(?:\.(?! ?$))?)"
)
_DAY = r"([12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?"
_STREET = "|".join(table.STREETS)


class English(Spelling):
    code = "en"
    letters = r"[A-Za-zÀ-ÅÇ-ÏÑ-ÖÙ-Ýà-åç-ïñ-öù-ýÿ]"  # those that are ASCII without their accents
    words: ClassVar = table.WORDS
    currencies: ClassVar = table.CURRENCIES
    magnitudes: ClassVar = table.MAGNITUDES
    units: ClassVar = table.UNITS
    symbols: ClassVar = table.SYMBOLS
    abbreviations: ClassVar = {k: v for k, v in table.ABBREVIATIONS.items() if k not in table.WORDS_TOO}
    closing = frozenset(table.CLOSING)
    cues = "extension|password|dial|code|pin|zip|call|text"
    date_order = "mdy"
    wholes = False
    starters = frozenset(table.STARTERS)
    link = ""  # between hundreds and tens; Americans have none

    def __init__(self, language: str):
        if language in ("en", "en-US", "en-CA"):
            self.symbols = self.symbols | {"#": "pound"}
        else:
            self.date_order = "dmy"
            self.link = "and"
        super().__init__(language)

    def mend(self, words: str) -> str:
        words = words.replace(",", "")
        return words if self.link else words.replace(" and ", " ")

    def year(self, number: int) -> str:
        return self.mend(self._words(number, to="year"))

    def decimal(self, whole: str, part: str, mark: str) -> str:
        return f"{self.cardinal(int(whole))} point {self.digits(part)}"

    def fraction(self, above: int, below: int) -> str | None:
        if below > 20 or below == 1 or (above, below) == (9, 11):
            return None
        one, many = {2: ("half", "halves"), 4: ("quarter", "quarters")}.get(below, (self.ordinal(below),) * 2)
        return f"{self.cardinal(above)} {one if above == 1 else many if below in (2, 4) else many + 's'}"

    def time(self, hour: int, minute: int, half: str) -> str:
        after = f" {half} M" if half else ""
        if minute == 0:
            return self.cardinal(hour) + (after or (" o'clock" if 0 < hour <= 12 else " hundred"))
        return f"{self.cardinal(hour)} {'oh ' if minute < 10 else ''}{self.cardinal(minute)}{after}"

    def date(self, day: int, month: int, year: str) -> str:
        return f"{table.MONTHS[month - 1]} {self.ordinal(day)}, {self.year(int(year))}"

    def power(self, number: str) -> str:
        digits = int(number.lstrip("-−–"))
        if not number[0].isdigit():
            return f"to the minus {self.cardinal(digits)}"
        return {2: "squared", 3: "cubed"}.get(digits) or f"to the power of {self.cardinal(digits)}"

    def per(self, sign: str) -> str:
        return f"per {table.PER[sign]}" if sign in table.PER else super().per(sign)

    def amount(self, number: str, forms: tuple[str, ...]) -> str:
        return f"{self.say(number)} {forms[number != '1']}"

    def spoken_group(self, digits: str) -> str:
        return f"{self.digits(digits[0])} hundred" if re.fullmatch("[1-9]00", digits) else self.digits(digits)

    def first_rules(self):
        heads = "|".join(table.HEADS)
        yield (
            rf"(?<=\d )({alternatives(table.COMPASS)})\.? (?=\d+(?:st|nd|rd|th)\b|(?:[A-Z][\w'’]+ ){{1,4}}(?:{_STREET}|{'|'.join(table.STREETS.values())})\b)",
            lambda m: f"{table.COMPASS[m[1]]} ",
        )
        yield (
            rf"(?<![\w.])(?!(?<!, )(?:HI|IN|ME|OK|OR) )({'|'.join(table.STATES)}) (\d{{5}})(?:-(\d{{4}}))?(?![\w-]|[.,]\d)",
            lambda m: f"{m[1]} {self.digits(m[2])}{', ' + self.digits(m[3]) if m[3] else ''}",
        )
        yield r"(?<![\w$£€.,/:-])911(?![\w/:-]|[.,]\d| [a-z]+s\b)(?<!Porsche 911)", lambda m: self.digits("911")
        yield r"(?<=Porsche )911\b", lambda m: "nine eleven"
        yield r"(?<![\w/])9/11(?![\w/])", lambda m: "nine eleven"
        yield rf"\b({'|'.join(table.DAYS)})\.?,? (\d\d?)/(\d\d?)(?![\w/]|[.,]\d)", self._day_and_date
        yield (
            r"(?<![\w/.,])(\d+)/(\d+)(?= on (?:the|my|your|his|her|our|their|a|an|this|that) (?:\w+ )?(?:test|exam|quiz|final|midterm|paper|assignment|homework|essay)\b)",
            self._out_of,
        )
        yield (
            r"(?i)(?<=\bscored )(\d+)/(\d+)|(?<=\brated )(\d+)/(\d+)",
            lambda m: self._out_of(re.match(r"(\d+)/(\d+)", m[0])),
        )
        yield rf"(?<=\d)/({'|'.join(table.PER)})(?!\w)", lambda m: f" {self.per(m[1])}"
        yield (
            r"(?<![\w.,\-–])(\d{4})(?:[-–](\d{4}))? (?=(?:AD|BC|BCE|CE)\b)",
            lambda m: f"{self.year(int(m[1]))} {'to ' + self.year(int(m[2])) + ' ' if m[2] else ''}",
        )
        yield r"\bWW ?([12])\b", lambda m: f"World War {self.cardinal(int(m[1]))}"
        yield (
            r"(?<![\w.'’])([A-F])[-−](?= grade|[,.;)]|$| (?:in|on|for|from|student|average|plus)\b)",
            lambda m: f"{m[1]} minus",
        )
        yield r"(?<=\d)\* (?=hotel|resort|review|rating|restaurant)", lambda m: " star "
        yield r"\b([bd])\. (?=1\d{3}\b|20\d\d\b)", lambda m: "born " if m[1] == "b" else "died "
        yield r"(?<=\d(?:st|nd|rd|th)) (fl|c)\.(?! [A-Z][a-z])", lambda m: " floor" if m[1] == "fl" else " century"
        yield (
            r"(?<=\d) c\.(?= of\b)",
            lambda m: f" cup{'' if re.search(r'(?<![0-9./])1$', m.string[: m.start()]) else 's'}",
        )
        yield r"\b([Mm])(ax|in)\. (?=[a-z]|\d)(?<!\d min\. )", lambda m: f"{m[1]}{m[2]}imum "
        yield r"(?<=one )yr\b|(?<=per )yr\b|(?<=[aA] )yr\b|(?<=this )yr\b|(?<=last )yr\b", lambda m: "year"
        yield r"(?<=\d)( ?[aApP]\.?[mM]\.?) ?[-–—] ?(?=\d)", lambda m: f"{m[1]} to "
        yield r"(?<![\w.])(\d{1,2}) ?- ?(?=\d{1,2} ?[aApP]\.?[mM]\b)", lambda m: f"{m[1]} to "
        yield (
            r"\bNo\.? ?(?=\d+[.,;)]|\d+$)|\bNo\. ?(?=\d)|(?<=[a-z] )no\.? ?(?=\d)(?<!say no. )(?<!said no. )(?<!so no. )|#(?=\d)|№ ?(?=\d)",
            lambda m: "number ",
        )
        yield r"\b([pP]{1,2})\. ?(?=\d)", lambda m: "pages " if len(m[1]) == 2 else "page "
        yield (
            rf"(?<=[a-z])/(?=(?:{'|'.join(table.PER)}|day|week|month|year|hour|minute|second)\b(?!\^))(\w+)",
            lambda m: f" {self.per(m[1])}",
        )
        yield (
            r"(?<![\d.])(1?\d)\.([0-5]\d)(?= ?(?:[-–] ?1?\d(?:[.:]\d\d)? ?)?[ap]\.?m\b)",
            lambda m: f"{m[1]}:{m[2]}",
        )
        yield r"§§ ?(?=\d)", lambda m: "sections "
        if self.date_order == "mdy":
            yield (
                r"(?<![\w/.])(0[1-9])/([0-2]\d|3[01])(?![\w/]|[.,]\d)",
                lambda m: f"{table.MONTHS[int(m[1]) - 1]} {self.ordinal(max(int(m[2]), 1))}",
            )
        yield r"\bvs\b(?!\.)", lambda m: "versus"
        yield r"\bc\. ?(?=\d{3,4}\b)", lambda m: "circa "
        yield (
            r"(?<=\d)x(?= (?:faster|slower|more|less|as|bigger|larger|smaller|longer|shorter|cheaper|better)\b)",
            lambda m: " times",
        )
        yield (
            r"(?<=\d) in(?:\.(?=[,;) ]|$)|(?=[,;)]|$))",
            lambda m: f" {'inch' if re.search(r'(?<![0-9.])1$', m.string[: m.start()]) else 'inches'}",
        )
        yield (
            r"(?<![\d/.,\w])(\d{1,3})/(\d{1,2})(?:th|rd|nd)s?\b",
            lambda m: self.fraction(int(m[1]), int(m[2])) or m[0],
        )
        days = "Mon|Tues?|Wed|Thu(?:rs)?|Fri|Sat|Sun"
        yield r"\b[eE]q\. ?(?=\(\d)", lambda m: f"{self._like(m[0], 'equation')} "
        yield (
            rf"\b({days})\.? ?[-–] ?({days})\b\.?",
            lambda m: f"{table.ABBREVIATIONS[m[1].lower()]} to {table.ABBREVIATIONS[m[2].lower()]}",
        )
        yield r"\b(\d)-(\d{3})-(?=[A-Z]{3})", lambda m: f"{self.digits(m[1])}, {self.spoken_group(m[2])}, "
        yield r"\b[wW]/o\b", lambda m: "without"
        yield r"\b[wW]/(?= )", lambda m: "with"
        yield (
            rf"\b(Mr|Mrs|Dr|Prof|St)(?= [A-Z]{LETTER}+\b)(?<![a-z] Dr)(?<![a-z] St)",
            lambda m: table.ABBREVIATIONS[m[1].lower()].capitalize(),
        )
        yield rf"\b({LETTER}+(?:['’]s)?|\d+(?:st|nd|rd|th)) ({_STREET})\b(\.?)(?=( [^\W\d_]*)?)", self._street
        yield r"\bMs\.(?= )", lambda m: "Ms"
        yield (
            rf"(?i)(?<![\w.])({alternatives(table.BEFORE_NUMBERS)})\.? ?(?=\d)(?<!no )(?<!No )(?<!no\. )",
            lambda m: f"{self._like(m[1], table.ABBREVIATIONS[m[1].lower()])} ",
        )
        yield (
            r"\b(Gen|Col|Rep|Gov|Hon|Pres|Ft|Mt|St|Sec|Co)\. (?=[A-Z])",
            lambda m: f"{self._like(m[1], table.ABBREVIATIONS[m[1].lower()])} ",
        )
        yield r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:\.|(?=, ))(?=,? )", lambda m: table.ABBREVIATIONS[m[1].lower()]
        yield rf"(?i)\b({heads}) (?-i:{ROMAN})(?!\w)(?!['’])", lambda m: f"{m[1]} {self.cardinal(roman(m[2]))}"
        yield rf"\b({'|'.join(table.REGNAL)}) (?!I(?:['’]| (?:{'|'.join(table.AFTER_I)})\b)){ROMAN}(?!\w)", self._regnal
        yield (
            rf"\b{ROMAN}(?= (?:[cC]entur(?:y|ies)|[dD]ynasty|[cC]ongress|(?:Summer |Winter )?(?:Olymp|Paralymp|Games)\w*)\b)",
            lambda m: self.ordinal(roman(m[1])),
        )
        yield rf"\b([A-Z]{LETTER}+) (?=[IVXL]{{2}}){ROMAN}(?!\w)", lambda m: f"{m[1]} {self.cardinal(roman(m[2]))}"
        yield rf"(?<=[Ii]n ){_MONTH} (\d{{1,2}})(?= [a-z])", lambda m: f"{_month(m[1])} {self.cardinal(int(m[2]))}"
        yield rf"(?<![\w.,:/\-–])((?i:the) )?{_DAY}(?: of)? {_MONTH}", self._day_of_month
        yield rf"\b{_MONTH} {_DAY}(?![\w:/%°\-–]|[.,]\d)", lambda m: f"{_month(m[1])} {self.ordinal(int(m[2]))}"
        yield (
            r"(?i)\b((?:in|of|by|year|since|until|till|from|summer|autumn|winter|spring) )(10[1-9]\d)(?!\d|[,.]\d|%| [a-z]+s\b)",
            lambda m: f"{m[1]}{self.year(int(m[2]))}",
        )
        yield rf"\b{_MONTH} (?=\d{{1,4}}\b)", lambda m: f"{_month(m[1])} "
        yield (
            r"\b(\d{4})[-–](\d\d)(?=\D*$| [a-z])(?<=(?:19|20)\d\d.\d\d)",
            lambda m: f" {self.year(int(m[1]))} to {self.cardinal(int(m[2]))} ",
        )
        yield (
            r"(\d+)['′’] ?(\d+)(?:[\"″”]|'')",
            lambda m: f" {self.say(m[1])} {'foot' if m[1] == '1' else 'feet'} {self.say(m[2])} ",
        )
        yield (
            r"(\d+) ?ft\.? (\d+) ?in\b",
            lambda m: f" {self.amount(m[1], self.units['ft'])} {self.say(m[2])} {'inch' if m[2] == '1' else 'inches'} ",
        )
        yield (
            r"(?<![\w.,\-])(\d+\.\d+|\d|[1-9][1-9]) ?s(?=[.,;!?)]*$|[.,;!?)] | [a-z])",
            lambda m: f"{m[1]} seconds",
        )
        yield r"\bWW(I{1,2})\b", lambda m: f"World War {self.cardinal(roman(m[1]))}"
        yield (
            r"(?<=\d )((?:m|b|tr)illion|thousand) ([kmc]m|kg|mg|GB|MB|TB|km|Hz|W|kW)\b",
            lambda m: f"{m[1]} {self.units[m[2]][1]}",
        )

    def own_rules(self):
        yield r"(?<=\bto )(\d+) ([kKM])(?![\w'’])", lambda m: f"{self.say(m[1])} {table.MAGNITUDES[m[2]]}"  # 10-20k
        yield (
            r"(?<![\w.])(\d[\d,]*(?:\.\d+)?)(k|(?<=\d\d)K|(?<=\.\d)K|M)(?![\w'’])",
            lambda m: f" {self.say(m[1])} {table.MAGNITUDES[m[2]]} ",
        )
        yield r"(?i)(?<![\d.,])(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b", self._ordinal
        yield rf"(?<={LETTER})-(?=\d+s\b)", lambda m: " "
        yield r"(?<![\d.,])(\d{4}|['’]?\d0|\d+(?=s))['’]?s\b", self._decade
        yield r"(?<![\w.])(II|III|VII|VIII|XII|XIII|XIV|XVI|XVII|XVIII|XIX)(?!\w)", lambda m: self.cardinal(roman(m[1]))
        yield r"['’](?=\d\d\b)", lambda m: ""
        yield r"(?<=\d) ?([aApP])\.?[mM]\b(?:\.(?=[,;:)]| [a-z]))?", lambda m: f" {m[1].upper()} M"
        yield (
            r"\b(\d+(?:\.\d+)?)[eE]([-+]?\d+)\b",
            lambda m: f" {self.say(m[1])} times ten {self.power(m[2].lstrip('+'))} ",
        )
        yield r"(?<=\bC)#", lambda m: " sharp"

    def _like(self, written: str, words: str) -> str:
        return words.capitalize() if written[0].isupper() else words

    def _day_of_month(self, m: re.Match) -> str:
        return f"{m[1] or 'the '}{self.ordinal(int(m[2]))} of {_month(m[3])}"

    def _day_and_date(self, m: re.Match) -> str:
        month, day = (m[2], m[3]) if self.date_order == "mdy" else (m[3], m[2])
        if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
            return m[0]
        name = next(day for day in table.ABBREVIATIONS.values() if day.startswith(m[1][:3]) and day.endswith("day"))
        return f"{name}, {table.MONTHS[int(month) - 1]} {self.ordinal(int(day))}"

    def _street(self, m: re.Match) -> str:
        """A street is named before and not followed by a name; else it is a saint, a doctor or what was written."""
        name, short, dot, after = m[1], m[2], m[3], (m[4] or "").strip()
        named = name[0].isdigit() or (name[0].isupper() and name not in table.STARTERS and not name.isupper())
        begins = after in table.STARTERS
        if not named or (after[:1].isupper() and not begins and short in ("St", "Dr", "Pl", "Ct")):
            return m[0]
        ends = dot and (begins or not m.string[m.end() :].strip())
        return f"{name} {table.STREETS[short]}{'.' if ends else ''}"

    def _regnal(self, m: re.Match) -> str:
        return f"{m[1]} the {self.ordinal(roman(m[2]))}"

    def _ordinal(self, m: re.Match) -> str:
        digits = m[1].replace(",", "")
        return f" {self.ordinal(int(digits)) if len(digits) < 10 else self.digits(digits)} "

    def _decade(self, m: re.Match) -> str:
        words = self.quantity(m[1].strip("'’"))
        return f" {words[:-1] + 'ies' if words.endswith('y') else words + 's'} "


def _month(written: str) -> str:
    return _MONTHS[written[:3].capitalize()]
