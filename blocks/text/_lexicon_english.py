"""English: gruut's tagger says what part of speech a word is, its dictionary how that is pronounced.

Our own are the parts of speech that stand in for one another, clitics, letters and acronyms, accents, compounds, and the
full forms of function words before a pause.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from blocks.common.phones import VOWELS, restress, stressless
from blocks.text._homographs import beside, retagged
from blocks.text._lexicon import Lexicon, Pronunciation

# The dictionary's roles to try for a tag of the Penn Treebank, in order. It knows VB, VBD, NN, JJ, RB, IN, DT, PRP, CD.
_ROLES = {
    "VB": "VB", "VBP": "VB", "VBZ": "VB", "VBG": "VB NN", "VBD": "VBD VB", "VBN": "VBD VB JJ", "MD": "VB",
    "NN": "NN JJ", "NNS": "NN VB", "NNP": "NN JJ", "NNPS": "NN", "JJ": "JJ NN VB", "JJR": "JJ", "JJS": "JJ",
    "RB": "RB JJ", "RP": "RB IN", "IN": "IN RB", "TO": "IN",
}  # fmt: skip
_BEFORE_PAUSE = {"to": "t ˈu", "for": "f ˈɔ ɹ", "of": "ˈʌ v", "from": "f ɹ ˈʌ m", "at": "ˈæ t"}
# What the dictionary lacks or has in another order: by role, "" for all others.
_OWN = {
    "hello": {"": "h ə l ˈoʊ"}, "and": {"": "ə n d"}, "tv": {"": "t ˈi v ˈi"}, "ok": {"": "ˌoʊ k ˈeɪ"}, "rosé": {"": "ɹ oʊ z ˈeɪ"}, "emoji": {"": "ɪ m ˈoʊ d͡ʒ i"},
    "used": {role: "j ˈu z d" for role in ("VB", "VBD", "VBN", "JJ", "")}, "lead": dict.fromkeys(("VB", "VBD", "NN", "JJ"), "l ˈi d"),
    "polish": {"VB": "p ˈɑ l ɪ ʃ", "NN": "p ˈɑ l ɪ ʃ"}, "bow": {"VB": "b ˈaʊ"},
    "tear": {"VB": "t ˈɛ ɹ", "NN": "t ˈɪ ɹ", "": "t ˈɪ ɹ"}, "tears": {"VB": "t ˈɛ ɹ z", "NN": "t ˈɪ ɹ z", "": "t ˈɪ ɹ z"},
    "diagnoses": {"NN": "d ˌaɪ ə ɡ n ˈoʊ s i z"}, "buffet": {"VB": "b ˈʌ f ɪ t", "NN": "b ə f ˈeɪ", "JJ": "b ə f ˈeɪ"},
    "misuse": {"NN": "m ɪ s j ˈu s"}, "perfume": {"NN": "p ˈɚ f j u m"}, "increment": {"": "ˈɪ ŋ k ɹ ə m ə n t"}, "ravel": {"NN": "ɹ ə v ˈɛ l"},
    "moped": {"NN": "m ˈoʊ p ɛ d", "": "m ˈoʊ p ɛ d"}, "implement": {"VB": "ˈɪ m p l ə m ɛ n t"}, "rerelease": {"NN": "ɹ ˈi ɹ ɪ l i s"}, "celtic": {"JJ": "k ˈɛ l t ɪ k", "NN": "k ˈɛ l t ɪ k"}, "overthrow": {"VB": "oʊ v ɚ θ ɹ ˈoʊ"},
    "recount": {"NN": "ɹ ˈi k aʊ n t"}, "isolate": {"NN": "ˈaɪ s ə l ə t"}, "precipitate": {"NN": "p ɹ ɪ s ˈɪ p ɪ t ə t", "JJ": "p ɹ ɪ s ˈɪ p ɪ t ə t"},
    "intimate": {"JJ": "ˈɪ n t ɪ m ə t", "NN": "ˈɪ n t ɪ m ə t"}, "associate": {"NN": "ə s ˈoʊ ʃ i ə t", "JJ": "ə s ˈoʊ ʃ i ə t"},
    "delegate": {"NN": "d ˈɛ l ə ɡ ə t"}, "initiate": {"NN": "ɪ n ˈɪ ʃ i ə t"}, "correlate": {"NN": "k ˈɔ ɹ ə l ə t"},
    "upset": {"VB": "ʌ p s ˈɛ t", "VBD": "ʌ p s ˈɛ t", "JJ": "ʌ p s ˈɛ t", "NN": "ˈʌ p s ɛ t"}, "incline": {"NN": "ˈɪ n k l aɪ n"},
    "import": {"JJ": "ˈɪ m p ɔ ɹ t", "NN": "ˈɪ m p ɔ ɹ t"}, "export": {"JJ": "ˈɛ k s p ɔ ɹ t", "NN": "ˈɛ k s p ɔ ɹ t"}, "nestle": {"VB": "n ˈɛ s ə l", "": "n ˈɛ s ə l"},
    "multiply": {"RB": "m ˈʌ l t ɪ p l aɪ", "": "m ˈʌ l t ɪ p l aɪ"}, "abstract": {"JJ": "ˈæ b s t ɹ æ k t", "NN": "ˈæ b s t ɹ æ k t"},
    "beloved": {"": "b ɪ l ˈʌ v d"}, "august": {"JJ": "ɔ ɡ ˈʌ s t", "NN": "ˈɔ ɡ ə s t"}, "combat": {"VB": "k ə m b ˈæ t", "NN": "k ˈɑ m b æ t"},
    "covid": {"": "k ˈoʊ v ɪ d"}, "json": {"": "d͡ʒ ˈeɪ s ə n"}, "yaml": {"": "j ˈæ m ə l"}, "gif": {"": "ɡ ˈɪ f"}, "gifs": {"": "ɡ ˈɪ f s"}, "fomo": {"": "f ˈoʊ m oʊ"},
    "number": {"": "n ˈʌ m b ɚ"}, "does": {"": "d ˈʌ z"}, "kyiv": {"": "k ˈi ɪ v"}, "vegan": {"": "v ˈi ɡ ə n"}, "wicked": {"JJ": "w ˈɪ k ɪ d"}, "refuse": {"NN": "ɹ ˈɛ f j u s"}, "worcestershire": {"": "w ˈʊ s t ɚ ʃ ɚ"},
}  # fmt: skip
# Acronyms that are words, too: in capitals they are spelled.
_CAPITALS = "US IT AM PM TV AI WHO IP ID OS PC DC LA CD IQ HR PR ER ET EU UN UK AC AD BC CE MA PA TA"
_SPELLED = frozenset(_CAPITALS.split())
# Short for phrases in chats, with a vowel; those without one are spelled, too.
_CHAT = frozenset("idk omg imo imho iirc afaik afk irl icymi iykyk ikr ama diy faq".split())
_HUSHED = re.compile("[b-df-hj-np-tv-xz]{2,}")  # no vowel to say it with
_MURMURED = re.compile(r"h*m+h*|s+h+|p+s+t+|z+|b+r+r+|p+f+t?|t+s+k+|g+r+r+|n+th")
_LETTERS = {"A": "ˈeɪ", "Z": "z ˈi"}
_HISSING, _VOICELESS = frozenset(["s", "z", "ʃ", "ʒ", "t͡ʃ", "d͡ʒ"]), frozenset(["p", "t", "k", "f", "θ"])
_PREFIXES = {"un": "ʌ n", "re": "ɹ i", "non": "n ˌɑ n", "pre": "p ɹ i", "mis": "m ɪ s", "anti": "ˌæ n t i"}
_CLITICS = {"ve": ("ə", "v"), "ll": ("ə", "l"), "d": ("ə", "d"), "re": ("ɚ",), "m": ("ə", "m"), "t": ("ə", "n", "t")}


class English(Lexicon):
    def roles(self, text: Sequence[str]) -> list[str]:
        """Tags of the Penn Treebank, found sentence by sentence; ``full`` for a function word before a pause, and ``=``
        before the phones of a word whose neighbours tell them."""
        found: list[str] = []
        sentence: list[str] = []
        for token in (*text, "."):
            sentence.append(token)
            if token in ".?!":
                tags = retagged(sentence, self._tagger(sentence))
                found += [beside(sentence, tags, at) or tag for at, tag in enumerate(tags)]
                sentence = []
        after = (*text[1:], ".")
        return [
            "full" if word.lower() in _BEFORE_PAUSE and next_ in ",.?!" else tag
            for word, tag, next_ in zip(text, found, after)
        ]

    def forms(self, word: str) -> Iterable[str]:
        return *super().forms(word), _bare(word)

    def relatives(self, word: str) -> Iterable[str]:
        """What it may be a new form of, and the words that each may be made of."""
        for part in super().forms(_bare(word)):
            for base in (part, *(base for _, bases in _stems(part) for base in bases)):
                yield from (base, *(base.removeprefix(prefix) for prefix in _PREFIXES))
                for cut in range(4, len(base) - 3):
                    yield from (base[:cut], base[cut:])

    def say(self, word: str, role: str = "") -> Pronunciation | None:
        hushed = _HUSHED.fullmatch(word) and not _MURMURED.fullmatch(word) and not self.known(word)
        if word in _SPELLED or word in _CHAT or (hushed and word not in _OWN):
            return self.spelled(word.upper())
        return super().say(word, role)

    def find(self, word: str, role: str = "") -> Pronunciation | None:
        if role == "full" and word in _BEFORE_PAUSE:
            return self.own(_BEFORE_PAUSE[word])
        if role.startswith("="):
            return self.own(role[1:])
        wanted = _ROLES.get(role, "").split()
        entries = [(theirs, self.own(phones)) for theirs, phones in _OWN.get(word, {}).items() if theirs]
        entries += self.known(word)
        found = next((phones for want in wanted for theirs, phones in entries if theirs == want), None)
        if found is None and "" in _OWN.get(word, {}):
            return self.own(_OWN[word][""])
        return found or next((phones for _, phones in self.known(word)), None)

    def parts(self, word: str, role: str = "") -> Pronunciation | None:
        stem, apostrophe, clitic = word.rpartition("'")
        if apostrophe and not clitic:  # the dogs' bowls
            return self.say(stem, role)
        if clitic.lower() == "s" and (said := self.say(stem, role)):
            return said + _ending("s", said[-1])
        if clitic.lower() == "t" and stem.lower().endswith("n") and (said := self.say(stem[:-1])):
            return said + _CLITICS["t"]
        if clitic.lower() in _CLITICS.keys() - {"t"} and (said := self.say(stem)):
            end = _CLITICS[clitic.lower()]
            return said + (end[1:] if said[-1] in VOWELS and end[0] == "ə" else end)
        pieces = [piece for piece in re.split("[-']", word) if piece]
        said = [self.say(piece) for piece in pieces] if len(pieces) > 1 else [None]
        if None in said:
            return None
        weak = {n for n in range(1, len(pieces) - 1) if len(pieces[n]) < 4}  # mother-in-law
        return tuple(stressless(phone) if n in weak else phone for n, piece in enumerate(said) for phone in piece)

    def letter(self, letter: str) -> Pronunciation | None:
        return self.own(_LETTERS[letter.upper()]) if letter.upper() in _LETTERS else self.find(_bare(letter.lower()))

    def guessed(self, word: str) -> Pronunciation | None:
        """Without accents; an é at the end is said as in café."""
        bare = _bare(word)
        if not bare.isascii():
            return None
        if bare == word:
            return self._derived(word) or self._inflected(word) or self._stressed(super().guessed(word))
        french = re.fullmatch(r"(.+)é(e?)(s?)", word)
        known = [phones for _, phones in self.known(bare)]
        if not french:
            return known[0] if known else self.guessed(bare)
        said = next((phones for phones in known if stressless(phones[-1]) == "eɪ"), None)
        if said is None and (said := super().guessed(_bare(french[1]) + "ay")):
            said = restress(said, sum(phone in VOWELS for phone in said) - 1)
        return said and said + (("z",) if french[3] else ())

    def _derived(self, word: str) -> Pronunciation | None:
        """A new word with a prefix, or of two that are known, as blockchain is: the second loses some of its stress."""
        for prefix, phones in _PREFIXES.items():
            stem = word.removeprefix(prefix)
            if stem != word and len(stem) > 3 and (said := self.find(stem)):
                return self.own(phones) + said
        for cut in range(len(word) - 3, 3, -1) if len(word) > 6 else ():
            if self.known(word[:cut]) and self.known(word[cut:]):
                return self.find(word[:cut]) + tuple(phone.replace("ˈ", "ˌ") for phone in self.find(word[cut:]))
        return None

    def _inflected(self, word: str) -> Pronunciation | None:
        """A new form of a word that is known: ``unfriended``, ``googling``."""
        for end, bases in _stems(word):
            for base in bases:
                if said := self.find(base) or self._derived(base):
                    return said + _ending(end, said[-1])
        return None

    def _stressed(self, phones: Pronunciation | None) -> Pronunciation | None:
        """The model leaves some words without a stress: English ones begin with it."""
        return restress(phones, 0) if phones and not any(phone[0] == "ˈ" for phone in phones) else phones

    @cached_property
    def _tagger(self):
        from gruut.pos import PartOfSpeechTagger

        return PartOfSpeechTagger(self.folder / "pos" / "model.crf")


def _stems(word: str) -> Iterator[tuple[str, list[str]]]:
    """Each end that the word may have, and the words that it may be added to."""
    for end, stems in (("ing", ("", "e")), ("ed", ("", "e")), ("es", ("",)), ("s", ("",))):
        stem = word.removesuffix(end)
        if stem != word and len(stem) >= 3:
            yield end, [*(stem + more for more in stems), *([stem[:-1]] if stem[-1:] == stem[-2:-1] else [])]


def _ending(end: str, last: str) -> Pronunciation:
    if end == "ing":
        return "ɪ", "ŋ"
    if end == "ed":
        return (
            ("ɪ", "d") if last in ("t", "d") else ("t",) if last in _VOICELESS or last in ("s", "ʃ", "t͡ʃ") else ("d",)
        )
    return ("ɪ", "z") if last in _HISSING else ("s",) if last in _VOICELESS else ("z",)


def _bare(word: str) -> str:
    """Without accents."""
    return "".join(char for char in unicodedata.normalize("NFD", word) if not unicodedata.combining(char))
