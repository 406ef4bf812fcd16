"""The phones that every block knows: one versioned inventory of IPA tokens for all languages, and ARPAbet beside it.

A token is a silence, a consonant, or a vowel with its stress: ``ˈoʊ`` primary, ``ˌoʊ`` secondary, ``oʊ`` neither or
not known. Stress stands on the vowel, not before its syllable, so that a token is a phone and a phone a token.
Silences: ``sil`` at the edges of a text, ``,`` ``.`` ``?`` ``!`` where it has such a mark.
"""

import difflib
import unicodedata
from collections.abc import Container

VERSION = 1
# Append only, at the end, and raise VERSION: a token keeps its place in PHONES for ever.
_GROUPS = (
    ("silence", "sil , . ? !"),
    ("consonant", "p b t d ʈ ɖ c ɟ k ɡ q ɢ ʔ m ɱ n ɳ ɲ ŋ ɴ ʙ r ʀ ɾ ɽ ɸ β f v θ ð s z ʃ ʒ ʂ ʐ ɕ ʑ ç ʝ x ɣ χ ʁ ħ ʕ h ɦ"),
    ("consonant", "ɬ ɮ ʋ ɹ ɻ j ɰ l ɫ ɭ ʎ ʟ w ʍ ɥ r̝ t͡s d͡z t͡ʃ d͡ʒ t͡ɕ d͡ʑ t͡ʂ d͡ʐ p͡f n̩ l̩ m̩ r̩ ɕː ʑː"),
    ("consonant", "pʲ bʲ tʲ dʲ kʲ ɡʲ mʲ nʲ fʲ vʲ sʲ zʲ xʲ lʲ rʲ t͡sʲ"),
    ("vowel", "i y ɨ ʉ ɯ u ɪ ʏ ʊ e ø ɘ ɵ ɤ o ə ɛ œ ɜ ɞ ʌ ɔ æ ɐ a ɶ ɑ ɒ ɚ ɝ"),
    ("vowel", "iː yː ɨː ʉː uː ɪː ʏː ʊː eː øː oː əː ɛː œː ɜː ɔː æː aː ɑː ɒː ã ɛ̃ ɑ̃ ɔ̃ œ̃ õ ãː ɛ̃ː ɑ̃ː ɔ̃ː õː"),
    ("vowel", "aɪ aʊ eɪ oʊ ɔɪ əʊ ɪə eə ʊə ɛi œy ɑu ai au ei eu oi ou ɔʏ"),
)
STRESS = ("", "ˈ", "ˌ")


def _tokens(kind: str, symbols: str) -> list[str]:
    marks = STRESS if kind == "vowel" else ("",)
    return [unicodedata.normalize("NFC", mark + symbol) for symbol in symbols.split() for mark in marks]


PHONES: tuple[str, ...] = tuple(token for kind, symbols in _GROUPS for token in _tokens(kind, symbols))
INDEX: dict[str, int] = {token: place for place, token in enumerate(PHONES)}
VOWELS = frozenset(token for kind, symbols in _GROUPS if kind == "vowel" for token in _tokens(kind, symbols))
SILENCES = frozenset(token for kind, symbols in _GROUPS if kind == "silence" for token in _tokens(kind, symbols))

# How others write what the inventory has under one name.
_SAME = {"g": "ɡ", "\u032f": "", "\u035c": "\u0361", "ᵻ": "ɪ", "ææ": "æ", "ts": "t͡s", "dz": "d͡z",
         "tʃ": "t͡ʃ", "dʒ": "d͡ʒ", "tɕ": "t͡ɕ", "dʑ": "d͡ʑ", "tʂ": "t͡ʂ", "dʐ": "d͡ʐ"}  # fmt: skip
# What people type beside: ligatures, marks of syllables, links, breath and rounding, a colon for length.
_TYPED = {"ʤ": "d͡ʒ", "ʧ": "t͡ʃ", "ʦ": "t͡s", "ʣ": "d͡z", "ʨ": "t͡ɕ", "ʥ": "d͡ʑ", ":": "ː", "'": "ˈ", "ɝ": "ɚ", "ɫ": "l"} | dict.fromkeys(
    ".‿ˑʰʷˠˀ\u0325\u030a\u031a\u032a", ""
)  # fmt: skip
_TWO = {"t͡s": "t s", "d͡z": "d z"}  # no single phones of these languages
_WITHOUT_AFFRICATES = ("en", "es", "fr", "nl", "pt")
_SYLLABIC = {"n̩": "ən", "l̩": "əl", "m̩": "əm"}  # in English
_LONGEST = max(map(len, PHONES))


def stressless(phone: str) -> str:
    return phone.lstrip("ˈˌ")


def tokens(ipa: str) -> list[str] | None:
    """IPA as tokens, the longest that fit between blanks; None where some of it is not in the inventory.

    A stress mark that stands before its syllable moves on to the vowel.
    """
    ipa = unicodedata.normalize("NFC", ipa)
    for theirs, ours in _SAME.items():
        ipa = ipa.replace(theirs, ours)
    found, mark, at = [], "", 0
    while at < len(ipa):
        if ipa[at] in "ˈˌ":
            mark, at = ipa[at], at + 1
            continue
        if ipa[at] == " ":
            at += 1
            continue
        size = next((n for n in range(_LONGEST, 0, -1) if ipa[at : at + n] in INDEX and len(ipa) - at >= n), 0)
        if not size or (phone := ipa[at : at + size]) in SILENCES:
            return None
        found.append(mark + phone if phone in VOWELS else phone)
        mark, at = "" if phone in VOWELS else mark, at + size
    return found


def typed(ipa: str, language: str) -> list[str]:
    """IPA as people type it, as tokens: affricates only where the language has them, ``ː`` only where it makes a phone.

    Raises ValueError for what is no phone, with what would fit, and for a silence.
    """
    code, found = language.split("-")[0].lower(), []
    ipa = unicodedata.normalize("NFC", ipa)
    for piece in ipa.split():
        if piece in SILENCES:
            raise ValueError(f"{piece!r} is a silence; put a comma or a full stop outside instead")
        if piece in INDEX and piece not in _TWO and piece not in _SYLLABIC:
            found.append(piece)
            continue
        own = "".join(_TYPED.get(char, char) for char in piece)
        for theirs, ours in _SYLLABIC.items() if code == "en" else ():
            own = own.replace(theirs, ours)
        made = tokens(own) or tokens(own.replace("ː", ""))
        if made is None:
            raise ValueError(unknown(piece))
        found += made
    split = _TWO if code in _WITHOUT_AFFRICATES else {}
    return [one for phone in found for one in split.get(phone, phone).split()]


def restress(phones: tuple[str, ...], nth: int) -> tuple[str, ...]:
    """With the main stress on the nth vowel and on no other; unchanged where there is no nth."""
    places = [n for n, phone in enumerate(phones) if phone in VOWELS]
    if nth >= len(places):
        return phones
    return tuple("ˈ" * (n == places[nth]) + stressless(phone) for n, phone in enumerate(phones))


def unknown(phone: str) -> str:
    """What is wrong with a token that is not in the inventory, and what would fit."""
    close = [" ".join(made)] if (made := tokens(phone)) else difflib.get_close_matches(phone, PHONES, n=2, cutoff=0.4)
    return f"{phone!r} is not in the inventory of phones" + (f"; {' or '.join(close)} would fit" if close else "")


# ---- what passes for a phone that is not known ----

# Phones that small corpora lack, and those that pass for them, best first.
NEAR = {
    "ʒ": ("d͡ʒ", "ʃ"), "d͡ʒ": ("ʒ", "t͡ʃ"), "t͡ʃ": ("ʃ", "d͡ʒ"), "ʃ": ("ʂ", "t͡ʃ"), "ʂ": ("ʃ",), "ʐ": ("ʒ",), "θ": ("f", "s"),
    "ð": ("v", "z", "d"), "x": ("h", "k"), "h": ("x",), "ɹ": ("r", "ɾ"), "r": ("ɹ", "ɾ"), "ɾ": ("r", "ɹ"), "ɫ": ("l",),
    "l": ("ɫ",), "ŋ": ("n",), "ɲ": ("n",), "ʔ": ("t",), "ɚ": ("ɝ", "ɜ"), "ɝ": ("ɚ", "ɜ"), "ɜ": ("ɝ", "ə"), "ɒ": ("ɔ", "ɑ"),
    "ɔ": ("ɒ", "o"), "ʌ": ("ə", "ɐ"), "ɐ": ("ʌ", "ə"), "ʊ": ("u",), "ɪ": ("i",), "ɔɪ": ("oi",), "əʊ": ("oʊ",), "oʊ": ("əʊ",),
    "e": ("ɛ", "eɪ"), "ɛ": ("e",), "a": ("ɑ", "æ"), "ɑ": ("a", "ɔ"), "æ": ("a", "ɛ"), "o": ("ɔ", "oʊ"), "ɨ": ("ɪ", "i"),
    "n̩": ("n",), "l̩": ("l",), "ɣ": ("ɡ",), "β": ("b", "v"), "ʎ": ("ʝ", "j"), "ʝ": ("j",), "ʁ": ("r", "ɹ"), "y": ("u", "i"),
    "ø": ("ɚ", "e", "o"), "œ": ("ɚ", "ɛ"), "ʏ": ("ʊ", "ɪ"), "ɔʏ": ("ɔɪ", "oi"), "ç": ("ʃ", "h"), "χ": ("x", "h", "k"),
    "t͡s": ("s",), "d͡z": ("z",), "p͡f": ("f",),
}  # fmt: skip


def nearest(phone: str, known: Container[str]) -> str:
    """The phone if it is known; else the same with another stress, another silence, a short one, or one that is `NEAR`; itself if none is."""
    if phone in known:
        return phone
    if phone in SILENCES:
        like = sorted(SILENCES)
    else:
        plain = stressless(phone)
        stress = phone.removesuffix(plain)
        short = plain.removesuffix("ː")  # a voice without long phones says short ones
        near = dict.fromkeys((plain, *NEAR.get(plain, ()), short, *NEAR.get(short, ())))
        like = [mark + one for one in near for mark in dict.fromkeys((stress, *STRESS))]
    return next((one for one in like if one in known), phone)


# ---- ARPAbet, as English dictionaries and pocketsphinx write it ----

_ARPABET = {
    "AA": "ɑ", "AE": "æ", "AH": "ə", "AO": "ɔ", "AW": "aʊ", "AY": "aɪ", "B": "b", "CH": "t͡ʃ", "D": "d", "DH": "ð",
    "EH": "ɛ", "ER": "ɚ", "EY": "eɪ", "F": "f", "G": "ɡ", "HH": "h", "IH": "ɪ", "IY": "i", "JH": "d͡ʒ", "K": "k",
    "L": "l", "M": "m", "N": "n", "NG": "ŋ", "OW": "oʊ", "OY": "ɔɪ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t",
    "TH": "θ", "UH": "ʊ", "UW": "u", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ", "SIL": "sil",
}  # fmt: skip
_FROM_IPA = {ipa: name for name, ipa in _ARPABET.items()} | {"ʌ": "AH", "ɝ": "ER"}


def from_arpabet(symbol: str) -> str:
    """``OW1`` -> ``ˈoʊ``; no digit and 0 are no mark. Raises KeyError for what is no ARPAbet."""
    name, digit = symbol.rstrip("012"), symbol[-1:] if symbol[-1:].isdigit() else "0"
    ipa = "ʌ" if name == "AH" and digit in "12" else _ARPABET[name]
    return STRESS[int(digit)] + ipa


def to_arpabet(phone: str) -> str:
    """``ˈoʊ`` -> ``OW1``, ``oʊ`` -> ``OW``. Raises KeyError for a phone that English has not."""
    digit = {"ˈ": "1", "ˌ": "2"}.get(phone[0], "")
    return _FROM_IPA["sil" if phone in SILENCES else stressless(phone)] + digit


# ---- the IPA of the Montreal Forced Aligner's own dictionaries, those called english_mfa, spanish_mfa, russian_mfa ... ----

# What `text.phones` has under another name, in all languages and in one: MFA 3 writes how a phone is said (tʰ, c before
# front vowels), ours which it is. https://mfa-models.readthedocs.io/en/latest/mfa_phone_set.html
_MFA = {"aj": "aɪ", "aw": "aʊ", "ej": "eɪ", "ow": "oʊ", "əw": "əʊ", "ɔj": "ɔɪ", "ɝ": "ɚ"}
_MFA_OF = {
    "en": {"c": "k", "ɟ": "ɡ", "ç": "h", "ɲ": "n", "ʎ": "l", "ɱ": "m", "ɫ": "l", "ɫ̩": "l̩", "ɾ̃": "n", "ɾ": "t", "ʈ": "t", "ɖ": "d",
           "ʋ": "v", "kp": "k", "ʔ": "t", "i": "i", "ʉ": "u", "ɐ": "ʌ", "ɒ": "ɔ", "ɜ": "ɚ", "a": "ɑ", "e": "eɪ", "o": "oʊ"},
    "es": {"c": "k", "ɟ": "ɡ", "ç": "x", "ɱ": "m", "ɟʝ": "ʝ", "v": "b", "β": "b", "ð": "d", "ɣ": "ɡ", "ʃ": "t͡ʃ", "z": "s", "h": "x",
           "ŋ": "n", "ẽ": "e", "ĩ": "i", "ũ": "u", "ã": "a", "õ": "o"},
    "ru": {"c": "kʲ", "ɟ": "ɡʲ", "ç": "xʲ", "ɲ": "nʲ", "ʎ": "lʲ", "ɫ": "l", "ɐ": "a", "ə": "a", "æ": "a", "ɵ": "o", "ɛ": "e", "ɪ": "i",
           "ʉ": "u", "ʊ": "u", "ɕ": "ɕː", "ʑ": "ʐ", "ɣ": "ɡ", "tsʲ": "t͡s", "dzʲ": "z", "dz": "z", "dʐ": "ʐ", "tʂ": "t͡ɕ"},
}  # fmt: skip
_MFA_MARKS = dict.fromkeys(map(ord, "ʰʷʼ\u032a"))  # breath, rounding, a glottal stop with it, teeth


def from_mfa(symbol: str, language: str) -> str:
    """``tʰ`` -> ``t``, ``aj`` -> ``aɪ``; length goes where the language's phones have none, softness but in Russian.

    Raises KeyError for what is no such phone, and for a tone.
    """
    own = _MFA | _MFA_OF.get(code := language.split("-")[0].lower(), {})
    plain = unicodedata.normalize("NFC", symbol).translate(_MFA_MARKS)
    if code in _MFA_OF:
        plain = plain.replace("ː", "") if code == "ru" else plain.translate(dict.fromkeys(map(ord, "ːʲ")))
    found = tokens(own.get(plain, plain))
    if not found or len(found) > 1:
        raise KeyError(symbol)
    return found[0]
