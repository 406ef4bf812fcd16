"""Spanish: how numbers, abbreviations and symbols are said."""

import re
from typing import ClassVar

from blocks.text import _words_spanish as table
from blocks.text._roman import ROMAN, roman
from blocks.text._spelling import LETTER, Spelling, alternatives

_POINT = {"MX", "US", "PR", "GT", "HN", "NI", "PA", "SV", "DO", "419"}  # regions that write 1,234.5
_FEMININE = (
    "hora",
    "libra",
    "pulgada",
    "milla",
    "hectárea",
    "tonelada",
    "onza",
    "rupia",
    "caloría",
    "kilocaloría",
    "revolución",
)


class Spanish(Spelling):
    code = "es"
    letters = r"[A-Za-zÁÉÍÓÚÜÑÇáéíóúüñçºªàèìòùâêîôûäëïöÀÈÌÒÙÂÊÎÔÛÄËÏÖ]"
    words: ClassVar = table.WORDS
    currencies: ClassVar = table.CURRENCIES
    magnitudes: ClassVar = table.MAGNITUDES
    units: ClassVar = table.UNITS
    symbols: ClassVar = table.SYMBOLS
    abbreviations: ClassVar = {k: v for k, v in table.ABBREVIATIONS.items() if k not in ("s", "min", "ed", "pl", "cap")}
    closing = frozenset("".join(short.split()) for short in table.CLOSING)
    starters = frozenset(table.STARTERS)
    arc = ("°", "min", "seg")
    gaps = " \u00a0\u2009\u202f"
    telephones = r"[6789]\d\d \d{3} \d{3}(?!\d)"
    cues = "extensi[oó]n|contrase[nñ]a|clave|c[oó]digo|marque|marca|marcar(?: el)?|tel[eé]fono|pin"

    def __init__(self, language: str):
        region = language.rpartition("-")[2] if "-" in language else ""
        self.group, self.mark = (",", ".,") if region in _POINT else (".", ",.")
        if region not in table.PESOS:
            self.currencies = self.currencies | {"$": self.currencies["USD"]}
            self.symbols = self.symbols | {"$": "dólares"}
        super().__init__(language)

    def mend(self, words: str) -> str:
        words = re.sub(r"veintiuno(?= (?:mil|millones|\w+illones)\b)", "veintiún", words)
        words = re.sub(r"\buno(?= (?:mil|millones|\w+illones)\b)", "un", words)
        words = words.replace("quadragésim", "cuadragésim").replace("quadringentésim", "cuadringentésim")
        return re.sub(r"décimo(?=[pstcqon]\w)", "decimo", words)

    def decimal(self, whole: str, part: str, mark: str) -> str:
        point = "punto" if mark == "." else "coma"
        after = self.digits(part) if len(part) > 2 or part[0] == "0" else self.cardinal(int(part))
        return f"{self.cardinal(int(whole))} {point} {after}"

    def fraction(self, above: int, below: int) -> str | None:
        if below > 10 or below == 1:
            return None
        name = {2: "medio", 3: "tercio", 4: "cuarto"}.get(below) or self.ordinal(below)
        return f"{_short(self.cardinal(above), name)} {name}{'s' * (above > 1)}"

    def time(self, hour: int, minute: int, half: str) -> str:
        after = f" {half} M" if half else ""
        hours = re.sub("uno$", "una", self.cardinal(hour))
        return hours + (f" {self.cardinal(minute)}" if minute else "" if half else " en punto") + after

    def date(self, day: int, month: int, year: str) -> str:
        return f"{self.cardinal(day)} de {table.MONTHS[month - 1]} de {self.cardinal(int(year))}"

    def power(self, number: str) -> str:
        digits = int(number.lstrip("-−–"))
        if not number[0].isdigit():
            return f"elevado a menos {self.cardinal(digits)}"
        return {2: "al cuadrado", 3: "al cubo"}.get(digits) or f"elevado a {self.cardinal(digits)}"

    def per(self, sign: str) -> str:
        return (
            f"{'al' if sign in ('mes', 'año', 'día') else 'por'} {self.units[sign][0] if sign in self.units else sign}"
        )

    def amount(self, number: str, forms: tuple[str, ...]) -> str:
        name = forms[number != "1"]
        of = "de " if re.fullmatch(r"[1-9]\d*000000", self._ungrouped(number)) and name != "por ciento" else ""
        words = self.say(number)
        return f"{words if name == 'por ciento' or self.parse(number)[1] else _short(words, name)} {of}{name}"

    def large(self, number: str, magnitude: str, forms: tuple[str, ...]) -> str:
        of = "de " if magnitude != "mil" else ""
        return f"{_short(self.say(number), 'x')} {magnitude} {of}{forms[-1]}"

    def first_rules(self):
        yield r"(?i)(?:\bn[uú]ms?\. ?|\bn[.º°]{1,2} ?|\bno\. ?|№ ?|#)(?=\d)", lambda m: "número "
        yield (
            rf"(?<![\w./,])(\d{{1,3}}) 1/2 ({alternatives(sign for sign in self.units if sign[0].isalpha())})(?!\w)",
            lambda m: (
                f"{self.amount(m[1], self.units[m[2]])} y {'media' if self.units[m[2]][0].startswith(_FEMININE) else 'medio'}"
            ),
        )
        yield r"(?<![\w./,])(?:(\d{1,3}) )?1/2 (?=([a-záéíóúñ]+))", self._half
        yield r"(?<=\d)º ?(?=[CF]\b)", lambda m: "°"
        yield r"(?i)(?<=\blas )(\d{1,2})\.([0-5]\d)(?![\d.])", lambda m: f"{m[1]}:{m[2]}"
        yield r"\bvs\b(?!\.)", lambda m: "versus"
        yield r"\bEEUU\b", lambda m: "Estados Unidos"
        yield r"\bD\.ª", lambda m: "doña"
        yield r"\bM\.?ª", lambda m: "María"
        yield r"\b([cC])/ ?(?=\d)", lambda m: "Cada " if m[1] == "C" else "cada "
        yield r"\bc/u\b\.?", lambda m: "cada uno"
        yield (
            r"(?i)(?<=\b[Ee]l )(\d\d?)([A-Z])(?![\w'’])|(?<=\bdel )(\d\d?)([A-Z])(?![\w'’])|(?<=\bal )(\d\d?)([A-Z])(?![\w'’])",
            self._day_of_protest,
        )
        yield r"(?i)\b(el|del|al|día) (?!24/7)(\d\d?)/(\d\d?)(?![\w/]|[.,]\d| de\b)", self._day_and_month
        yield (
            rf"(?<![\w.,/])(\d\d?) (?:de )?({alternatives(table.SHORT_MONTHS)})(?:\.|(?<!mar)(?!\w)|(?= (?:de )?\d{{4}}\b))(?:,? (?:de )?(?=\d{{4}}\b))?",
            self._short_month,
        )
        yield r"(?<=\bde )([1-5])\*(?![\w*])", lambda m: f"{self.amount(m[1], ('estrella', 'estrellas'))}"
        yield r"\bhab\. ?(?=\d)", lambda m: "habitación "
        yield r"\bC/ ?(?=[A-ZÁÉÍÓÚ])", lambda m: "Calle "
        yield r"\bD\. (?=[A-ZÁÉÍÓÚ][a-záéíóú])(?<!P\. D\. )", lambda m: "don "
        yield r"(?i)\b(cap|ed|min)\. ?(?=\d|[IVXL]+\b)", lambda m: f"{table.ABBREVIATIONS[m[1].lower()]} "
        yield rf"\bs\. (?={ROMAN}\b)", lambda m: "siglo "
        yield rf"(?i)\b(siglos?) (?-i:{ROMAN})((?: [ya] |[-–])(?-i:{ROMAN}))?(?!\w)", self._century
        yield (
            rf"(?i)\b({'|'.join(table.HEADS)}|(?:vol|cap|art)\.) (?-i:{ROMAN})(?!\w)",
            lambda m: f"{m[1]} {self._counted_roman(m[2])}",
        )
        yield rf"\b({'|'.join(table.REGNAL)}) {ROMAN}(?![\w'’.]\w)", self._regnal
        yield (
            r"\b([A-ZÁÉÍÓÚ][a-záéíóúñ]+) I(?![\w'’.])",
            lambda m: f"{m[1]} {'primera' if m[1] in table.WOMEN else 'primero'}",
        )
        yield rf"\b(?=[IVX]{{2}}|[IV]\b){ROMAN} (?=[A-ZÁÉÍÓÚ]?[a-záéíóú]+)([A-ZÁÉÍÓÚ][a-záéíóú]+)", self._ranked
        yield rf"\b([A-ZÁÉÍÓÚ]{LETTER}+) (?=[IVXL]{{2}}){ROMAN}(?!\w)", lambda m: f"{m[1]} {self.cardinal(roman(m[2]))}"
        yield (
            r"(?<![\w\-/.,])(\d{1,2}) ?h ?(\d{1,2})(?: ?min\b|['′’])",
            lambda m: f" {self.amount(m[1], self.units['h'])} {self.amount(m[2], self.units['min'])} ",
        )
        yield r"(?<![\d:])(\d\d?:\d\d) ?h(?:s|rs)?\b\.?", lambda m: m[1]
        yield (
            r"(?<![\d.,\-])([6789]\d{2}) (\d{3}) (\d{3})(?!\d|[.,]\d)",
            lambda m: f" {', '.join(map(self.digits, m.groups()))} ",
        )
        yield r"(?<![\d.,\-])([69]\d{8})(?![\d.,])", lambda m: f" {self.digits(m[1])} "

    def own_rules(self):
        yield r"(?<![\w.])(\d[\d.]*(?:,\d+)?)(k|(?<=\d\d)K|M)(?![\w'’])", self._shortened
        yield r"(?<![\d.,])(\d{1,6})(?:\.?(?:(º|(?:er|[rdtmvn])?o\b)|(ª|(?:er|[rdtmvn])?a\b))|\.?(er\b))", self._ordinal
        yield r"(?<=\d) ?([aApP])\. ?[mM]\b\.?|(?<=\d) ?([aApP])[mM]\b", lambda m: f" {(m[1] or m[2]).upper()} M"
        yield r"(?<![\w.,:/\-])((?:\d{1,3}(?:\.\d{3})+|\d+)) (?=(?:mil )?([a-záéíóúñ]+))", self._agreeing

    def _agreeing(self, m: re.Match) -> str:
        """1, 21 and hundreds have the gender of what they count."""
        number, noun = m[1].replace(".", ""), m[2]
        if len(number) > 9 or (len(number) > 1 and number[0] == "0"):
            return m[0]
        if re.search(
            r"(?i)\b(?:número|página|capítulo|año|versión|nivel|serie|grupo|tipo|zona|fase|etapa|línea|puerta|canal|sala|habitación|lección) $",
            m.string[: m.start()],
        ):
            return m[0]  # it counts nothing, it is counted
        words = self.cardinal(int(number))
        if noun in table.NO_NOUNS:
            return m[0]
        if self._is_feminine(noun):
            words = re.sub("uno$", "una", re.sub("cientos\\b", "cientas", words).replace("quinientos", "quinientas"))
        else:
            words = _short(words, noun)
        return f" {words} "

    def _day_of_protest(self, m: re.Match) -> str:
        """A day known by the letter of its month: el 8M."""
        day, month = next((m[n], m[n + 1]) for n in (1, 3, 5) if m[n])
        return f"{self.cardinal(int(day))} {month.upper()}" if 1 <= int(day) <= 31 and month in "EFMAJSOND" else m[0]

    def _day_and_month(self, m: re.Match) -> str:
        day, month = int(m[2]), int(m[3])
        litres = re.match(r" [a-z]", m.string[m.end() :]) and self.fraction(day, month) and day < month  # el 1/2 litro
        if not (1 <= day <= 31 and 1 <= month <= 12) or litres:
            return m[0]
        return f"{m[1]} {self.cardinal(day)} de {table.MONTHS[month - 1]}"

    def _short_month(self, m: re.Match) -> str:
        year = m[0].endswith(" ")
        ends = m[0].endswith(".") and self._stop(m, True)
        return f"{self.cardinal(int(m[1]))} de {table.SHORT_MONTHS[m[2]]}{' de ' if year else ends or ''}"

    def _half(self, m: re.Match) -> str:
        """½ hora, 2 ½ tazas."""
        feminine = self._is_feminine(m[2])
        half = "media " if feminine else "medio "
        if not m[1]:
            return half
        return f"{re.sub('uno$', 'una', self.cardinal(int(m[1]))) if feminine else self.cardinal(int(m[1]))} y {half}"

    def _shortened(self, m: re.Match) -> str:
        words = _short(self.say(m[1]), "x")
        return f" {words} {table.MAGNITUDES[m[2]] if m[2] == 'M' else 'mil'} "

    def _is_feminine(self, noun: str) -> bool:
        if noun in table.MASCULINE:
            return False
        return noun in table.FEMININE or noun.endswith(("a", "as", "ción", "ciones", "sión", "dad", "dades", "tud"))

    def _century(self, m: re.Match) -> str:
        first, second = roman(m[2]), re.fullmatch(r"(\W*[ya]?\W*)([IVXL]+)", m[3]) if m[3] else None
        link = second and (second[1].strip() if second[1].strip() in ("y", "a") else "a")
        return f"{m[1]} {self.cardinal(first)}" + (f" {link} {self.cardinal(roman(second[2]))}" if second else "")

    def _counted_roman(self, numeral: str) -> str:
        return self.cardinal(roman(numeral))

    def _regnal(self, m: re.Match) -> str:
        number = roman(m[2])
        words = self.ordinal(number) if number <= 10 and (m[1], number) != ("Luis", 10) else self.cardinal(number)
        return f"{m[1]} {re.sub('o$', 'a', words) if m[1] in table.WOMEN else words}"

    def _ranked(self, m: re.Match) -> str:
        words = self.ordinal(roman(m[1]))
        if self._is_feminine(m[2].lower()):
            words = re.sub(r"o\b", "a", words)
        elif words in ("primero", "tercero"):
            words = words[:-1]
        return f"{words} {m[2]}"

    def _ordinal(self, m: re.Match) -> str:
        words = self.ordinal(int(m[1]))
        if m[3]:
            words = re.sub(r"o\b", "a", words)
        return f" {words.removesuffix('o') if m[4] else words} "


def _short(words: str, name: str) -> str:
    """Before a noun, `uno` loses its end or becomes feminine."""
    if name.startswith(_FEMININE):
        return re.sub("uno$", "una", words)
    return re.sub(r"\buno$", "un", re.sub("veintiuno$", "veintiún", words))
