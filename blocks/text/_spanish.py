"""Spanish: how numbers, abbreviations and symbols are said."""

import re
from typing import ClassVar

from blocks.text._spelling import Spelling

_POINT = {"MX", "US", "PR", "GT", "HN", "NI", "PA", "SV", "DO", "419"}  # regions that write 1,234.5
_FEMININE = ("hora", "libra", "pulgada", "milla")
_UNITS = {
    "km": "kilómetro", "cm": "centímetro", "mm": "milímetro", "kg": "kilogramo", "mg": "miligramo",
    "ms": "milisegundo", "KB": "kilobyte", "Kb": "kilobit", "kb": "kilobit", "MB": "megabyte", "GB": "gigabyte",
    "dB": "decibelio", "h": "hora", "lb": "libra", "°": "grado",
}  # fmt: skip


class Spanish(Spelling):
    code = "es"
    point, minus, between, dash = "punto", "menos", "a", "guion"
    currencies: ClassVar = {
        "$": (("peso", "pesos"), ("centavo", "centavos")),
        "€": (("euro", "euros"), ("céntimo", "céntimos")),
        "£": (("libra", "libras"), ("penique", "peniques")),
    }
    units: ClassVar = {sign: (one, one + "s") for sign, one in _UNITS.items()} | {
        "%": ("por ciento",) * 2, "°C": ("grado Celsius", "grados Celsius"), "Hz": ("hercio", "hercios"),
        "kHz": ("kilohercio", "kilohercios"), "MHz": ("megahercio", "megahercios"),
    }  # fmt: skip
    symbols: ClassVar = {
        "&": "y", "*": "asterisco", "#": "numeral", "+": "más", "=": "igual a", "@": "arroba", "%": "por ciento",
        "/": "barra", "§": "sección", "×": "por", "÷": "entre", "±": "más o menos", "$": "pesos", "€": "euros",
        "£": "libras", "º": "grados", "ª": " ",
    }  # fmt: skip
    abbreviations: ClassVar = {
        "sr": "señor", "sra": "señora", "srta": "señorita", "sres": "señores", "dr": "doctor", "dra": "doctora",
        "ud": "usted", "uds": "ustedes", "vd": "usted", "vds": "ustedes", "prof": "profesor", "lic": "licenciado",
        "ing": "ingeniero", "etc": "etcétera", "av": "avenida", "avda": "avenida", "tel": "teléfono", "pág": "página",
        "p. ej": "por ejemplo", "ee. uu": "Estados Unidos", "ee.uu": "Estados Unidos", "ext": "extensión",
        "aprox": "aproximadamente", "cap": "capítulo", "depto": "departamento",
    }  # fmt: skip
    cues = "extensi[oó]n|contrase[nñ]a|clave|c[oó]digo|n[uú]mero|marque|marca|marcar(?: el)?|cuenta"

    def __init__(self, language: str):
        region = language.rpartition("-")[2] if "-" in language else ""
        self.group, self.mark = (",", ".,") if region in _POINT else (".", ",.")
        if region in ("US", "PR", "SV", "PA"):
            self.currencies = self.currencies | {"$": (("dólar", "dólares"), ("centavo", "centavos"))}
        super().__init__(language)

    def mend(self, words: str) -> str:
        words = re.sub(r"veintiuno(?= (?:mil|millones|\w+illones)\b)", "veintiún", words)
        words = re.sub(r"\buno(?= (?:mil|millones|\w+illones)\b)", "un", words)
        return re.sub(r"décimo(?=[pstcqon]\w)", "decimo", words)

    def decimal(self, whole: str, part: str, mark: str) -> str:
        point = "punto" if mark == "." else "coma"
        after = self.digits(part) if len(part) > 2 or part[0] == "0" else self.cardinal(int(part))
        return f"{self.cardinal(int(whole))} {point} {after}"

    def fraction(self, above: int, below: int) -> str | None:
        if below > 10:
            return None
        name = {2: "medio", 3: "tercio"}.get(below) or self.ordinal(below)
        return f"{_short(self.cardinal(above), name)} {name}{'s' * (above > 1)}"

    def time(self, hour: int, minute: int, half: str) -> str:
        after = f" {half} M" if half else ""
        hours = re.sub("uno$", "una", self.cardinal(hour))
        return hours + (f" {self.cardinal(minute)}" if minute else "" if half else " en punto") + after

    def amount(self, number: str, forms: tuple[str, ...]) -> str:
        name = forms[number != "1"]
        of = "de " if re.fullmatch(r"[1-9]\d*000000", self._ungrouped(number)) and name != "por ciento" else ""
        words = self.say(number)
        return f"{words if name == 'por ciento' or self.parse(number)[1] else _short(words, name)} {of}{name}"

    def first_rules(self):
        yield r"(?i)(?:\bn[uú]ms?\. ?|\bn[.º°]{1,2} ?|№ ?|#)(?=\d)", lambda m: "número "

    def own_rules(self):
        yield r"(?<![\d.,])(\d{1,6})(?:\.?(?:(º|o\b)|(ª|a\b))|(er\b))", self._ordinal
        yield r"(?<=\d) ?([aApP])\.?[mM]\b", lambda m: f" {m[1].upper()} M"

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
