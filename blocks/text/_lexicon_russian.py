"""Russian: the dictionary's stress, and from its letters to sounds.

Gruut's Russian phones are letters made soft or hard. What is said differs by rule: г in endings is v, voiced consonants
lose their voice at the end and before voiceless ones, -тся is t͡s a, and consonants drop out of clusters. Avanesov 1984
(Russkoe literaturnoe proiznoshenie). A ``+`` before a vowel says where the stress is.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from blocks.common.phones import restress, stressless
from blocks.text import _letters
from blocks.text._lexicon import Lexicon, Pronunciation, plain_letters
from blocks.text._lexicon_english import English

# Words that the dictionary stresses otherwise than is usual, or has with ё where е is meant.
_STRESSED = (
    "вс+е вс+ех вс+ем уж+е пот+ом начал+а н+ебо н+ебом ч+ем т+ем б+ольше ст+оит р+уки н+оги вод+ы м+оря г+орода слов+а дел+а "
    "больш+ие больш+их больш+ими больш+им войн+ы руд+ы п+еред с+амое с+амого с+амой с+амым с+амых земл+и широк+о бо+и пуст+ыня пуст+ыни пуст+ыню пуст+ынь пуст+ынях пуст+ынный пуст+ынных +австрия +австрию "
    "+австрии великобрит+ания великобрит+ании великобрит+анию т+оже +или чт+обы был+а взял+а понял+а ср+едства звон+ит больш+ая сам+ого самог+о добр+о дор+оги мин+ут дом+ой +этот"
)
_USUAL = {word.replace("+", ""): word for word in _STRESSED.split()}
_HARD_G = "много|немного|намного|ненамного|строго|дорого|недорого|убого|полого|лого|ого|благо|долго|надолго|недолго"
# Words that lean on the next one: they have no stress, and their last consonant goes by its first.
_PROCLITICS = frozenset("в во с со к ко из без под над от об изо подо ото у о за на по до для".split())
_VOWELS = "аеёиоуыэюя"
# Ends of forms of one word, by which a form that no dictionary has finds one that it has.
_ENDS = [sorted(ends.split(), key=len, reverse=True) for ends in (
    "ый ий ой ая яя ое ее ые ие ого его ому ему ым им ом ем ую юю ых их ыми ими", "а я у ю ом ем ой ей е ы и ов ев ам ям ами ями ах ях о ь й",
)]  # fmt: skip
# Letters that are said as others: pattern of the word, its phones, what is said.
_ENDINGS = [(re.compile(pattern), letters, said) for pattern, letters, said in (
    (rf"^(?!(?:{_HARD_G})$).*[ое]го(ся)?$", "ɡ", "v"),
    (r"^(ни|кое-|не)?что(?!л)(?=$|б|-)", "t͡ɕ t", "ʂ t"), (r"^сегодня", "ɡ", "v"), (r"^итого$", "ɡ", "v"),
    (r"^конечно$|^(не)?скучн|^нарочно$|яичниц|скворечник|горчичник|прачечн", "t͡ɕ n", "ʂ n"), (r"^помощник", "ɕː", "ʂ"),
    (r"лёгк|^легк|мягк", "ɡ", "x"), (r"^бог$", "ɡ", "x"), (r"^здравств|^чувств|^нечувств|безмолвств", "v s t v", "s t v"),
)]  # fmt: skip
_PAIRS = "b p d t ɡ k v f z s ʐ ʂ bʲ pʲ dʲ tʲ ɡʲ kʲ vʲ fʲ zʲ sʲ"
_VOICELESS = dict(zip(_PAIRS.split()[::2], _PAIRS.split()[1::2]))
_VOICED = {voiceless: voiced for voiced, voiceless in _VOICELESS.items()}
_VOICES = frozenset(_VOICELESS) - {"v", "vʲ"}  # what makes a consonant before it voiced: v does not
_MUTES = frozenset([*_VOICED, "x", "xʲ", "t͡ɕ", "t͡s", "ɕː"])  # what makes it voiceless
# Consonants that become one or drop out.
_CLUSTERS = [(re.compile(rf"(?<!\S){pattern}(?!\S)"), said) for pattern, said in (
    (r"tʲ? sʲ (ˈ?a)$", r"t͡s \1"), (r"[szʂʐ]ʲ? t͡ɕ", "ɕː"), (r"[szʂʐ] ɕː", "ɕː"), (r"(sʲ?) tʲ? (nʲ?)", r"\1 \2"),
    (r"(zʲ?) dʲ? (nʲ?)", r"\1 \2"), (r"l n t͡s", "n t͡s"), (r"r d t͡s", "r t͡s"), (r"s tʲ? (lʲ)", r"s \1"),
    (r"[td]ʲ? t͡s", "t͡s"), (r"[sz] ʂ", "ʂ ʂ"), (r"[sz] ʐ", "ʐ ʐ"),
)]  # fmt: skip
# все that is всё: before words of the singular, of a degree, and of what is so. Plural verbs behind tell that an adverb is between.
_ALL_OF_IT = re.compile(
    r"(?!(?:около|мимо|вместо|\w*[ое]го) )(?:(?:равно|ещё|еще|время|же|это|то|утро|больше|меньше|лучше|хуже|чаще|реже|выше|ниже|дальше) "
    r"|\w+(?:ло|лось|ее) |, что |\w{3,}о (?!\w+(?:ли|лись|[уюая]т|[уюая]тся) ))"
)
_RUN = re.compile(r"[a-zA-ZÀ-ɏ']+|[^a-zA-ZÀ-ɏ]+")  # of one script
# English phones as a Russian says them.
_FROM_ENGLISH = {
    "ɹ": "r", "w": "v", "θ": "t", "ð": "z", "h": "x", "ŋ": "n", "ʃ": "ʂ", "ʒ": "ʐ", "t͡ʃ": "t͡ɕ", "d͡ʒ": "d ʐ", "æ": "ɛ", "ɛ": "ɛ",
    "ə": "a", "ʌ": "a", "ɑ": "a", "ɔ": "o", "ɪ": "i", "ʊ": "u", "i": "i", "u": "u", "ɚ": "ɛ r", "eɪ": "ɛ j",
    "aɪ": "a j", "ɔɪ": "o j", "aʊ": "a u", "oʊ": "o u",
}  # fmt: skip


class Russian(Lexicon):
    script = "CYRILLIC"

    def __init__(self, code: str, language: str):
        super().__init__(code, language)
        self._english = English("en", "en-US")

    def roles(self, text: Sequence[str]) -> list[str]:
        """``всё`` of a word that is written все and means it, as the words behind tell; of a preposition the first
        sound of the next word: ``=voiced``, ``=voiceless`` or ``=else``, which leaves its last consonant as it is."""
        words = [word.lower() for word in text]
        return [
            "всё"
            if word == "все" and _ALL_OF_IT.match(" ".join([*words[at + 1 : at + 4], ""]))
            else _leaning(words[at + 1])
            if word in _PROCLITICS and at + 1 < len(words) and words[at + 1][0] not in ".,?!"
            else ""
            for at, word in enumerate(words)
        ]

    def prepare(self, words: set[str]) -> None:
        super().prepare(words)
        self._english.prepare({part for word in words for part in re.findall("[a-zà-öø-ÿ'-]+", word)})

    def relatives(self, word: str) -> Iterable[str]:
        return _relatives(word)

    def forms(self, word: str) -> Iterable[str]:
        for part in super().forms(word):
            plain = _USUAL.get(part, part).replace("+", "")
            yield from (plain, plain.replace("ё", "е"), *_with_yo(plain))

    def say(self, word: str, role: str = "") -> Pronunciation | None:
        if role.startswith("="):
            return _leant(word, super().say(word), role)
        word = role or word
        scripts = {_is_latin(char) for char in word if char.isalpha()}
        if len(scripts) > 1:  # IT-компания
            runs = word.split("-") if "-" in word else _RUN.findall(word)
            said = [self.say(run) for run in runs if any(map(str.isalpha, run))]
            return None if None in said else tuple(phone for run in said for phone in run)
        if True in scripts:
            return self._latin(word)
        if _letters.is_spelled_russian(word):
            return self.spelled(word)
        return super().say(word, role)

    def letter(self, letter: str) -> Pronunciation | None:
        name = _letters.LATIN_IN_RUSSIAN.get(letter.upper())
        return self._words(name) if name else super().letter(letter)

    def own(self, phonemes: str) -> Pronunciation | None:
        """Gruut's long vowels are the stressed ones."""
        marked = (
            f"ˈ{phone[:-1]}" if phone[0] in "aeiouɨ" and phone[-1] == "ː" else phone for phone in phonemes.split()
        )
        return super().own(" ".join(marked))

    def find(self, word: str, role: str = "") -> Pronunciation | None:
        """Where the word is not in the dictionary, е may stand for ё, or ё for е."""
        word = _USUAL.get(word, word)
        plain = word.replace("+", "")
        forms = (plain, plain.replace("ё", "е"), *_with_yo(plain))
        known = next(filter(None, map(self.known, forms)), [])
        return self._sounded(word, known[0][1]) if known else None

    def guessed(self, word: str) -> Pronunciation | None:
        guess = super().guessed(word.replace("+", ""))
        return self._sounded(word, self._stressed_as_known(word, guess)) if guess else None

    def _stressed_as_known(self, word: str, guess: Pronunciation) -> Pronunciation:
        """With the stress of another form of the word, where the dictionary has one that is stressed before its end."""
        forms = _relatives(word)
        self._look_up(set(forms))
        for form, vowels in forms.items():
            for _, phones in self.known(form):
                at = [phone[0] == "ˈ" for phone in phones if phone.lstrip("ˈ")[0] in "aeiouɨɛɔ"]
                if True in at[:vowels]:
                    return restress(guess, at.index(True))
        return guess

    def _sounded(self, word: str, phones: Pronunciation) -> Pronunciation:
        """With the stress where the word is marked, as it sounds."""
        marked = word.find("+") + 1 or word.find("ё") + 1
        if marked:
            letter = marked if "+" in word else marked - 1
            phones = restress(phones, sum(char in _letters.RUSSIAN_VOWELS for char in word[:letter]))
            if own := {"е": "ˈe", "ё": "ˈo"}.get(word[letter]):
                phones = tuple(own if phone[0] == "ˈ" else phone for phone in phones)
            letters = [char for char in word if char in _VOWELS]
            at = [n for n, phone in enumerate(phones) if stressless(phone)[0] in "aeiouɨ"]
            if len(letters) == len(at):  # ё is never without the stress
                never = {n for n, char in zip(at, letters) if char == "е"}
                phones = tuple("e" if n in never and phone == "o" else phone for n, phone in enumerate(phones))
        elif not any(phone[0] == "ˈ" for phone in phones):  # the dictionary does not know: late, as most nouns have it
            vowels = sum(char in _letters.RUSSIAN_VOWELS for char in word)
            phones = restress(phones, max(vowels - 1 - (word[-1] in _letters.RUSSIAN_VOWELS), 0))
        return sounds(word.replace("+", ""), phones)

    def _latin(self, word: str) -> Pronunciation | None:
        """A word of another language by its English pronunciation, as a Russian says it."""
        if len(word) == 1 or (word.isupper() and len(word) <= 4):
            return self.spelled(plain_letters(word).upper())
        english = self._english.say(word)
        return english and tuple(phone for each in english for phone in _adopted(each))


def sounds(word: str, phones: Pronunciation) -> Pronunciation:
    """How a word sounds whose letters are these phones."""
    for pattern, letters, said in _ENDINGS:
        if pattern.search(word):
            found = " ".join(phones)
            head, _, tail = found.rpartition(letters)
            phones = tuple((head + said + tail).split()) if letters in found else phones
    text = " ".join(phones)
    for pattern, said in _CLUSTERS:
        text = pattern.sub(said, text)
    made = text.split()
    if made and made[-1] in _VOICELESS:
        made[-1] = _VOICELESS[made[-1]]
    for at in range(len(made) - 2, -1, -1):  # from the end: one passes it on to the next
        phone, after = made[at], made[at + 1]
        if phone in _VOICELESS and after in _MUTES:
            made[at] = _VOICELESS[phone]
        elif phone in _VOICED and after in _VOICES:
            made[at] = _VOICED[phone]
    return tuple(made)


def _leaning(after: str) -> str:
    """What the first sound of a word asks of a consonant before it."""
    return "=voiced" if after[0] in "бгджз" else "=voiceless" if after[0] in "кпстфхцчшщ" else "=else"


def _leant(word: str, phones: Pronunciation | None, role: str) -> Pronunciation | None:
    if not phones:
        return phones
    *before, last = (stressless(phone) for phone in phones)
    if role == "=voiced" or (role == "=else" and word[-1] in "вздбгж"):
        last = _VOICED.get(last, last)
    return *before, last


def _relatives(word: str) -> dict[str, int]:
    """Other forms of a word, with the vowels that stand before their ends."""
    forms = {}
    for ends in _ENDS:
        end = next((end for end in ends if word.endswith(end) and len(word) - len(end) > 3), None)
        if end:
            stem = word.removesuffix(end)
            forms |= {stem + other: sum(char in _VOWELS for char in stem) for other in (*ends, "")}
    return forms


def _is_latin(char: str) -> bool:
    return unicodedata.name(char, "").startswith("LATIN")


def _with_yo(word: str) -> list[str]:
    """The word with one of its е as ё."""
    return [word[:at] + "ё" + word[at + 1 :] for at, char in enumerate(word) if char == "е"] if "ё" not in word else []


def _adopted(phone: str) -> list[str]:
    first, *rest = _FROM_ENGLISH.get(stressless(phone), stressless(phone)).split()
    return ["ˈ" * (phone[0] == "ˈ") + first, *rest]
