"""How numbers, abbreviations and symbols are said, as far as languages agree; a subclass fills in its words.

A text passes once through an ordered list of rules, read from top to bottom, each a pattern and a method that says what
it matched. What a rule says holds neither digit nor symbol, so no rule undoes another and a second pass changes nothing.
"""

import re
from collections.abc import Callable, Iterable
from typing import ClassVar

from blocks.text import _letters
from blocks.text._clean import signs, tidy, unmarked
from blocks.text._numbers import Numbers

LETTER = r"[^\W\d_]"
Rule = tuple[str, Callable[[re.Match], str]]
_TLD = "com|org|net|edu|gov|io|ai|app|dev|info|biz|me|tv|co|uk|us|ca|au|de|fr|es|it|nl|ru|рф|by|kz|ua|pl|ch|at|be|br|mx|ar|cl|pe|jp|cn|in|eu|int|mil|tech|online|site|shop|blog|gle"
_FILES = "pdf|docx?|xlsx?|pptx?|txt|csv|json|ya?ml|xml|html?|md|py|js|ts|exe|zip|gz|jpe?g|png|gif|svg|mp[34]|wav|ogg|flac|avi|mov|sh|c|h|cpp|rs|go|java|log|bak|iso|dll"


class Spelling(Numbers):
    """The text as spoken words, and what was left out of it."""

    letters: str  # pattern of letters that the language's readers know
    symbols: dict[str, str]  # said wherever nothing else has taken them
    abbreviations: dict[str, str]  # without the last full stop, in lower case -> words
    kin: ClassVar[dict[str, str]] = {}  # letters of the script that other languages have, as this one would write them
    closing: frozenset[str]  # abbreviations that may end a sentence
    cues: str  # pattern of words after which three digits and more are read one by one
    date_order = "dmy"  # of 3/4/2025
    starters: frozenset[str]  # capitalised words that begin a sentence, behind an abbreviation that may not end one
    after_of: ClassVar[dict[str, str]] = {}  # the case of a whole
    gaps = "\u00a0\u2009\u202f"  # blanks between thousands: those that no line breaks at
    telephones = "$^"  # pattern of what looks like thousands but is dialled
    arc = ("°", "min", "sec")  # units of 12°30′15″
    wholes = True  # whether 747 behind letters and a hyphen is a number

    def __init__(self, language: str):
        self._whole = {"".join(short.split()): words for short, words in self.abbreviations.items()}
        self._gapped = re.compile(
            rf"(?<![\w.,:/+-])(?<!\d )(?!{self.telephones})[1-9]\d{{0,2}}(?:[{self.gaps}]\d{{3}})+(?!\w|[:/.-]\d| \d)"
        )
        self._keep = re.compile(self.letters)
        self.rules = [(re.compile(pattern), said) for pattern, said in self._rules()]

    def __call__(self, text: str) -> tuple[str, list[str]]:
        """The words, and what was left out or written otherwise."""
        text, notes = signs(unmarked(text), self._keep, self.kin, _letters.GREEK[self.code])
        text = " ".join(self._gapped.sub(lambda m: re.sub(r"\s", self.group, m[0]), text).split())
        for pattern, said in self.rules:
            text = pattern.sub(lambda m, said=said: _apart(m, said(m)), text)
        text = tidy(text, notes)
        return text, list(dict.fromkeys(notes))

    # ---- rules ----

    def _rules(self) -> Iterable[Rule]:
        yield from self._numbers()
        yield from self._dates()
        yield from self._nets()
        yield from self.first_rules()
        yield from self._amounts()
        yield from self._short_words()
        yield from self._counted()
        yield from self._left_over()

    def _numbers(self) -> Iterable[Rule]:
        """Numbers in the form of other languages, where nothing else can be meant, as this one writes them; angles."""
        yield r"(?<![\w.,])(\d{1,2}(?:,\d\d)+,\d{3})(?!\w|[.,]\d)", lambda m: m[1].replace(",", "")  # 5,00,000 in India
        yield r"""(?<![\w.,])(\d{1,3})° ?(\d{1,2})['′’](?: ?(\d{1,2})(?:[\"″”]|''))?""", self._angle
        plain = self.mark[0]
        for group, mark in ((",", "."), (".", ",")):
            if group != self.group:
                group, mark = re.escape(group), re.escape(mark)
                yield (
                    rf"(?<![\w.,])(\d{{1,3}}(?:{group}\d{{3}})+){mark}(\d+)(?![\w]|[.,]\d)",
                    lambda m: f"{re.sub(r'[.,]', '', m[1])}{plain}{m[2]}",
                )
                address = r"(?!(?:[12]?\d?\d\.){3}[12]?\d?\d\b)"
                yield (
                    rf"(?<![\w.,]){address}\d{{1,3}}(?:{group}\d{{3}}){{2,}}(?![\w]|[.,]\d)",
                    lambda m: re.sub(r"[.,]", "", m[0]),
                )

    def _nets(self) -> Iterable[Rule]:
        """Addresses of the net, files, versions."""
        grouped = r"\d{3}\.\d{3}\.\d{4}" + (r"|\d{1,3}(?:\.\d{3})+(?!\d)" if self.group == "." else "")
        host = r"[\w\-]+(?:\.[\w\-]+)*"
        yield (
            rf"(?i)\b(?:https?://)?www\.[\w.\-]+(?::\d+)?(?:/[^\s<>\"']*)?|https?://[^\s<>\"']+|\b[\w.+\-]+@{host}\.[\w\-]+"
            rf"|(?<![\w@.])(?:[\w\-]+\.)+(?:{_TLD})(?![\w.]\w)(?!\w)(?::\d+)?(?:/[^\s<>\"']*)?",
            self._web,
        )
        yield rf"(?<![\w.])[\w\-]{{2,}}\.(?:{_FILES})(?!\w|\.\w)", self._web
        yield r"(?<![\w/.])(?:/[A-Za-z][\w.\-]*){2,}", self._web
        yield r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?::(\d+))?(?!\.?\d)", self._ip
        yield (
            rf"(?i)(?<![\w.])(v\.? ?)(\d+(?:\.\d+)*)(?![\w,]|\.\d)(?:-(?=[a-z]))?|(?<![\w.,])()(?!{grouped})(\d+(?:\.\d+){{2,}})(?!\w)(?:-(?=[a-z]))?",
            self._version,
        )
        yield rf"(?<!\S)\.(?={LETTER})", lambda m: f"{self.words['.']} "
        yield rf"(?<!\w)@(?={LETTER})", lambda m: f" {self.words['at']} "
        yield rf"(?<={LETTER}{{2}})(?<! is)(?<! are) > (?=(?=[^\W\d_a-zа-яё]){LETTER}{{2}})", lambda m: ", "  # of menus
        yield rf"(?<!\w)#(?={LETTER}+\d+-\d)", lambda m: ""
        yield rf"(?<!\w)#({LETTER}[\w]*)", lambda m: f" {self._camel(m[1])} "

    def _dates(self) -> Iterable[Rule]:
        yield r"(?<=\d{4}-\d\d-\d\d)T(?=\d\d:\d\d)", lambda m: " "
        yield r"(?<![\w\-/.])(\d{4})-(\d\d)-(\d\d)(?![\-/\w])", lambda m: self._date(m, m[3], m[2], m[1])
        yield r"(?<![\w\-/.])(\d{4})/(\d\d?)/(\d\d?)(?![\-/\w])", lambda m: self._date(m, m[3], m[2], m[1])
        d, mo, y = (
            f"(?P<{c}>{p})"
            for c, p in zip("dmy", (r"\d{1,2}", r"\d{1,2}", r"\d{4}|(?<=/)\d\d|(?<=\b\d\d[.]\d\d[.])\d\d"))
        )
        first, second, third = ({"d": d, "m": mo, "y": y}[c] for c in self.date_order)
        yield (
            rf"(?<![\w\-/.,])(?:{first}(?P<s>[/.\-]){second}(?P=s){third})(?: ?г\.)?(?![\-/\w])",
            lambda m: self._date(m, m["d"], m["m"], m["y"]),
        )

    def _amounts(self) -> Iterable[Rule]:
        """Money, telephone numbers, minus signs, times, ranges."""
        number = self.number
        signs = alternatives(self.currencies)
        before = alternatives(sign for sign in self.currencies if not sign[0].islower())  # руб. stands behind alone
        large = alternatives(self.magnitudes)
        gap, minus = "[ \u00a0\u202f]?", r"(?P<minus>(?<![^\s(])[-−–] ?)?"
        yield rf"(?<!\w)~ ?(?=(?:{before})? ?\d)", self._about
        yield rf"({before})\.(?=\d)", lambda m: f"{m[1]}0{self.mark[0]}"
        yield (
            rf"({before}){gap}({number}) ?({large})? ?(?:-|–|—) ?(?:{before})?{gap}({number})(?!\d)(?: ?({large})(?!\w))?",
            self._money_range,
        )
        yield (
            rf"({number}){gap}(?:{signs})? ?(?:-|–|—) ?({number}){gap}({signs})(?!\w)",
            lambda m: f" {self.say(m[1])} {self.words['to']} {self.money(m[2], '', m[3])} ",
        )
        yield (
            rf"{minus}({before}){gap}({minus.replace('minus', 'minus2')})({number})(?!\d)(?: ?({large})(?!\w))?(?:/({LETTER}+))?",
            lambda m: self._signed(m, self.money(m[5], m[6], m[2]), m[7]),
        )
        yield (
            rf"(?P<minus>(?<![^\s(])[-−–])?(?<![\d.,])({number})(?: ?({large}))?{gap}({signs})(?![\w])(?:/({LETTER}+)(?!\w))?",
            lambda m: (
                self._signed(m, self.money(m[2], m[3], m[4]), m[5]) + (self._stop(m, True) if m[4][-1] == "." else "")
            ),
        )
        yield (
            r"\+\d[\d\-() ]{5,}\d|\(\d{2,}\) ?\d[\d\- ]{3,}\d|(?<![\d\-.,])\d{1,4}(?:-\d{2,4})+-\d{2,4}(?![\d\-])"
            r"|(?<![\d\-.,])\d{1,6}(?:-\d{1,6}){3,}(?![\d\-])|(?<![\d\-.,])\d{3}-\d{4}(?![\d\-])|(?<![\d\-.,])\d{3}\.\d{3}\.\d{4}(?!\d)|(?<![\d\-.,])\d \(\d{3}\) ?\d[\d\- ]{5,}\d",
            self._telephone,
        )
        yield from self.time_rules()
        yield r"(?<![\d:])(\d+):(\d+)(?![\d:])", lambda m: f" {self.say(m[1])} {self.words['ratio']} {self.say(m[2])} "
        yield rf"(?<![\w\-])({LETTER}+\d+)-(\d+)({LETTER}?)(?![\w\-]|[.,]\d)", self._code
        units = alternatives(self.units)
        n = rf"(?<![\d.,/:])(?<![^\W\d_])({number})"
        yield rf"{n} ?[-–—−] ?({number})(?= ?=)|{n} [-−–] ({number})(?![\d\-–/:]|[.,]\d)", self._difference
        end = r"(?![\d\-–/:]|[.,]\d)"
        yield (
            rf"(?<![\d.,/:\-–])(?<!{LETTER})({number}) ?(?:{units})? ?(?:-|–|—) ?({number})(?:{end}|(?= ?(?:{units})(?!\w)))",
            self._range,
        )
        negative = r"(?<![^\s(\[«\"'=/×*+])[-−–]"
        yield rf"(?P<minus>{negative})?(?<![\w.,])[{self.mark}](\d+)(?![.,]?\d)(?: ?({units})(?![\w^]))?", self._leading
        yield rf"{negative}(?={number})", lambda m: f" {self.words['minus']} "

    def _short_words(self) -> Iterable[Rule]:
        """Units and abbreviations."""
        units, number = alternatives(self.units), self.number
        yield r"(?<=\d) ?[xх×] ?(?=\d+\^)", lambda m: f" {self.words['times']} "
        yield r"(?<=\d)[xх×](?=\d+(?![\d^]))", lambda m: f" {self.words['by']} "
        yield r"(?<=\d) [xх] (?=\d+(?![\d^]))(?!.*=)", lambda m: f" {self.words['by']} "
        yield rf"(?<=\d)\^ ?([-−–]?\d+)(?!\d)(?: ({units})(?!\w))?", self._power
        yield r"(?<![\d/.,\w])(\d+[.,]\d+)/(\d+)(?![\d/]|[.,]\d)", self._out_of
        yield (
            rf"(?<![\d/.,\w])(?:(\d+) )?(\d{{1,3}})/(\d{{1,3}})(?![\d/]|[.,]\d)(?: ?({units})(?![\w^]))?",
            self._fraction,
        )
        yield rf"(?<=\d)/(?={LETTER})({units})(?![\w^])", lambda m: f" {self.per(m[1])} "
        per = rf"(?:/({units}|{LETTER}+))?"
        yield rf"(?<!\d)({number}) ?({units})(?![\w^'’])(?:\.(?= [a-zа-яё0-9]))?{per}(?!\w)", self._unit
        yield (
            rf"(?i)(?<![\w.])({alternatives(self.abbreviations)})\.(?:(?!\w)|(?=(?-i:[A-ZА-Я][a-zа-я])))",
            self._abbreviation,
        )
        yield (
            rf"(?<!\w)((?:{LETTER}\. ){{2,}})(?={LETTER}{{2}})|(?<=[^\W\d_] )((?!I\b)[^\W\d_])\. (?=[A-ZА-ЯÁÉÍÓÚÑ]{LETTER})",
            self._forenames,
        )
        yield rf"(?<![\w.])((?:{LETTER}\.){{2,}})", self._initials
        yield r"\b([A-ZÑ])&([A-ZÑ])(s?)(?!\w)|\b([A-ZÑ]{1,4})&([A-ZÑ]{1,4})(?!\w)", self._ampersand

    def _counted(self) -> Iterable[Rule]:
        """Numbers with endings or neighbours of their own, powers, fractions, signs between numbers."""
        number = self.number
        yield from self.own_rules()
        yield r"\b(?!Ma?c[A-Z])([A-Z]?[a-z]+)(?=[A-Z]{2,}(?!\w))", lambda m: f"{m[1]} "  # ChatGPT, iOS
        yield r"(?<=[\w)])\^ ?([-−–]?\d+)", self._power
        yield r"√ ?(?=\w)", lambda m: f" {self.words['root']} "
        yield r"(?<=\d)\*(?=\d)", lambda m: f" {self.words['times']} "
        yield r"(?<=[\w)]) [xх×·*] (?=\d)", lambda m: f" {self.words['times']} "
        yield r"(?<=\d)[×·](?=\d)", lambda m: f" {self.words['times']} "
        yield r"(?<=\d) / (?=\d)", lambda m: f" {self.words['divided']} "
        yield r"(?<=[\w)]) ?([<>≤≥≠≈=]) ?(?=[\w√(\-−])|(?<!\S)([≤≥≈~<>±]) ?(?=\d)", self._compared
        yield rf"(?i)\b((?:{self.cues})\W{{1,3}})(\d{{3,}})(?![.,]?\d|\w)", lambda m: m[1] + self.digits(m[2])
        yield rf"(?<={LETTER})[.\-]?(\d{{3,}})(?![.,]?\d)", self._numbered
        yield rf"(?<={LETTER})[.\-](?=\d)|(?<=\d)-(?={LETTER})", lambda m: " "
        yield rf"(?<!\d)({number})", lambda m: f" {self.quantity(m[1])} "

    def _left_over(self) -> Iterable[Rule]:
        yield r" */ +| +/ *", lambda m: ", "
        yield rf"(?<={LETTER})/(?={LETTER})", lambda m: " "
        yield rf"(?<={LETTER})=(?={LETTER})", lambda m: f" {self.words['=']} "
        yield rf"({alternatives(self.symbols)})", lambda m: f" {self.symbols[m[1]]} "

    def first_rules(self) -> Iterable[Rule]:
        """A language's rules that come before abbreviations lose their full stops."""
        return ()

    def own_rules(self) -> Iterable[Rule]:
        """A language's rules for numbers with endings or neighbours of their own."""
        return ()

    def time_rules(self) -> Iterable[Rule]:
        yield r"(?<=:\d\d) ?[-–—] ?(?=\d{1,2}(?::\d\d| ?[aApP]\.?[mM]\b))", lambda m: f" {self.words['to']} "
        yield (
            r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\d:])(?: ?([aApP])\.? ?[mM]\b(?:\.(?=[,;:)]| [a-z\d–—-]))?)?",
            self._time,
        )

    # ---- what the rules say ----

    def _web(self, m: re.Match) -> str:
        site = re.sub(r"(?i)^https?://", "", m[0])
        end = re.search(r"[.,;:!?)]*$", site)[0]
        site = re.sub(r"(?i)^www\b", "W W W", site[: len(site) - len(end)].rstrip("/"))
        said = re.sub(r"\d+", lambda d: f" {self.say(d[0]) if len(d[0]) < 5 else self.digits(d[0])} ", site)
        return (
            " " + "".join(f" {self.words[c]} " if c in self.words and not c.isalnum() else c for c in said) + end + " "
        )

    def _angle(self, m: re.Match) -> str:
        parts = zip(m.groups(), self.arc)
        return f" {' '.join(self.amount(str(int(number)), self.units[sign]) for number, sign in parts if number)} "

    def _ip(self, m: re.Match) -> str:
        said = f" {self.words['.']} ".join(self.cardinal(int(part)) for part in m[1].split("."))
        return f" {said} " + (f"{self.words[':']} {self.digits(m[2])} " if m[2] else "")

    def _version(self, m: re.Match) -> str:
        parts = f" {self.words['version point']} ".join(self.cardinal(int(part)) for part in (m[2] or m[4]).split("."))
        return f" {self.words['version'] if m[1] else ''} {parts} "

    def _camel(self, tag: str) -> str:
        return re.sub(r"(?<=[^\W\d_])(?=[A-Z][a-z])|_", " ", tag) if not tag.isupper() else tag

    def _date(self, m: re.Match, day: str, month: str, year: str) -> str:
        if int(month) > 12 >= int(day):
            day, month = month, day  # written in the other order
        if not (1 <= int(day) <= 31 and 1 <= int(month) <= 12):
            return m[0]
        if len(year) == 2:
            year = ("20" if int(year) < 50 else "19") + year
        return f" {self.date(int(day), int(month), year)} "

    def _signed(self, m: re.Match, said: str, per: str | None) -> str:
        minus = m["minus"] or m.groupdict().get("minus2")
        return f" {self.words['minus'] if minus else ''} {said} {self.per(per) if per else ''} "

    def _money_range(self, m: re.Match) -> str:
        if self._value(m[4]) < self._value(m[2]) and not (m[3] or m[5]):
            return f" {self.money(m[2], '', m[1])} – {self.money(m[4], '', m[1])} "
        first, magnitude = self.say(re.sub(r"[.,]00$", "", m[2])), self.magnitudes.get(m[3] or "", "")
        magnitude = magnitude if isinstance(magnitude, str) else magnitude[2]
        return f" {first} {magnitude} {self.words['to']} {self.money(m[4], m[5], m[1])} "

    def _time(self, m: re.Match) -> str:
        words = self.time(int(m[1]), int(m[2]), (m[4] or "").upper())
        return f" {words} " + (f"{self.say(str(int(m[3])))} " if m[3] else "")

    def _telephone(self, m: re.Match) -> str:
        return f" {', '.join(map(self.spoken_group, re.findall(r'[0-9]+', m[0])))} "

    def spoken_group(self, digits: str) -> str:
        """The digits of a part of a telephone number."""
        return self.digits(digits)

    def _difference(self, m: re.Match) -> str:
        first, second = (m[1], m[2]) if m[1] else (m[3], m[4])
        word = self.words["minus" if m[1] or self._value(first) > self._value(second) else "to"]
        return f" {self.say(first)} {word} {second} "

    def _value(self, number: str) -> float:
        whole, part, _ = self.parse(number)
        return float(f"{whole}.{part or 0}")

    def _about(self, m: re.Match) -> str:
        about = self.words["~"]
        return "" if m.string[: m.start()].rstrip().lower().endswith(about) else f"{about} "

    def _out_of(self, m: re.Match) -> str:
        """What was given of how many: ``4.5/5``."""
        return f" {self.say(m[1])} {self.words['of']} {self.cardinal(int(m[2]), **self.after_of)} "

    def _code(self, m: re.Match) -> str:
        """A hyphen in a code is silent, ``i7-12700K``; but not between years, ``FY2019-2020``."""
        years = all(re.search(r"(?<!\d)(?:19|20)\d\d$", part) for part in (m[1], m[2]))
        after = self.quantity(m[2]) if years or len(m[2]) < 3 else self.digits(m[2])
        return f" {m[1]} {self.words['to'] if years else ''} {after} {m[3]} "

    def _range(self, m: re.Match) -> str:
        """The second number keeps its digits: its unit is still to be said."""
        return f" {self.quantity(m[1])} {self.words['to']} {m[2]} "

    def _unit(self, m: re.Match) -> str:
        if m[2] == '"' and m.string[: m.start()].count('"') % 2:
            return m[0]  # it closes what another has opened
        return f" {self.amount(m[1], self.units[m[2]])} {self.per(m[3]) if m[3] else ''} "

    def _abbreviation(self, m: re.Match) -> str:
        short = "".join(m[1].lower().split())
        words = self._whole[short]
        words = words[0].upper() + words[1:] if m[1][0].isupper() else words
        return words + (self._stop(m, short in self.closing) or " " * m.string[m.end() : m.end() + 1].isalpha())

    def _initials(self, m: re.Match) -> str:
        begins = re.match(r"[\"')»”]* +[\"'(«“¿¡]*([^\W\d_]+)", m.string[m.end() :])
        return " ".join(m[1].upper().split(".")).strip() + self._stop(m, bool(begins and begins[1] in self.starters))

    def _stop(self, m: re.Match, may_end: bool) -> str:
        """The full stop of an abbreviation is that of its sentence where the text ends or a new one begins."""
        rest = m.string[m.end() :]
        return (
            "."
            if not rest.strip(" \"')»”") or (may_end and re.match(r"[\"')»”]* +[\"'(«“¿¡]*[^\W\d_a-zа-яё]", rest))
            else ""
        )

    def _forenames(self, m: re.Match) -> str:
        return m[1].replace(".", "") if m[1] else f"{m[2]} "

    def _ampersand(self, m: re.Match) -> str:
        first, second = (m[1], m[2] + m[3]) if m[1] else (" ".join(m[4]), " ".join(m[5]))
        return f" {first} {self.symbols['&']} {second} "

    def _fraction(self, m: re.Match) -> str:
        above, below = int(m[2]), int(m[3])
        divided = m.string[m.end() :].lstrip().startswith("=")
        words = self.fraction(above, below) if 0 < above < below and not divided else None
        if words is None:
            after = m[0][m.end(3) - m.start() :]
            between = self.words["divided" if divided else "slash"]
            if not divided and 70 <= above <= 250 and 40 <= below < above:  # of blood
                between = self.words.get("over", between)
            return m[0] if m[1] else f" {self.say(m[2])} {between} {self.say(m[3])} {after}"
        unit = self.units[m[4]][above > 1 or bool(m[1])] if m[4] else ""
        return f" {self.say(m[1])} {self.words['and']} {words} {unit} " if m[1] else f" {words} {unit} "

    def _leading(self, m: re.Match) -> str:
        """A decimal without its nought: ``.5 kg``."""
        minus = self.words["minus"] if m["minus"] else ""
        if not self.words["point"]:
            number = f"0{self.mark[0]}{m[2]}"
            return f" {minus} {self.amount(number, self.units[m[3]]) if m[3] else self.say(number)} "
        return f" {minus} {self.words['point']} {self.digits(m[2])} {self.units[m[3]][1] if m[3] else ''} "

    def _power(self, m: re.Match) -> str:
        unit = m[2] if m.re.groups > 1 else None
        return f" {self.power(m[1])} {self.units[unit][-1] if unit else ''} "

    def _compared(self, m: re.Match) -> str:
        words = self.words[m[1]] if m[1] else self.words.get(f"before {m[2]}") or self.words[m[2]]
        verb, _, rest = words.partition(" ")
        said = re.search(rf"\b{verb}$", m.string[: m.start()])  # Five is > four.
        return f" {rest if said and rest else words} "

    def _numbered(self, m: re.Match) -> str:
        """A number that belongs to letters: a year, or a kind of something."""
        whole = self.wholes and m[0][0] == "-" and len(m[1]) < 4
        return f" {self.quantity(m[1]) if whole or re.fullmatch('(?:19|20)..', m[1]) else self.digits(m[1])} "


def _apart(m: re.Match, words: str) -> str:
    """Words that ask for blanks around them get those that they need: none inside quotes and brackets."""
    if not words.startswith(" "):
        return words
    before, after = m.string[: m.start()][-1:], m.string[m.end() :][:1]
    if re.match(r"-[^\W\d_]", m.string[m.end() :]):  # 3/8-inch
        after = ","
    return " " * (before not in " \"'([«“‘¿¡") + " ".join(words.split()) + " " * (after not in " \"')]»”’,.;:!?…")


def alternatives(words: Iterable[str]) -> str:
    """A pattern of any of the words, longest first; spaces in them may be any or none."""
    return "|".join(re.escape(word).replace(r"\ ", r"\s?") for word in sorted(words, key=len, reverse=True))
