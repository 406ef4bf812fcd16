"""Russian: how numbers, abbreviations and symbols are said; a ``+`` before a vowel is a stress mark and stays.

The case of a number comes from the end of the noun behind it, or from the preposition before it.
"""

import re
from typing import ClassVar

from blocks.text import _letters
from blocks.text import _words_russian as table
from blocks.text._roman import ROMAN, roman
from blocks.text._spelling import Spelling, alternatives

_LOOKALIKES = str.maketrans("aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ")  # Latin letters typed in Russian words
_MONTH = "|".join(table.MONTHS)
_GENITIVE = "|".join(table.GENITIVE)
_BEFORE = r"(?:(?<![\w-])(?P<before>\w+) )?"


class Russian(Spelling):
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
    cues = "парол[ьяемю]*|набрав|наберите|набрать|код[ауом]*|пин-код[ауом]*|номер[ауом]*(?= \\d{4})"

    def mend(self, words: str) -> str:
        return re.sub(r"^(?:одна (?=тысяча\b)|одной (?=тысячи\b))", "", words)

    def decimal(self, whole: str, part: str, mark: str) -> str:
        if len(part) > 3:
            return f"{self.cardinal(int(whole))} запятая {self.digits(part)}"
        below = (self.ordinal(10 ** len(part), gender="f"), self.ordinal(10 ** len(part), case="g", plural=True))
        one, many = ("целая", below[0]), ("целых", below[1])
        units = f"{self._count(int(whole))} {(one if _form(int(whole)) == 0 else many)[0]}"
        return f"{units} {self._count(int(part))} {(one if _form(int(part)) == 0 else many)[1]}"

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
        name = forms[_form(int(whole))] if case == "n" else forms[1 if _form(int(whole)) == 0 else 2]
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
        months, endings = _MONTH, "|".join(sorted(table.ENDINGS, key=len, reverse=True))
        yield r"\w*[а-яёА-ЯЁ]\w*", lambda m: m[0] if re.fullmatch("[A-Za-z]+", m[0]) else m[0].translate(_LOOKALIKES)
        yield r"(?i)\b(г-н|г-жа|р-н|д-р)\b\.?", lambda m: table.ABBREVIATIONS[m[1].lower()]
        yield r"(?<!\d )(?<!\d)\b(тыс|млн|млрд)\b(?!\.)", lambda m: table.ABBREVIATIONS[m[1]]
        yield (
            r"(?<!\d)(24/7|50/50)(?![\d/])",
            lambda m: f" {' на '.join(self.cardinal(int(n)) for n in m[1].split('/'))} ",
        )
        yield r"№ ?(?=\d)|#(?=\d)", lambda m: "номер "
        yield r"(?i)\bдо н\. ?э\.", lambda m: "до нашей эры"
        yield (
            rf"(?i)(?<![\w.])(?!(?<=\d )[чст]\.)({alternatives(table.BEFORE_NUMBERS)})\. ?(?=\d)",
            lambda m: f"{table.BEFORE_NUMBERS[m[1].lower()]} ",
        )
        yield (
            rf"(?i:{_BEFORE})(?<![\w.])({alternatives(table.BEFORE_NAMES)})\. (?=[А-ЯЁ][а-яё])(?<!\d [а-я]\. )",
            lambda m: f"{self._in_case(m, table.BEFORE_NAMES)} ",
        )
        yield rf"(?i:{_BEFORE})\b({'|'.join(table.SHORT)})\b", lambda m: self._in_case(m, table.SHORT)
        yield (
            r"(?<![\d.,])(\d{1,2}) (?=(века?|веке|тысячелети[яие])(?!\w)(?= до н| н\.)|(века?|веке)(?!\w))",
            self._numbered_century,
        )
        # centuries and rulers
        yield rf"(?<!\w){ROMAN}(?:[-–—]{ROMAN})? (век\w*|столети\w|вв\.|в\.)(?!\w)", self._century
        yield r"(?i)(?<=\bв )(\d{1,2}) в\.(?!\w)", lambda m: f"{self.ordinal(int(m[1]), case='p')} веке"
        yield (
            r"(?<![\d.,])(\d{1,2}) в\.(?= (?:до )?(?:н\.|нашей))",
            lambda m: f"{self.ordinal(int(m[1]), case=self._in(m))} {self._century_name(m)}",
        )
        yield rf"(?i)\b({'|'.join(table.HEADS)}) (?-i:{ROMAN})(?!\w)", lambda m: f"{m[1]} {self.cardinal(roman(m[2]))}"
        yield (
            rf"\b((?:{'|'.join(table.KINGS)})(?:а|у|ом|ем|е|я|ю)?|(?:Петр|Павл|Льв|Пи|Никола|Васили|Алексе|Григори)(?:а|у|ом|ем|е|я|ю)|{'|'.join(table.QUEENS)}) {ROMAN}(?!\w)",
            self._ruler,
        )
        yield rf"\b([А-ЯЁ][а-яё]{{2,}}) (?=I\b|[IVX]{{2}}){ROMAN}(?!\w)", self._ruler
        yield rf"(?<!\w){ROMAN} (?=[а-яё]+)([а-яё]+)", self._ranked
        # hours
        counted = (
            rf"\d|[.,]\d| ?(?:{alternatives(self.units)}|{alternatives(self.currencies)}|раза?|процент|балл)(?!\w)"
        )
        yield (
            rf"(?i)(?<![\w-])(в|к|до|с|после|около|от) ([01]?\d|2[0-3])([.:])([0-5]\d)(?!{counted}|:\d)",
            self._at,
        )
        # dates and years
        yield (
            rf"(?i)(?<!\w)(с|от) (\d{{1,2}}) (?:по|до) (\d{{1,2}}) (?={months})",
            lambda m: (
                f"{m[1]} {self.ordinal(int(m[2]), case='g')} {'по' if ' по ' in m[0] else 'до'} {self.ordinal(int(m[3]), gender='n', case='n' if ' по ' in m[0] else 'g')} "
            ),
        )
        yield rf"(?i){_BEFORE}(?<![\d.,:/-])(\d{{1,2}}) (?={months})", self._day
        yield (
            rf"(?i)\b((?:{months}|({table.MONTHS_OTHERWISE})) )([12]\d{{3}})(?: ?г\.| года)?(?![\w\d]|-\d)",
            lambda m: (
                f"{m[1]}{self.ordinal(int(m[3]), case='g')} {'года' if m[2] or 'г' in m[0].removeprefix(m[1]) else ''}"
            ),
        )
        yield (
            r"(?i)(?<![\w-])(с|от|между) ([12]\d{3}) (по|до|и) ([12]\d{3})(?: (год\w*)| ?(гг?\.)|(?<=с (?:1[5-9]|20).. .. (?:1[5-9]|20)..)(?![\w.,]*\d| ?[а-яё%$€]))",
            self._from_year,
        )
        yield rf"{_BEFORE}(?<![\d.,])(\d{{3,4}}) ?[-–—] ?(\d{{3,4}}) ?(?:гг\.|годах|годы|годов)", self._years
        yield (
            r"(?<![\d.,])([12]\d{3}) (и|или) (?=[12]\d{3} (год[ауом]{0,2})\b)",
            lambda m: f"{self.ordinal(int(m[1]), case=table.YEARS.get(m[3], 'n'))} {m[2]} ",
        )
        of_era = r" г(?:ода|од|\.) (?:до )?(?:н\.|нашей)"
        yield (
            rf"(?i){_BEFORE}(?<![\d.,])(\d{{1,4}}(?= году\b| годом\b|{of_era})|[12]\d{{3}}) (года|году|годом|год|г\.)(?!\w)",
            self._dated,
        )
        yield rf"(?i){_BEFORE}(?<![\d.,])(\d{{1,3}}0)-(х|е) гг?\.", self._decade
        yield (
            r"(?<![\d.,])(\d{1,4})-х(?= год)",
            lambda m: self.ordinal(
                int(m[1]), case="g" if not m.string[m.end() :].startswith(" годах") else "p", plural=True
            ),
        )
        yield r"(?<![\d.,])(\d{1,3}0)-е(?!\w)", lambda m: self.ordinal(int(m[1]), case="n", plural=True)
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
        number, units = r"\d{1,3}(?: \d{3})+(?![\d.,])|\d{1,6}(?![\d.,]\d|\d)", alternatives(self.units)
        signs = alternatives(sign for sign in self.currencies if sign[0].isalpha() and sign[0] > "z")
        yield (
            rf"(?<![\d.,])(\d?[12]) ?[-–] ?(?=\d+ (?:{table.FEMININE}))",
            lambda m: f"{self._count(int(m[1]))} {self.words['to']} ",
        )
        yield (
            rf"(?i)(?<![\w-])(с|от|между) (плюс |[-−–+]?)({number}) (до|и) (плюс |[-−–+]?)({number})(?![\d:.,/]\d|-)(?: ?({units})(?![\w^])(?:\.(?=,? [а-яё0-9]|,))?)?",
            self._from_to,
        )
        yield (
            rf"(?i)(?<![\w-])({_GENITIVE}) ({number}) ?({units}|{signs})(?![\w^])\.?(?<![.])",
            lambda m: f"{m[1]} {self.amount(m[2], self._named(m[3]), 'g')}",
        )
        adjectives = r"(?:[а-яё]+(?:[ыи]х|[ыи]ми?) )?"
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
            rf"(?i)(?<![\w-])(нет|не хватает|осталось) ({number})(?= [а-яё])",
            lambda m: (
                f"{m[1]} {self.cardinal(int(m[2].replace(' ', '')), case='g' if m[1].lower() != 'осталось' else 'n')}"
            ),
        )
        yield r"(?<=[<>] )(\d+)(?![\d.,]|\w)", lambda m: self.cardinal(int(m[1]), case="g")
        yield (
            r"(?i)(?:(?<=\bв )|(?<=\bна ))(\d{1,2})(?= (?:классе|этаже|курсе|месте|ряду|странице|минуте))",
            lambda m: self.ordinal(int(m[1]), case="p"),
        )

    def own_rules(self):
        yield rf"(?i)(?<![\d.,])(\d{{0,3}}[12])(?= (?:({table.FEMININE})|{table.NEUTER}))", self._gendered
        yield r"(?<=\d) : (?=\d+ ?=)", lambda m: f" {self.words['divided']} "
        yield r"\+(?![аеёиоуыэюяАЕЁИОУЫЭЮЯ])", lambda m: " плюс "

    def _named(self, sign: str) -> tuple[str, ...]:
        return self.units.get(sign) or self.currencies[sign][0]

    def _count(self, number: int) -> str:
        return self.cardinal(number, gender="f")

    def _stem(self, number: int) -> str:
        if number in table.STEMS:
            return table.STEMS[number]
        return "".join(
            table.STEMS.get(part) or self.cardinal(part, case="g")
            for part in (number // 100 * 100, number % 100)
            if part
        ).replace(" ", "")

    def _in(self, m: re.Match) -> str:
        before = m.string[: m.start()]
        return "p" if re.search(r"(?i)(?<!\w)во? $", before) else "g" if re.search(r"[а-яё] $", before) else "n"

    def _numbered_century(self, m: re.Match) -> str:
        name = m[2] or m[3]
        if name == "века" and int(m[1]) < 5 and not m[2]:
            return m[0]
        return f"{self.ordinal(int(m[1]), gender='n' if name[0] == 'т' else 'm', case=table.CENTURIES[name])} "

    def _century_name(self, m: re.Match) -> str:
        return {"p": "веке", "g": "века", "n": "век"}[self._in(m)]

    def _century(self, m: re.Match) -> str:
        name = m[3]
        if name in ("в.", "вв."):
            many = name == "вв."
            case = self._in(m)
            name = {"p": ("веке", "веках"), "g": ("века", "веков"), "n": ("век", "века")}[case][many]
        else:
            case = next(
                (case for word, case in table.CENTURIES.items() if word == name),
                "p" if name == "веках" else "g" if name == "веков" else "n",
            )
        gender = "n" if name.startswith("столет") else "m"
        numbers = [roman(numeral) for numeral in (m[1], m[2]) if numeral]
        return " ".join(self.ordinal(number, gender=gender, case=case) for number in numbers) + f" {name}"

    def _ruler(self, m: re.Match) -> str:
        name, number = m[1], roman(m[2])
        woman = name in table.QUEENS
        end = re.sub(".*(?=[аяыиеую]$|ом$|ем$|ой$)", "", name) if woman or name not in table.KINGS else ""
        cases = (
            {"а": "n", "я": "n", "ы": "g", "и": "g", "е": "d", "у": "a", "ю": "a", "ой": "i"}
            if woman
            else {"а": "g", "я": "g", "у": "d", "ю": "d", "ом": "i", "ем": "i", "е": "p"}
        )
        words = self.ordinal(number, gender="f" if woman else "m", case=cases.get(end, "n"))
        return f"{name} {words[0].upper() + words[1:]}"

    def _ranked(self, m: re.Match) -> str:
        """II мировая: a Roman numeral before a noun or adjective agrees with its end."""
        noun = m[2]
        if len(noun) < 3:
            return m[0]
        gender, case = next(((gender, case) for end, gender, case in table.NOUN_ENDS if noun.endswith(end)), ("m", "n"))
        words = self.ordinal(roman(m[1]), gender=gender, case=case)
        return f"{words if m.start() else words[0].upper() + words[1:]} {noun}"

    def _day(self, m: re.Match) -> str:
        before = (m["before"] or "").lower()
        case = {"на": "n", "по": "n", "к": "d", "сегодня": "n", "завтра": "n"}.get(before, "g")
        if not m.start() and re.match(r"\w+ [—–-] ", m.string[m.end() :]):  # 1 апреля — день смеха
            case = "n"
        words = self.ordinal(int(m[2]), gender="n", case=case)
        return f"{m['before'] + ' ' if m['before'] else ''}{words} "

    def _in_case(self, m: re.Match, forms: dict[str, tuple[str, ...]]) -> str:
        """What is short for a word, in the case that the preposition before it asks for."""
        before = m["before"] or ""
        word = forms[m[2]][table.CASES.get(before.lower(), 0)]
        return f"{before} {word}" if before else word

    def _from_year(self, m: re.Match) -> str:
        """с 1990 по 2000 год."""
        if (m[3] == "и") != (m[1].lower() == "между"):
            return m[0]
        first, second = {"по": ("g", "n"), "до": ("g", "g"), "и": ("i", "i")}[m[3]]
        word = m[5] or {"по": "год", "до": "года", "и": "годами"}[m[3]]
        return f"{m[1]} {self.ordinal(int(m[2]), case=first)} {m[3]} {self.ordinal(int(m[4]), case=second)} {word}"

    def _decade(self, m: re.Match) -> str:
        before = m["before"] or ""
        case, word = (
            ("n", "годы") if m[3] == "е" else ("p", "годах") if before.lower() in ("в", "во") else ("g", "годов")
        )
        return f"{before} {self.ordinal(int(m[2]), case=case, plural=True)} {word}{self._stop(m, True)}".lstrip()

    def _at(self, m: re.Match) -> str:
        """в 17.30, с 9:00: an hour in the case of its preposition."""
        hour, minute, before = int(m[2]), int(m[4]), m[1].lower()
        if before == "в":
            return f"{m[1]} {self.time(hour, minute, '')}"
        case = "d" if before == "к" else "g"
        if not minute:
            one, many = ("часу", "часам") if case == "d" else ("часа", "часов")
            return f"{m[1]} {self.cardinal(hour, case=case)} {one if _form(hour) == 0 else many}"
        nought = "ноль " if minute < 10 else ""
        return f"{m[1]} {self.cardinal(hour, case=case)} {nought}{self.cardinal(minute, case=case)}"

    def _dated(self, m: re.Match) -> str:
        before, word = (m["before"] or "").lower(), m[3].lower()
        if word == "г.":
            word = {
                "в": "году",
                "во": "году",
                "к": "году",
                "с": "года",
                "до": "года",
                "от": "года",
                "после": "года",
                "около": "года",
            }.get(before, "год")
            if before.endswith(("ём", "ле", "ре", "рте", "юне", "юле", "ае")) and before not in ("где", "море"):
                word = "года"
        case = table.YEARS[word]
        if word == "году" and before == "к":
            case = "d"
        return f"{m['before'] + ' ' if m['before'] else ''}{self.ordinal(int(m[2]), case=case)} {word}"

    def _years(self, m: re.Match) -> str:
        before = (m["before"] or "").lower()
        case, word = (
            ("p", "годах") if before in ("в", "во") else ("g", "годов") if m[0].endswith("годов") else ("n", "годы")
        )
        first, second = (self.ordinal(int(year), case=case) for year in (m[2], m[3]))
        return f"{m['before'] + ' ' if m['before'] else ''}{first} {self.words['to']} {second} {word}"

    def _from_to(self, m: re.Match) -> str:
        between = m[1].lower() == "между"
        if (m[4] == "и") != between:
            return m[0]
        signs = {"": "", "плюс ": "плюс ", "+": "плюс ", "-": "минус ", "−": "минус ", "–": "минус "}
        first, second = (self.cardinal(int(n.replace(" ", "")), case="i" if between else "g") for n in (m[3], m[6]))
        unit = self._named(m[7])[1 if _form(int(m[6].replace(" ", ""))) == 0 else 2] if m[7] else ""
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


def _form(number: int) -> int:
    """Which of one, few and many a number asks for."""
    if number % 100 in (11, 12, 13, 14):
        return 2
    return 0 if number % 10 == 1 else 1 if number % 10 in (2, 3, 4) else 2
