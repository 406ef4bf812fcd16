"""Russian: numbers in the gender and case of what they count, ordinals of what is numbered, and short words in their case."""

import re

from blocks.text import _words_russian as table
from blocks.text._roman import ROMAN, roman
from blocks.text._russian_dates import BEFORE, Dates

# Words that end as feminine nouns do and are none.
_NOT_FEMININE = (
    r"(?:при|или|если|почти|мужчины|судьи|юноши|дяди|дедушки|папы|пути|такси|пенальти|жюри|сегодня|завтра|вчера|всегда|тогда|когда"
    r"|года|раза|часа|человека|ребёнка|куда|января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря)\b"
)
_ONE = r"(?<![\d.,:/-])(\d{0,3}(?<!1)1)"  # 1, 21, 101 and not 11
_NO_PREPOSITION = "".join(
    rf"(?<!\b{word} )" for word in "в во за на про через от до с со из у о об без для кроме не по к".split()
)
_ADJECTIVE = r"(?:[а-яё]+(?:ые|ие|ых|их|ую|юю|ой|ей|ая|яя) )?"
_NUMBERED = "класс|этаж|курс|тур|сезон|разряд|вагон|подъезд|ряд"  # one of them has a number; more of them are counted
_ENDING = r"руб|коп|долл|тыс|млн|млрд|трлн|чел|шт|экз|сек|кг|км|мес"  # may end a sentence, behind a number
_ENDS = r"(?=\s*$|\s+[\"«(]?[А-ЯЁ][а-яё]*(?!\.))"
_TAKEN = r"(?:добав|возьм|полож|влей|влить|налей|всып|насып|съе|выпи|выпей|прим|прин|потрат|стоит|стоил|заплат|получ|куп)[а-яё]*"


class Agreement(Dates):
    """The rules by groups, for a language's list to take in their order."""

    def short_words(self):
        starters = "|".join(table.STARTERS)
        # the full stop of what is short ends its sentence, too
        yield rf"(?:(?<=\d )|(?<=\d)|(?<=тыс\. )|(?<=млн )|(?<=млрд ))({_ENDING})\.{_ENDS}", lambda m: f"{m[0]}."
        yield rf"(?<=\d )(гг?|вв?)\.(?=\s*$|\s+[\"«(]?(?:{starters})\b)", lambda m: f"{m[0]}."
        yield r"(?i)\bв т\. ?ч\.", lambda m: f"{m[0][0]} том числе"
        yield r"(?i)\bпо тел\.", lambda m: f"{m[0][:2]} телефону"
        yield r"(?<!\w)(в|за) мес\.(?!\w)", lambda m: f"{m[1]} месяц"
        yield r"\bпр-т\b\.?", lambda m: "проспект"
        yield r"(?<=\d )мск\b|(?<=:\d\d )МСК\b", lambda m: "по Москве"
        yield r"\b(ИНН|КПП|ОГРН|ОГРНИП|СНИЛС|БИК|ОКПО)(\W{1,3})(\d{5,})", lambda m: f"{m[1]}{m[2]}{self.digits(m[3])}"
        yield r"(?i)((?:ул\.|улица|д\.|дом|корп\.)[^.;]*?\d, )стр\. ?(?=\d)", lambda m: f"{m[1]}строение "
        yield rf"(?i:{BEFORE})(?<!\w)(?:{ROMAN}|([1-4])) кв\.(?: ([12]\d{{3}}) ?(?:г\.|года))?(?! ?\d)", self._quarter
        yield r"(?<!\d )(?<![\d.,])(\d+) табл\.", lambda m: self.amount(m[1], ("таблетка", "таблетки", "таблеток"))
        spoon = r"(ст|ч)\. ?л\."
        yield rf"(?i)(\b{_TAKEN} )1 {spoon}", lambda m: f"{m[1]}одну {'столовую' if m[2] == 'ст' else 'чайную'} ложку"
        yield (
            rf"(?<![\d.,/])(\d)/(\d) {spoon}",
            lambda m: (
                f"{'половина' if m[1] + m[2] == '12' else self.fraction(int(m[1]), int(m[2]))} "
                f"{'столовой' if m[3] == 'ст' else 'чайной'} ложки"
            ),
        )
        yield (
            rf"(?i)(\b{_TAKEN} )1/(\d{{1,2}})(?![\d/.,])",
            lambda m: f"{m[1]}одну {self.ordinal(int(m[2]), gender='f', case='a')}",
        )
        yield rf"(?i)(\b(?:{_TAKEN}|за|на|через) )1 (?:тыс\b\.?|тысячу)", lambda m: f"{m[1]}тысячу"

    def numbered(self):
        """Ordinals, percent and what goes on in the genitive: before the rules that count."""
        yield (
            r"(?i)(?<!\w)(с) (\d{1,3}) ?% ?(?=[а-яё]+ью\b)",
            lambda m: f"{m[1]} {self._stem(int(m[2]))}процентной ",
        )
        yield (
            r"(?i)(?<!\w)(с) (\d{1,3}) ?%(?= до| по|[.,;]|\s*$)",
            lambda m: f"{m[1]} {self.amount(m[2], self.units['%'], 'g')}",
        )
        yield (
            rf"(?i)(?<!\w)(с) (\d{{1,2}}) по (\d{{1,2}}) (?=(?:{_NUMBERED})\b)",
            lambda m: f"{m[1]} {self.ordinal(int(m[2]), case='g')} по {self.ordinal(int(m[3]))} ",
        )
        yield r"(?<![\d.,:/-])(\d{1,3}) (?=место\b)", lambda m: f"{self.ordinal(int(m[1]), gender='n')} "
        yield rf"(?<![\d.,:/-])(\d{{1,2}}) (?=(?:{_NUMBERED})\b)", lambda m: f"{self.ordinal(int(m[1]))} "
        yield (
            rf"(?i)\b(с|со|из|для|до|от|учени\w+|студент\w*) (\d{{1,2}}) (?=(?:{_NUMBERED})а\b|пути\b)",
            lambda m: f"{m[1]} {self.ordinal(int(m[2]), case='g')} ",
        )
        several = rf"((?:{'|'.join(table.GENITIVE)}) [\w ]*?[а-яё]+ и )(\d{{1,6}})(?= [а-яё]+(?:ов|ев|ей|ин|ат)\b)"
        yield rf"(?i)\b{several}", lambda m: f"{m[1]}{self.cardinal(int(m[2]), case='g')}"

    def counted(self):
        """One and two in the gender and case of their noun: behind the rules that prepositions ask for."""
        yield (
            rf"(?i)(?<!\w)(с|со) {_ONE} (?=[а-яё]{{3,}}[ая]\b)",
            lambda m: f"{m[1]} {self.cardinal(int(m[2]), case='g')} ",
        )
        # one of them: за 21 минуту, по 1 рублю, в 21 доме
        yield rf"(?i)\b(к|ко|по) {_ONE} (?=[а-яё]+[ую]\b)", lambda m: f"{m[1]} {self.cardinal(int(m[2]), case='d')} "
        yield (
            rf"(?i)\b(к|ко|по) {_ONE} (?=[а-яё]+е\b)",
            lambda m: f"{m[1]} {self.cardinal(int(m[2]), case='d', gender='f')} ",
        )
        yield (
            rf"{_ONE} (?={_ADJECTIVE}[а-яё]{{2,}}[ую]\b)",
            lambda m: f"{self.cardinal(int(m[1]), case='a', gender='f')} ",
        )
        yield (
            rf"(?i){_ONE} (?=(?:{table.FEMININE})\w*е\b)",
            lambda m: f"{self.cardinal(int(m[1]), case='p', gender='f')} ",
        )
        yield rf"(?i)\b(в|во|на|о|об|при) {_ONE} (?=[а-яё]{{2,}}е\b)", self._in_one
        # the gender by the noun's end: две студентки, одна женщина
        past = rf"(?!(?!(?:мил|рол|цел|модел|капл|пул|дол|школ|скал|пчел)[аи]\b)\w*л[аи](?:сь)?\b)(?!{_NOT_FEMININE})"
        yield rf"(?<![\d.,:/-])(\d{{0,3}}(?<!1)2) (?={_ADJECTIVE}{past}[а-яё]{{2,}}[ыи]\b)", self._feminine
        yield rf"{_NO_PREPOSITION}{_ONE} (?={_ADJECTIVE}{past}[а-яё]{{2,}}[ая]\b)", self._feminine

    def _feminine(self, m: re.Match) -> str:
        return f"{self.cardinal(int(m[1]), gender='f')} "

    def _in_one(self, m: re.Match) -> str:
        noun = re.match(r"[а-яё]+", m.string[m.end() :])[0]
        gender = "f" if noun.endswith(("ке", "це", "ше", "ле", "пе")) else "m"
        return f"{m[1]} {self.cardinal(int(m[2]), case='p', gender=gender)} "

    def _quarter(self, m: re.Match) -> str:
        """в I кв. 2024 г.: в первом квартале две тысячи двадцать четвёртого года."""
        before = m["before"] or ""
        case = {"в": "p", "во": "p"}.get(before.lower(), "g" if before.lower() in [*table.GENITIVE, "с"] else "n")
        numeral, number, year = (m[n] for n in (m.re.groups - 2, m.re.groups - 1, m.re.groups))
        name = {"p": "квартале", "g": "квартала", "n": "квартал"}[case]
        said = f"{self.ordinal(roman(numeral) if numeral else int(number), case=case)} {name}"
        of = f" {self.ordinal(int(year), case='g')} года" if year else ""
        return f"{before} {said}{of}".strip() + (self._stop(m, True) if m[0].endswith(".") else "")
