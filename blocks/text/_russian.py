"""Russian: how numbers, abbreviations and symbols are said; a ``+`` before a vowel is a stress mark and stays."""

import re
from typing import ClassVar

from blocks.text._spelling import Spelling

_ENDINGS = {  # of an ordinal, as in 5-й -> gender, case, plural
    "й": ("m", "n"), "ый": ("m", "n"), "ий": ("m", "n"), "ой": ("f", "g"), "го": ("m", "g"), "ого": ("m", "g"),
    "его": ("m", "g"), "му": ("m", "d"), "ому": ("m", "d"), "ему": ("m", "d"), "ым": ("m", "i"), "им": ("m", "i"),
    "м": ("m", "p"), "ом": ("m", "p"), "ем": ("m", "p"), "я": ("f", "n"), "ая": ("f", "n"), "ью": ("f", "i"),
    "ую": ("f", "a"), "ю": ("f", "a"), "е": ("n", "n"), "ое": ("n", "n"), "ье": ("n", "n"), "х": ("p", "g"),
    "ых": ("p", "g"), "их": ("p", "g"), "ые": ("p", "n"), "ие": ("p", "n"), "ми": ("p", "i"), "ыми": ("p", "i"),
}  # fmt: skip
_YEARS = {"год": "n", "года": "g", "году": "p", "годом": "i", "г.": "n"}
_LOOKALIKES = str.maketrans("aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ")  # Latin letters typed in Russian words
_FEMININE = r"минут|секунд|недел|копе|тысяч|кнопк|клавиш|букв|цифр|строк|страниц|попыт|папк|запис"
_NEUTER = r"сообщени|слово|слова|имя|имени"


class Russian(Spelling):
    code = "ru"
    point, minus, between, dash = "точка", "минус", "тире", "дефис"
    group, mark = " ", ",."
    currencies: ClassVar = {
        "₽": (("рубль", "рубля", "рублей"), ("копейка", "копейки", "копеек")),
        "руб.": (("рубль", "рубля", "рублей"), ("копейка", "копейки", "копеек")),
        "$": (("доллар", "доллара", "долларов"), ("цент", "цента", "центов")),
        "€": (("евро",) * 3, ("цент", "цента", "центов")),
        "£": (("фунт", "фунта", "фунтов"), ("пенс", "пенса", "пенсов")),
    }
    units: ClassVar = {
        "%": ("процент", "процента", "процентов"), "км": ("километр", "километра", "километров"),
        "см": ("сантиметр", "сантиметра", "сантиметров"), "мм": ("миллиметр", "миллиметра", "миллиметров"),
        "кг": ("килограмм", "килограмма", "килограммов"), "мс": ("миллисекунда", "миллисекунды", "миллисекунд"),
        "коп.": ("копейка", "копейки", "копеек"), "мин.": ("минута", "минуты", "минут"),
        "сек.": ("секунда", "секунды", "секунд"), "тыс.": ("тысяча", "тысячи", "тысяч"),
        "млн": ("миллион", "миллиона", "миллионов"), "млрд": ("миллиард", "миллиарда", "миллиардов"),
        "°": ("градус", "градуса", "градусов"), "°C": ("градус Цельсия", "градуса Цельсия", "градусов Цельсия"),
        "Гц": ("герц", "герца", "герц"), "кГц": ("килогерц", "килогерца", "килогерц"),
        "Кб": ("килобит", "килобита", "килобит"), "МБ": ("мегабайт", "мегабайта", "мегабайт"),
        "ГБ": ("гигабайт", "гигабайта", "гигабайт"), "дБ": ("децибел", "децибела", "децибел"),
    }  # fmt: skip
    symbols: ClassVar = {
        "&": "и", "*": "звёздочка", "#": "решётка", "=": "равно", "@": "собака", "%": "процент", "/": "дробь",
        "§": "параграф", "×": "на", "÷": "делить на", "±": "плюс-минус", "$": "доллар", "€": "евро", "£": "фунт",
        "₽": "рубль",
    }  # fmt: skip
    abbreviations: ClassVar = {
        "т. е": "то есть", "т. д": "так далее", "т. п": "тому подобное", "т. к": "так как", "др": "другие",
        "напр": "например", "ул": "улица", "им": "имени", "стр": "страница", "тел": "телефон", "доб": "добавочный",
        "проф": "профессор", "г-н": "господин", "г-жа": "госпожа", "гр": "гражданин", "руб": "рублей", "коп": "копеек",
        "тыс": "тысяч", "млн": "миллионов", "млрд": "миллиардов", "мин": "минут", "сек": "секунд",
    }  # fmt: skip
    cues = "номер[ауом]*|парол[ьяемю]*|набрав|наберите|набрать|код[ауом]*|пин-код[ауом]*"

    def mend(self, words: str) -> str:
        return re.sub(r"^одна (?=тысяча\b)", "", words)

    def decimal(self, whole: str, part: str, mark: str) -> str:
        if len(part) > 3:
            return f"{self.cardinal(int(whole))} запятая {self.digits(part)}"
        below = (self.ordinal(10 ** len(part), gender="f"), self.ordinal(10 ** len(part), case="g", plural=True))
        one, many = ("целая", below[0]), ("целых", below[1])
        units = f"{self._count(int(whole))} {(one if _form(int(whole)) == 0 else many)[0]}"
        return f"{units} {self._count(int(part))} {(one if _form(int(part)) == 0 else many)[1]}"

    def fraction(self, above: int, below: int) -> str | None:
        if below > 20:
            return None
        how = dict(gender="f") if above == 1 else dict(case="g", plural=True)
        return f"{self._count(above)} {self.ordinal(below, **how)}"

    def time(self, hour: int, minute: int, half: str) -> str:
        if not minute:
            return self.amount(str(hour), ("час", "часа", "часов"))
        return f"{self.cardinal(hour)} {'ноль ' if minute < 10 else ''}{self.cardinal(minute)}"

    def amount(self, number: str, forms: tuple[str, ...]) -> str:
        whole, part, _ = self.parse(number)
        if part:
            return f"{self.say(number)} {forms[1]}"
        feminine = forms[0].endswith(("а", "я", "йка")) and not forms[0].endswith("Цельсия")
        return f"{self.say(number, gender='f' if feminine else 'm')} {forms[_form(int(whole))]}"

    def first_rules(self):
        yield r"\w*[а-яёА-ЯЁ]\w*", lambda m: m[0].translate(_LOOKALIKES)
        yield r"№ ?(?=\d)|#(?=\d)", lambda m: "номер "

    def own_rules(self):
        yield r"(?<![\d.,])(\d{1,9})-(" + "|".join(sorted(_ENDINGS, key=len, reverse=True)) + r")\b", self._ordinal
        yield r"(?<![\d.,])([12]\d{3}) (года|году|годом|год|г\.)(?!\w)", self._dated
        yield rf"(?i)(?<![\d.,])(\d{{0,3}}[12])(?= (?:({_FEMININE})|{_NEUTER}))", self._gendered
        yield r"\+(?![аеёиоуыэюяАЕЁИОУЫЭЮЯ])", lambda m: " плюс "

    def _count(self, number: int) -> str:
        return self.cardinal(number, gender="f")

    def _ordinal(self, m: re.Match) -> str:
        gender, case = _ENDINGS[m[2]]
        how = dict(plural=True) if gender == "p" else dict(gender=gender)
        return f" {self.ordinal(int(m[1]), case=case, **how)} "

    def _dated(self, m: re.Match) -> str:
        return f" {self.ordinal(int(m[1]), case=_YEARS[m[2]])} {'год' if m[2] == 'г.' else m[2]}"

    def _gendered(self, m: re.Match) -> str:
        return f" {self.cardinal(int(m[1]), gender='f' if m[2] else 'n')} "


def _form(number: int) -> int:
    """Which of one, few and many a number asks for."""
    if number % 100 in (11, 12, 13, 14):
        return 2
    return 0 if number % 10 == 1 else 1 if number % 10 in (2, 3, 4) else 2
