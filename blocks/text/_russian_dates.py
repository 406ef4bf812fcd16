"""Russian: centuries and rulers, hours, dates and years, each in the case that its neighbours ask for."""

import re

from blocks.text import _words_russian as table
from blocks.text._roman import ROMAN, roman
from blocks.text._spelling import Spelling, alternatives

BEFORE = r"(?:(?<![\w-])(?P<before>\w+) )?"
_MONTH = "|".join(table.MONTHS)


class Dates(Spelling):
    """The rules by groups, for a language's list to take in their order."""

    def centuries(self):
        yield (
            r"(?<![\d.,])(\d{1,2}) (?=(века?|веке|тысячелети[яие])(?!\w)(?= до н| н\.)|(века?|веке)(?!\w))",
            self._numbered_century,
        )
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

    def hours(self):
        counted = (
            rf"\d|[.,]\d| ?(?:{alternatives(self.units)}|{alternatives(self.currencies)}|раза?|процент|балл)(?!\w)"
        )
        yield (
            rf"(?i)(?<![\w-])(в|к|до|с|после|около|от) ([01]?\d|2[0-3])([.:])([0-5]\d)(?!{counted}|:\d)",
            self._at,
        )

    def days(self):
        yield (
            rf"(?i)(?<!\w)(с|от) (\d{{1,2}}) (?:по|до) (\d{{1,2}}) (?={_MONTH})",
            lambda m: (
                f"{m[1]} {self.ordinal(int(m[2]), case='g')} {'по' if ' по ' in m[0] else 'до'} {self.ordinal(int(m[3]), gender='n', case='n' if ' по ' in m[0] else 'g')} "
            ),
        )
        yield rf"(?i){BEFORE}(?<![\d.,:/-])(\d{{1,2}}) (?={_MONTH})", self._day
        yield (
            rf"(?i)\b((?:{_MONTH}|({table.MONTHS_OTHERWISE})) )([12]\d{{3}})(?: ?г\.| года)?(?![\w\d]|-\d)",
            lambda m: (
                f"{m[1]}{self.ordinal(int(m[3]), case='g')} {'года' if m[2] or 'г' in m[0].removeprefix(m[1]) else ''}"
            ),
        )
        yield (
            r"(?i)(?<![\w-])(с|от|между) ([12]\d{3}) (по|до|и) ([12]\d{3})(?: (год\w*)| ?(гг?\.)|(?<=с (?:1[5-9]|20).. .. (?:1[5-9]|20)..)(?![\w.,]*\d| ?[а-яё%$€]))",
            self._from_year,
        )
        yield rf"{BEFORE}(?<![\d.,])(\d{{3,4}}) ?[-–—] ?(\d{{3,4}}) ?(?:гг\.|годах|годы|годов)", self._years
        yield (
            r"(?<![\d.,])([12]\d{3}) (и|или) (?=[12]\d{3} (год[ауом]{0,2})\b)",
            lambda m: f"{self.ordinal(int(m[1]), case=table.YEARS.get(m[3], 'n'))} {m[2]} ",
        )
        of_era = r" г(?:ода|од|\.) (?:до )?(?:н\.|нашей)"
        yield (
            rf"(?i){BEFORE}(?<![\d.,])(\d{{1,4}}(?= году\b| годом\b|{of_era})|[12]\d{{3}}) (года|году|годом|год|г\.)(?!\w)",
            self._dated,
        )
        yield rf"(?i){BEFORE}(?<![\d.,])(\d{{1,3}}0)-(х|е) гг?\.", self._decade
        yield (
            r"(?<![\d.,])(\d{1,4})-х(?= год)",
            lambda m: self.ordinal(
                int(m[1]), case="g" if not m.string[m.end() :].startswith(" годах") else "p", plural=True
            ),
        )
        yield r"(?<![\d.,])(\d{1,3}0)-е(?!\w)", lambda m: self.ordinal(int(m[1]), case="n", plural=True)

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
        many = noun.endswith(("ые", "ие")) and re.match(r" [А-Яа-яё]+[ыи]\b", m.string[m.end() :])  # XXII зимние игры
        words = self.ordinal(roman(m[1]), **({"plural": True} if many else {"gender": gender}), case=case)
        return f"{words if m.start() else words[0].upper() + words[1:]} {noun}"

    def _day(self, m: re.Match) -> str:
        before = (m["before"] or "").lower()
        case = {"на": "n", "по": "n", "к": "d", "сегодня": "n", "завтра": "n"}.get(before, "g")
        # 1 апреля — день смеха, or a head
        if (
            not m.start()
            and not before
            and re.match(r"\w+(?: [—–-] |(?: [12]\d{3} ?(?:года|г\.)?)?[:.]?$)", m.string[m.end() :])
        ):
            case = "n"
        words = self.ordinal(int(m[2]), gender="n", case=case)
        return f"{m['before'] + ' ' if m['before'] else ''}{words} "

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
            return f"{m[1]} {self.cardinal(hour, case=case)} {one if form(hour) == 0 else many}"
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


def form(number: int) -> int:
    """Which of one, few and many a number asks for."""
    if number % 100 in (11, 12, 13, 14):
        return 2
    return 0 if number % 10 == 1 else 1 if number % 10 in (2, 3, 4) else 2
