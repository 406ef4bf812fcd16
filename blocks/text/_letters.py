"""What letters are called, as words of the language: for acronyms and letters that stand alone."""

import re

NAMES = {
    "es": dict(zip("abcdefghijklmnñopqrstuvwxyz", (
        "a", "be", "ce", "de", "e", "efe", "ge", "hache", "i", "jota", "ka", "ele", "eme", "ene", "eñe", "o", "pe",
        "cu", "erre", "ese", "te", "u", "uve", "doble uve", "equis", "ye", "zeta",
    ))),
    "ru": dict(zip("абвгдеёжзийклмнопрстуфхцчшщъыьэюя", (
        "а", "бэ", "вэ", "гэ", "дэ", "е", "ё", "жэ", "зэ", "и", "и краткое", "ка", "эль", "эм", "эн", "о", "пэ", "эр",
        "эс", "тэ", "у", "эф", "ха", "цэ", "чэ", "ша", "ща", "твёрдый знак", "ы", "мягкий знак", "э", "ю", "я",
    ))),
}  # fmt: skip
_GREEK = "αβγδεζηθικλμνξοπρστυφχψω"
GREEK = {
    code: dict(zip(_GREEK, names.split())) | {"ς": "sigma" if code != "ru" else "сигма"}
    for code, names in {
        "en": "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau "
        "upsilon phi chi psi omega",
        "es": "alfa beta gamma delta épsilon zeta eta theta iota kappa lambda mi ni xi ómicron pi rho sigma tau "
        "ípsilon fi ji psi omega",
        "ru": "альфа бета гамма дельта эпсилон дзета эта тета йота каппа лямбда мю ню кси омикрон пи ро сигма тау "
        "ипсилон фи хи пси омега",
    }.items()
}
RUSSIAN_VOWELS = "аеёиоуыэюя"
LATIN_IN_RUSSIAN = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", (
    "эй", "би", "си", "ди", "и", "эф", "джи", "эйч", "ай", "джей", "кей", "эл", "эм", "эн", "оу", "пи", "кью", "ар",
    "эс", "ти", "ю", "ви", "дабл ю", "экс", "уай", "зет",
)))  # fmt: skip
_NO_ACRONYMS = "мне все всё что где дня два три кто для при про сми мхат они она оно его или это еще ещё уже"
_RUSSIAN_WORDS = frozenset(_NO_ACRONYMS.split())  # in capitals, too
# НАТО, МИД, СПИД, ОМОН; but not МГУ, ООН, УВД.
_SAYABLE = re.compile("[^аеёиоуыэюя]+[аеёиоуыэюя].+|[аеёиоуыэюя][^аеёиоуыэюя][аеёиоуыэюя].")


def is_spelled_russian(word: str) -> bool:
    """Whether a word in capitals is an acronym said letter by letter, as США is and НАТО is not."""
    small = word.lower()
    if not (word.isupper() and 2 <= len(word) <= 5) or small in _RUSSIAN_WORDS or not re.fullmatch("[а-яё]+", small):
        return False
    if not any(char in RUSSIAN_VOWELS for char in small):
        return True
    return word in ("ИП", "ЕС", "УК", "АО", "ИИ", "ГИБДД") or (2 < len(word) < 5 and not _SAYABLE.fullmatch(small))


def spelled_russian(word: str) -> str:
    """The names of its letters, as words."""
    return " ".join({"л": "эл"}.get(letter) or NAMES["ru"][letter] for letter in word.lower())
