"""What letters are called, as words of the language: for acronyms and letters that stand alone."""

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
RUSSIAN_VOWELS = "аеёиоуыэюя"
LATIN_IN_RUSSIAN = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", (
    "эй", "би", "си", "ди", "и", "эф", "джи", "эйч", "ай", "джей", "кей", "эл", "эм", "эн", "оу", "пи", "кью", "ар",
    "эс", "ти", "ю", "ви", "дабл ю", "экс", "уай", "зет",
)))  # fmt: skip
