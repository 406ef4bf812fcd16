"""Russian: how numbers, abbreviations and symbols are said; a ``+`` before a vowel is a stress mark and stays.

The case of a number comes from the end of the noun behind it, or from the preposition before it.
"""

import re
from typing import ClassVar

from blocks.text import _letters
from blocks.text import _words_russian as table
from blocks.text._russian_agreement import Agreement
from blocks.text._russian_dates import BEFORE, form
from blocks.text._spelling import alternatives

_LOOKALIKES = str.maketrans("aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ")  # Latin letters typed in Russian words
# Not scores, which are said without a word between.
_RATIO = r"(?:(?=(?:16:9|16:10|4:3|3:2|21:9|1:\d{3,})(?!\d))|(?<=соотношение )|(?<=соотношении )|(?<=пропорция )|(?<=пропорции )|(?<=масштабе ))"
_GENITIVE = "|".join(table.GENITIVE)


class Russian(Agreement):
    code = "ru"
    letters = r"[А-Яа-яЁёA-Za-zÀ-ÅÇ-ÏÑ-ÖÙ-Ýà-åç-ïñ-öù-ýÿ]"
    group, mark = " ", ",."
    words: ClassVar = table.WORDS
    currencies: ClassVar = table.CURRENCIES
    magnitudes: ClassVar = table.MAGNITUDES
    units: ClassVar = table.UNITS
    symbols: ClassVar = table.SYMBOLS
    abbreviations: ClassVar = table.ABBREVIATIONS
    closing = frozenset("".join(short.split()) for short in table.CLOSING)
    starters = frozenset(table.STARTERS)
    kin: ClassVar = table.KIN
    after_of: ClassVar = {"case": "g"}
    arc = ("°", "мин", "сек")
    cues = "парол[ьяемю]*|набрав|наберите|набрать|код[ауом]*|пин-код[ауом]*|номер[ауом]*(?= \\d{4})"

    def mend(self, words: str) -> str:
        return re.sub(r"^(?:одна (?=тысяча\b)|одной (?=тысяч[ие]\b))", "", words)

    def decimal(self, whole: str, part: str, mark: str) -> str:
        if len(part) > 3:
            return f"{self.cardinal(int(whole))} запятая {self.digits(part)}"
        below = (self.ordinal(10 ** len(part), gender="f"), self.ordinal(10 ** len(part), case="g", plural=True))
        one, many = ("целая", below[0]), ("целых", below[1])
        units = f"{self._count(int(whole))} {(one if form(int(whole)) == 0 else many)[0]}"
        return f"{units} {self._count(int(part))} {(one if form(int(part)) == 0 else many)[1]}"

    def fraction(self, above: int, below: int) -> str | None:
        if below > 20 or below == 1:
            return None
        how = dict(gender="f") if above == 1 else dict(case="g", plural=True)
        return f"{self._count(above)} {self.ordinal(below, **how)}"

    def time(self, hour: int, minute: int, half: str) -> str:
        if not minute:
            return self.amount(str(hour), ("час", "часа", "часов"))
        return f"{self.cardinal(hour)} {'ноль ' if minute < 10 else ''}{self.cardinal(minute)}"

    def date(self, day: int, month: int, year: str) -> str:
        return f"{self.ordinal(day, case='g')} {table.MONTHS[month - 1]} {self.ordinal(int(year), case='g')} года"

    def power(self, number: str) -> str:
        digits = int(number.lstrip("-−–"))
        if not number[0].isdigit():
            return f"в минус {self.ordinal(digits, gender='f', case='p')} степени"
        return {2: "в квадрате", 3: "в кубе"}.get(digits) or f"в {self.ordinal(digits, gender='f', case='p')} степени"

    def amount(self, number: str, forms: tuple[str, ...], case: str = "n") -> str:
        whole, part, _ = self.parse(number)
        if part:
            return f"{self.say(number)} {forms[1]}"
        feminine = forms[0].endswith(("а", "я", "йка")) and not forms[0].endswith("Цельсия")
        name = forms[form(int(whole))] if case == "n" else forms[1 if form(int(whole)) == 0 else 2]
        how = {} if case == "n" else {"case": case}
        return f"{self.say(number, gender='f' if feminine else 'm', **how)} {name}"

    def large(self, number: str, magnitude: tuple[str, ...], forms: tuple[str, ...]) -> str:
        return f"{self.amount(number, magnitude)} {forms[2]}"

    def letter_name(self, letter: str) -> str:
        small = letter.lower()
        return _letters.NAMES["ru"].get(small) or _letters.LATIN_IN_RUSSIAN.get(letter.upper(), letter)

    def per(self, sign: str) -> str:
        if sign in table.PER:
            return f"в {table.PER[sign]}"
        return f"{'за' if sign in ('кг', 'шт', 'чел') else 'на'} {table.FOR.get(sign, sign)}"

    def first_rules(self):
        endings = "|".join(sorted(table.ENDINGS, key=len, reverse=True))
        yield from self.short_words()
        yield r"\w*[а-яёА-ЯЁ]\w*", lambda m: m[0] if re.fullmatch("[A-Za-z]+", m[0]) else m[0].translate(_LOOKALIKES)
        yield r"(?i)\b(г-н|г-жа|р-н|д-р)\b\.?", lambda m: table.ABBREVIATIONS[m[1].lower()]
        yield r"(?<!\d )(?<!\d)\b(тыс|млн|млрд)\b(?!\.)", lambda m: table.ABBREVIATIONS[m[1]]
        yield (
            r"(?<!\d)(24/7|50/50)(?![\d/])",
            lambda m: f" {' на '.join(self.cardinal(int(n)) for n in m[1].split('/'))} ",
        )
        yield r"№ ?(?=\d)|#(?=\d)", lambda m: "номер "
        yield rf"(?i){_RATIO}(?<![\d:])(\d{{1,4}}):(\d{{1,6}})(?![\d:])", self._ratio
        yield r"(?i)\bдо н\. ?э\.", lambda m: "до нашей эры"
        yield (
            rf"(?i){BEFORE}(?<![\w.])(?!(?<=\d )[чст]\.)({alternatives(table.BEFORE_NUMBERS)})\. ?(?=\d|номер)",
            lambda m: f"{self._in_case(m, table.BEFORE_NUMBERS)} ",
        )
        yield (
            rf"(?i:{BEFORE})(?<![\w.])({alternatives(table.BEFORE_NAMES)})\. (?=[А-ЯЁ][а-яё])(?<!\d [а-я]\. )",
            lambda m: f"{self._in_case(m, table.BEFORE_NAMES)} ",
        )
        yield rf"(?i:{BEFORE})\b({'|'.join(table.SHORT)})\b", lambda m: self._in_case(m, table.SHORT)
        yield from self.centuries()
        yield from self.hours()
        yield from self.days()
        # numbers with endings
        yield r"(?<![\d.,])([234])-х(?!\w)", lambda m: self.cardinal(int(m[1]), case="g")
        yield r"(?<![\d.,])(\d{1,3})-ти(?!\w)", lambda m: self.cardinal(int(m[1]), case="g")
        yield rf"(?<![\d.,])(\d{{1,9}})-({endings})\b", self._ordinal
        yield r"(?<![\w.,])(\d{1,4})-([а-яё]{4,})", lambda m: f"{self._stem(int(m[1]))}{m[2]}"
        yield (
            r"(?i)(\b(?:верси\w|Windows|Android|iOS|Python|Bluetooth|USB|ГОСТ)\w* )(\d+)\.(\d+)",
            lambda m: f"{m[1]}{self.cardinal(int(m[2]))} точка {self.cardinal(int(m[3]))}",
        )
        yield r"(?<=[а-яё] )\+(?=\d{1,3}(?! ?[\d(]))|(?<!\S)\+(?=\d{1,3}(?! ?[\d(]))", lambda m: "плюс "
        yield r"\b([А-ЯЁ]{2,}[а-яё][А-ЯЁ]+)\b", lambda m: _letters.spelled_russian(m[1])
        yield (
            r"(?<!\d)(?<!\d )\b([А-ЯЁ]{2,5})\b",
            lambda m: _letters.spelled_russian(m[1]) if _letters.is_spelled_russian(m[1]) else m[0],
        )

    def _amounts(self):
        yield from self._cases()
        yield from super()._amounts()

    def _short_words(self):
        large = alternatives(sign for sign in self.units if sign[:3] in ("тыс", "млн", "млр"))
        yield (
            rf"(?<![\d.,])({self.number}) ?({large}) ({alternatives(self.units)})(?![\w^])(?:\.(?=,? [а-яё0-9]|,))?",
            lambda m: f"{self.amount(m[1], self.units[m[2]])} {self.units[m[3]][2]}",
        )
        yield from super()._short_words()

    def _cases(self):
        """Numbers after a preposition, or before a noun that shows its case."""
        yield from self.numbered()
        number, units = r"\d{1,3}(?: \d{3})+(?![\d.,])|\d{1,6}(?![\d.,]\d|\d)", alternatives(self.units)
        signs = alternatives(sign for sign in self.currencies if sign[0].isalpha() and sign[0] > "z")
        yield (
            rf"(?<![\d.,])(\d?[12]) ?[-–] ?(?=\d+ (?:{table.FEMININE}))",
            lambda m: f"{self._count(int(m[1]))} ",
        )
        yield (
            rf"(?i)(?<![\w-])(с|от|между) (плюс |[-−–+]?)({number}) (до|и) (плюс |[-−–+]?)({number})(?![\d:.,/]\d|-)(?: ?({units})(?![\w^])(?:\.(?=,? [а-яё0-9]|,))?)?",
            self._from_to,
        )
        yield (
            rf"(?i)(?<![\w-])({_GENITIVE}) ([-−–]?)({number}) ?({units}|{signs})(?![\w^])\.?(?<![.])",
            lambda m: f"{m[1]} {'минус ' if m[2] else ''}{self.amount(m[3], self._named(m[4]), 'g')}",
        )
        adjectives = r"(?:[а-яё]+(?:[ыи]х|[ыи]ми?) )?"
        yield (
            rf"(?i)(?<![\w-])(в) ({number}) ({units}) (?=от\b)",  # how far
            lambda m: f"{m[1]} {self._apart(int(m[2].replace(' ', '')), self.units[m[3]][0])} ",
        )
        yield rf"(?<![\w.,:/-])({number}) (?={adjectives}([а-яё]+(?:ах|ях|ами|ями|ам|ям))(?!\w))", self._by_noun
        yield (
            rf"(?i)(?<![\w-])({_GENITIVE}) ({number})(?![\d:.,/]\d|[-–—]\w|\w)(?= ?([а-яё]*))",
            self._after_preposition,
        )
        yield (
            rf"(?i)(?<![\w-])(с|к) ({number})(?= (час|утра|вечера|дня|ночи))",
            lambda m: f"{m[1]} {self.cardinal(int(m[2]), case='g' if m[1].lower() == 'с' else 'd')}",
        )
        yield (
            rf"(?i)(?<![\w-])(нет|не хватает) ({number})(?= [а-яё])",
            lambda m: f"{m[1]} {self.cardinal(int(m[2].replace(' ', '')), case='g')}",
        )
        yield r"(?<=[<>] )(\d+)(?![\d.,]|\w)", lambda m: self.cardinal(int(m[1]), case="g")
        yield (
            r"(?i)(?:(?<=\bв )|(?<=\bна ))(\d{1,2})(?= (?:классе|этаже|курсе|месте|ряду|(странице|минуте)))",
            lambda m: self.ordinal(int(m[1]), case="p", gender="f" if m[2] else "m"),
        )
        yield from self.counted()

    def own_rules(self):
        yield rf"(?i)(?<![\d.,])(\d{{0,3}}[12])(?= (?:({table.FEMININE})|{table.NEUTER}))", self._gendered
        yield r"(?<=\d) : (?=\d+ ?=)", lambda m: f" {self.words['divided']} "
        yield r"(?<!\.)\.\.(?!\.)", lambda m: "."
        yield r"\+(?![аеёиоуыэюяАЕЁИОУЫЭЮЯ])", lambda m: " плюс "

    def _range(self, m: re.Match) -> str:
        """Two small numbers are said one after the other: пять десять человек."""
        small = re.fullmatch(r"\d{1,3} \d{1,3}", f"{m[1]} {m[2]}") and int(m[1]) < int(m[2])
        return f" {self.cardinal(int(m[1]))} {m[2]} " if small else super()._range(m)

    def _ratio(self, m: re.Match) -> str:
        return f"{self.cardinal(int(m[1]))} к {self.cardinal(int(m[2]), case='d')}"

    def _apart(self, number: int, unit: str) -> str:
        """в десяти километрах от: a number and a unit in the prepositional."""
        first, *rest = unit.split()
        stem = first[:-1] if first[-1] in "аья" else first
        first = stem + ("ях" if first[-1] in "ья" else "ах") if form(number) else stem + "е"
        gender = "f" if unit.split()[0][-1] in "ая" else "m"
        return " ".join([self.cardinal(number, case="p", gender=gender), first, *rest])

    def _named(self, sign: str) -> tuple[str, ...]:
        return self.units.get(sign) or self.currencies[sign][0]

    def _count(self, number: int) -> str:
        return self.cardinal(number, gender="f")

    def _stem(self, number: int) -> str:
        if number in table.STEMS:
            return table.STEMS[number]
        return (
            "".join(
                table.STEMS.get(part) or self.cardinal(part, case="g")
                for part in (number // 100 * 100, number % 100)
                if part
            )
            .replace(" ", "")
            .replace("девяноста", "девяносто")
        )

    def _in_case(self, m: re.Match, forms: dict[str, tuple[str, ...]]) -> str:
        """What is short for a word, in the case that the preposition before it asks for."""
        before = m["before"] or ""
        word = forms[m[2].lower() if m[2].lower() in forms else m[2]][table.CASES.get(before.lower(), 0)]
        return f"{before} {word}" if before else word

    def _from_to(self, m: re.Match) -> str:
        between = m[1].lower() == "между"
        if (m[4] == "и") != between:
            return m[0]
        signs = {"": "", "плюс ": "плюс ", "+": "плюс ", "-": "минус ", "−": "минус ", "–": "минус "}
        first, second = (self.cardinal(int(n.replace(" ", "")), case="i" if between else "g") for n in (m[3], m[6]))
        unit = self._named(m[7])[1 if form(int(m[6].replace(" ", ""))) == 0 else 2] if m[7] else ""
        return f"{m[1]} {signs[m[2]]}{first} {m[4]} {signs[m[5]]}{second} {unit}".rstrip()

    def _by_noun(self, m: re.Match) -> str:
        noun = m[2]
        case = "p" if noun.endswith(("ах", "ях")) else "i" if noun.endswith(("ами", "ями")) else "d"
        gender = "f" if re.match(table.FEMININE, noun) else "m"
        return f"{self.cardinal(int(m[1].replace(' ', '')), case=case, gender=gender)} "

    def _after_preposition(self, m: re.Match) -> str:
        feminine = re.match(table.FEMININE, m[3] or "")
        return f"{m[1]} {self.cardinal(int(m[2].replace(' ', '')), case='g', gender='f' if feminine else 'm')}"

    def _ordinal(self, m: re.Match) -> str:
        gender, case = table.ENDINGS[m[2]]
        how = dict(plural=True) if gender == "p" else dict(gender=gender)
        return f" {self.ordinal(int(m[1]), case=case, **how)} "

    def _gendered(self, m: re.Match) -> str:
        return f" {self.cardinal(int(m[1]), gender='f' if m[2] else 'n')} "
