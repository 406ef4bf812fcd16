"""Texts as phones: dictionaries, guesses, stress, pauses, phones in the text, and what nobody can say."""

import hashlib
import shutil

import numpy as np
import pytest
from pydantic import ValidationError

from blocks.base import BadItem
from blocks.common import phones as inventory
from blocks.load import find
from blocks.spec import AudioSpec
from blocks.text.schema import Phonemised, Written
from runner.store.columns import arrow_schema, encode, reader
from tests import written

Phones = find("text.phones")


def made(engine="lexicon"):
    block = Phones(Phones.Config(engine=engine), AudioSpec())
    block.setup()
    return block


@pytest.fixture(scope="module")
def block():
    return made()


def speak(block, text, language="en-US"):
    return block.apply([Written(text=text, language=language)])[0]


def spoken(block, text, language="en-US"):
    return " ".join(speak(block, text, language).phones)


# ---- the inventory ----


def test_the_inventory_keeps_its_order_for_ever():
    first = "\n".join(inventory.PHONES[:SIZE]).encode()
    assert (inventory.VERSION, hashlib.sha256(first).hexdigest()[:16]) == (1, FIRST)
    assert len(set(inventory.PHONES)) == len(inventory.PHONES)


SIZE, FIRST = 341, "a0bd8d824dd9c5af"


def test_arpabet_and_ipa_map_both_ways():
    vowels = ["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"]
    symbols = [
        "B",
        "CH",
        "D",
        "DH",
        "F",
        "G",
        "HH",
        "JH",
        "K",
        "L",
        "M",
        "N",
        "NG",
        "P",
        "R",
        "S",
        "SH",
        "T",
        "TH",
        "V",
        "W",
        "Y",
        "Z",
        "ZH",
    ] + [v + d for v in vowels for d in "012"]
    for symbol in symbols:
        phone = inventory.from_arpabet(symbol)
        assert phone in inventory.INDEX
        assert inventory.to_arpabet(phone) == symbol.rstrip("0")
        assert inventory.from_arpabet(inventory.to_arpabet(phone)) == phone
    assert [inventory.from_arpabet(s) for s in ("AH0", "AH1", "OW2")] == ["ə", "ˈʌ", "ˌoʊ"]


@pytest.mark.parametrize(
    ("ipa", "tokens"),
    [("həlˈoʊ", "h ə l ˈoʊ"), ("ˈstraːsə", "s t r ˈaː s ə"), ("t͡ʃ", "t͡ʃ"), ("ˈt i n", "t ˈi n"), ("go", "ɡ o")],
)
def test_ipa_is_read_longest_first_with_stress_on_the_vowel(ipa, tokens):
    assert inventory.tokens(ipa) == tokens.split()


@pytest.mark.parametrize(
    ("typed", "language", "tokens"),
    [
        ("ˈmɪnɪts", "en-US", "m ˈɪ n ɪ t s"),
        ("kæt͡s", "en-US", "k æ t s"),  # English has no such phone
        ("tsar", "ru-RU", "t͡s a r"),
        ("ʤʌʤ ʧɪp", "en-US", "d͡ʒ ʌ d͡ʒ t͡ʃ ɪ p"),
        ("ˈpʰɑː.tiː", "en-US", "p ˈɑː t iː"),
        ("ˈbʌtn̩", "en-US", "b ˈʌ t ə n"),
        ("pasːo", "es-ES", "p a s o"),  # no long phone: a short one
        ("h ə l 'oʊ", "en-GB", "h ə l ˈoʊ"),
    ],
)
def test_ipa_as_people_type_it(typed, language, tokens):
    assert inventory.typed(typed, language) == tokens.split()


def test_what_is_no_phone_is_refused():
    assert inventory.tokens("h5") is None


# ---- words ----


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("Hello, world!", "sil h ə l ˈoʊ , w ˈɚ l d !"),
        ("PBX", "sil p ˈi b ˈi ˈɛ k s sil"),  # an acronym in no dictionary
        ("pin", "sil p ˈɪ n sil"),
        ("Waldo's", "sil w ˈɑ l d oʊ z sil"),
        ("A key, press A", "sil ə k ˈi , p ɹ ˈɛ s ˈeɪ sil"),  # the article, and the letter
        ("a", "sil ˈeɪ sil"),
        ("A M", "sil ˈeɪ ˈɛ m sil"),
        ("twenty-eight", "sil t w ˈɛ n t i ˈeɪ t sil"),
        ("...so (yes) - no?", "sil s ˈoʊ , j ˈɛ s , n ˈoʊ ?"),
        ("café", "sil k æ f ˈeɪ sil"),
        ("pâté", "sil p æ t ˈeɪ sil"),
        ("cats", "sil k ˈæ t s sil"),  # two phones, no affricate
        ("Going to.", "sil ɡ ˈoʊ ɪ ŋ t ˈu ."),
        ("A. Paris", "sil ˈeɪ . p ˈɛ ɹ ɪ s sil"),
    ],
)
def test_english(block, text, phones):
    assert spoken(block, text) == phones


@pytest.mark.parametrize(
    ("language", "text", "phones"),
    [
        ("es-ES", "Gracias", "sil ɡ ɾ a θ ʝ a s sil"),
        ("es-MX", "Gracias", "sil ɡ ɾ a s ʝ a s sil"),
        ("ru-RU", "лось", "sil l ˈo sʲ sil"),
        ("ru-RU", "IP", "sil ˈa j pʲ ˈi sil"),
        ("nl-NL", "water", "sil w ˈaː t ə ɹ sil"),
        ("it-IT", "ciao", "sil t͡ʃ ˈa o sil"),
        ("cs-CZ", "dobrý", "sil d o b r iː sil"),
        ("de-DE", "Haus", "sil h aʊ s sil"),
        ("fr-FR", "bonjour", "sil b ɔ̃ ʒ u ʁ sil"),
    ],
)
def test_other_languages(block, language, text, phones):
    assert spoken(block, text, language) == phones


def test_a_russian_stress_mark_decides(block):
    castle, lock = spoken(block, "з+амок", "ru-RU"), spoken(block, "зам+ок", "ru-RU")
    assert (castle, lock) == ("sil z ˈa m o k sil", "sil z a m ˈo k sil")
    assert spoken(block, "замо\u0301к", "ru-RU") == lock


@pytest.mark.parametrize("language", ["en", "es", "ru"])
def test_judged_words_sound_right(block, language):
    """The half of the list that rules were written with; what is wrong in it is known."""
    judged = written.rows(f"phones_{language}", "first")
    said = block.apply([Written(text=row.text, language=written.LANGUAGES[language]) for row in judged])
    wrong = [word for row, one in zip(judged, said) for word, _ in written.wrong(one, row.right, language)]
    assert sorted(wrong) == KNOWN_WRONG[language]


KNOWN_WRONG = {
    "en": ["contract"],
    "es": ["whisky"],
    "ru": ["интернет", "компьютер"],
}


def test_words_and_phones_belong_together(block):
    result = speak(block, "Please, [[ h ə l ˈoʊ ]] now.")
    assert result.words == ("Please", "[[ h ə l ˈoʊ ]]", "now")
    assert " ".join(result.phones) == "sil p l ˈi z , h ə l ˈoʊ n ˈaʊ ."
    assert result.word_of_phone.tolist() == [-1, 0, 0, 0, 0, -1, 1, 1, 1, 1, 2, 2, -1]
    assert result.word_of_phone.dtype == np.int32


def test_every_phone_of_the_dictionaries_is_in_the_inventory(block):
    words = ["judge", "measure", "thing", "this", "toy", "voice", "huge", "yacht", "bird", "cow"]
    assert {phone for word in words for phone in speak(block, word).phones} <= inventory.INDEX.keys()


# ---- what nobody can say ----


@pytest.mark.parametrize(
    ("text", "language", "says"),
    [
        ("press 5", "en-US", "'5' holds digits.*text.normalise"),
        ("50 %", "en-US", "'%' in the text.*text.normalise"),
        ("Сервер Łódź", "ru-RU", "'Łódź' in language 'ru-RU'.*letters of that language"),
        ("мир", "en-US", "'мир'"),
        ("[[ h ə l5 ]]", "en-US", "'l5' is not in the inventory.*l or .* would fit"),
        ("[[ h , ə ]]", "en-US", "',' is a silence"),
        ("[[ ]]", "en-US", "holds no phones"),
        ("say [[ h ə", "en-US", "do not come in pairs"),
        ("say h ə ]] now", "en-US", "do not come in pairs"),
        ("... !", "en-US", "nothing to say"),
        ("cześć", "pl-PL", "'pl-PL' has no pronunciation dictionary here.*en.*espeak"),
    ],
)
def test_what_nobody_can_say_is_named_with_what_would_fit(block, text, language, says):
    with pytest.raises(BadItem, match=f"(?s){says}"):
        speak(block, text, language)


# ---- as an item ----


@pytest.mark.parametrize(
    ("words", "of", "says"),
    [
        (("a",), [-1, 0], "2 entries, but there are 3 phones"),
        (("a",), [-1, 0, 0], "phone 2 is 'sil' of word 0"),
        (("a",), [-1, -1, -1], "phone 1 is 'ə' of word -1"),
        (("a", "b"), [-1, 0, -1], r"must count 0\.\.1 in order"),
    ],
)
def test_lengths_and_numbers_must_agree(words, of, says):
    with pytest.raises(ValidationError, match=says):
        Phonemised(phones=("sil", "ə", "sil"), words=words, word_of_phone=np.array(of, np.int32))


def test_a_table_gives_back_what_it_was_given(block):
    row = speak(block, "Hello, world!")
    batch = encode(Phonemised, ["x"], [row], [()])
    fields = {
        f.name: reader(f, batch.column(f.name))(0) for f in arrow_schema(Phonemised) if f.name not in ("id", "parents")
    }
    again = Phonemised(**fields)
    assert (again.phones, again.words) == (row.phones, row.words)
    np.testing.assert_array_equal(again.word_of_phone, row.word_of_phone)


@pytest.fixture(scope="module")
def espeak():
    return made("espeak")


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is an optional program")
class TestEspeak:
    def test_says_a_text_with_the_same_pauses_and_words(self, espeak):
        result = speak(espeak, "Hello, world!")
        assert " ".join(result.phones) == "sil h ə l ˈoʊ , w ˈɜː l d !"
        assert result.words == ("Hello", "world")

    def test_obeys_a_stress_mark(self, espeak):
        castle, lock = (speak(espeak, word, "ru-RU").phones for word in ("з+амок", "зам+ок"))
        assert [phone for phone in castle if phone[0] == "ˈ"] != [phone for phone in lock if phone[0] == "ˈ"]

    @pytest.mark.parametrize(
        ("language", "text"), [("pl-PL", "dzień dobry"), ("it-IT", "pizza"), ("ru-RU", "является ключом")]
    )
    def test_speaks_languages_in_phones_of_the_inventory(self, espeak, language, text):
        assert set(speak(espeak, text, language).phones) <= inventory.INDEX.keys()

    def test_two_together_equal_each_alone(self, espeak):
        items = [Written(text="one more", language="en-GB"), Written(text="otra", language="es-MX")]
        assert [r.phones for r in espeak.apply(items)] == [espeak.apply([item])[0].phones for item in items]

    def test_a_language_it_lacks_is_named(self, espeak):
        with pytest.raises(BadItem, match="'xx-XX' has no voice in espeak-ng"):
            speak(espeak, "abc", "xx-XX")


def test_espeak_missing_is_said(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ValueError, match="espeak-ng, which is not installed"):
        speak(made("espeak"), "hello")
