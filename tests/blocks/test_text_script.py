"""`text.script`: without markup the same as normalising and phonemising, with it pauses, rates and pitches in their places."""

import numpy as np
import pytest

from blocks.base import BadItem, check_item
from blocks.load import find
from blocks.spec import AudioSpec
from blocks.text._markup import spans
from blocks.text.schema import Written

SPEC = AudioSpec()
Script = find("text.script")


def made(name: str, **config):
    cls = find(name)
    block = cls(cls.Config(**config), SPEC)
    block.setup()
    return block


@pytest.fixture(scope="module")
def block():
    return made("text.script")


def written(text: str, language: str = "en-US") -> Written:
    return Written(text=text, language=language)


def read(block, text: str, language: str = "en-US"):
    (found,) = block.apply([written(text, language)])
    assert check_item(found, SPEC) is None
    return found


def pauses(found) -> dict[str, float]:
    """``{"7 .": 0.5}``: where and at which silence a pause is asked for."""
    asked = np.flatnonzero(found.phone_pause >= 0)
    return {f"{n} {found.phones[n]}": pytest.approx(float(found.phone_pause[n])) for n in asked}


def rates(found) -> list[float]:
    """Of each word."""
    return [float(found.phone_rate[found.word_of_phone == n][0]) for n in range(len(found.words))]


# ---- without markup ----


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hello, world!", "en-US"),
        ("On Jan. 5th, 1999, we paid $12.50 - not 3 < 5 > 2 & more.", "en-GB"),
        ("Say [[ h ə l ˈoʊ ]], Dr. Who?", "en"),
        ("A", "en-US"),
        ("Son las 3:45, señor.", "es-MX"),
        ("З+амок стоит 100 рублей.", "ru-RU"),
    ],
)
def test_a_text_without_markup_is_what_the_two_blocks_make_of_it(block, text, language):
    (normal,) = made("text.normalise").apply([written(text, language)])
    (want,) = made("text.phones").apply([written(normal.text, language)])
    found = read(block, text, language)
    assert (found.phones, found.words) == (want.phones, want.words)
    np.testing.assert_array_equal(found.word_of_phone, want.word_of_phone)
    for name, idle in (("phone_rate", 1), ("phone_shift", 0), ("phone_pause", -1)):
        np.testing.assert_array_equal(getattr(found, name), np.full(len(want.phones), idle, np.float32))


def test_a_language_without_rules_is_read_as_written_but_for_numbers(block):
    assert " ".join(read(block, "dobrý", "cs-CZ").phones) == "sil d o b r iː sil"
    with pytest.raises(
        BadItem, match=r"'cs-CZ' has no rules for numbers and symbols, only en, es, ru have: write '12' in words"
    ):
        read(block, "Je 12 hodin.", "cs-CZ")


# ---- breaks ----


@pytest.mark.parametrize(
    ("text", "phones", "asked"),
    [
        ("Hi <break time='500ms'/> you.", "sil h ˈaɪ , j ˈu .", {"3 ,": 0.5}),
        ("Hi. <break time='1.2s'/> You.", "sil h ˈaɪ . j ˈu .", {"3 .": 1.2}),
        ("Hi<break time='2s'/>, you.", "sil h ˈaɪ , j ˈu .", {"3 ,": 2.0}),
        ("Hi<break strength='none'/>, you.", "sil h ˈaɪ , j ˈu .", {"3 ,": 0.0}),
        ("Hi<break strength='none'/> you.", "sil h ˈaɪ j ˈu .", {}),
        ("<break time='1s'/> hi", "sil h ˈaɪ sil", {"0 sil": 1.0}),
        ("hi <break/><break time='.5s'/>", "sil h ˈaɪ sil", {"3 sil": 0.9}),
        ("hi? <break strength='strong' time='3s'/>", "sil h ˈaɪ ?", {"3 ?": 3.0}),
        ("hi <break/> you <break/> you", "sil h ˈaɪ , j ˈu , j ˈu sil", {"3 ,": 0.4, "6 ,": 0.4}),
    ],
)
def test_a_break_is_a_silence_of_its_length(block, text, phones, asked):
    found = read(block, text)
    assert " ".join(found.phones) == phones
    assert pauses(found) == asked


def test_marks_and_capitals_reach_across_tags(block):
    plain = read(block, "So. A key, press A; then.")
    marked = read(block, "So<prosody rate='fast'>. A key</prosody>, press <prosody pitch='+1st'>A</prosody>; then.")
    assert marked.phones == plain.phones
    assert marked.words == plain.words


# ---- rate and pitch ----


def test_prosody_reaches_the_words_in_it_and_nests(block):
    text = (
        "<speak>One <prosody rate='80%' pitch='+2st'>two, <prosody rate='50%' pitch='-10%'>three</prosody> four.</prosody> "
        "<prosody rate='fast'>five</prosody></speak>"
    )
    found = read(block, text)
    assert found.words == ("One", "two", "three", "four", "five")
    assert rates(found) == pytest.approx([1, 0.8, 0.4, 0.8, 1.25])
    shift = [float(found.phone_shift[found.word_of_phone == n][0]) for n in range(5)]
    assert shift == pytest.approx([0, 2, 2 + 12 * np.log2(0.9), 2, 0])
    # a silence is said as the word before it
    silent = [float(rate) for rate, of in zip(found.phone_rate, found.word_of_phone) if of == -1]
    assert silent == pytest.approx([1, 0.8, 0.8, 1.25])
    assert found.phone_rate.dtype == found.phone_shift.dtype == np.float32


@pytest.mark.parametrize(
    ("given", "rate", "shift"),
    [
        ("rate='1.2'", 1.2, 0),
        ("rate='+20%'", 1.2, 0),
        ("rate='-25%'", 0.75, 0),
        ("rate='.5'", 0.5, 0),
        ("rate='x-slow'", 0.6, 0),
        ("rate='medium' pitch='default'", 1, 0),
        ("pitch='high'", 1, 3),
        ("pitch='-1.5st'", 1, -1.5),
        ("pitch='+100%'", 1, 12),
    ],
)
def test_rates_and_pitches_as_they_are_written(given, rate, shift):
    (found,) = spans(f"<prosody {given}>hi</prosody>", "en")
    assert (found.text, found.rate, found.shift) == ("hi", pytest.approx(rate), pytest.approx(shift))


# ---- words ----


def test_phonemes_and_aliases_take_the_place_of_words(block):
    text = "The <sub alias='World Wide Web'>WWW</sub>, <phoneme alphabet='ipa' ph='təˈmɑːtoʊ'>tomato</phoneme> &amp; 2."
    found = read(block, text)
    assert found.words == ("The", "World", "Wide", "Web", "[[ t ə m ˈɑː t oʊ ]]", "and", "two")
    assert " ".join(np.array(found.phones)[found.word_of_phone == 4]) == "t ə m ˈɑː t oʊ"


@pytest.mark.parametrize(
    ("kind", "text", "language", "words"),
    [
        ("characters", "AB-1", "en-US", "A B dash one"),
        ("characters", "МГУ", "ru-RU", "эм гэ у"),
        ("digits", "007", "es-ES", "cero cero siete"),
        ("date", "12/24/2025", "en-US", "December twenty-fourth twenty twenty-five"),
        ("date", "24/12/2025", "en-GB", "December twenty-fourth twenty twenty-five"),
        ("date", "May 5", "en-US", "May fifth"),
        ("date", "1.5.99", "ru-RU", "первого мая тысяча девятьсот девяносто девятого года"),
        ("telephone", "1-800-555-0123", "en-US", "one eight hundred five five five zero one two three"),
        ("cardinal", "1,234", "en-US", "one thousand two hundred thirty-four"),
        ("cardinal", "-5", "es-MX", "menos cinco"),
        ("ordinal", "21", "en-US", "twenty-first"),
        ("ordinal", "3", "ru-RU", "третий"),
    ],
)
def test_say_as(block, kind, text, language, words):
    found = read(block, f"<say-as interpret-as='{kind}'>{text}</say-as>", language)
    assert " ".join(found.words) == words


def test_a_date_is_read_in_the_order_that_is_given(block):
    found = read(block, "<say-as interpret-as='date' format='dmy'>3/4/2025</say-as>")
    assert found.words[:2] == ("April", "third")


def test_sentences_and_paragraphs_end_with_pauses(block):
    found = read(block, "<speak><p><s>Hi</s><s>you?</s></p><p>So</p></speak>")
    assert " ".join(found.phones) == "sil h ˈaɪ . j ˈu ? s ˈoʊ ."
    assert pauses(found) == {"6 ?": 0.8, "9 .": 0.8}


def test_emphasis_is_slower_and_higher(block):
    found = read(block, "one <emphasis level='strong'>two</emphasis> <emphasis>three</emphasis> four")
    assert rates(found) == pytest.approx([1, 0.85, 0.92, 1])
    assert [float(found.phone_shift[found.word_of_phone == n][0]) for n in range(4)] == [0, 2, 1, 0]


def test_a_line_end_is_a_pause_and_an_emoji_is_noted(block):
    found = read(block, "Hi 😀\nyou\n\nso")
    assert " ".join(found.phones) == "sil h ˈaɪ , j ˈu . s ˈoʊ sil"
    assert found.notes == ("'😀' (grinning face) left out",)


def test_what_xml_allows_is_allowed(block):
    text = "<?xml version='1.0'?>\n<speak version='1.1' xmlns='http://www.w3.org/2001/10/synthesis' xml:lang='en-GB'>"
    found = read(block, f"{text}Hi<!-- no one hears this --> <![CDATA[you]]> &#233;t&#xE9; </speak>\n")
    assert found.words == ("Hi", "you", "été")


# ---- what is refused ----


WRONG = {
    "<voice>hi</voice>": "<voice> at character 1 of the text: want one of speak, break, prosody, phoneme, sub, p, s, emphasis, say-as",
    "hé <mark>hi</mark>": "<mark> at character 4 of the text",
    "<p class='a'>hi</p>": "<p class=...> at character 1 of the text: want no attributes",
    "<emphasis level='huge'>a</emphasis>": "<emphasis level='huge'> at character 1 of the text: want one of strong, moderate, none, reduced",
    "a <say-as>b</say-as>": "<say-as interpret-as=''> at character 3 of the text: want one of characters, spell-out, digits, date",
    "<say-as interpret-as='ordinal'>five</say-as>": "'five' in <say-as interpret-as='ordinal'> .*want a whole number of at most 15 digits",
    "<say-as interpret-as='date'>31/31/2020</say-as>": "want day, month and year as mdy says, as in 12/24/2025",
    "<say-as interpret-as='date' format='dd'>1/2/2020</say-as>": "want the format mdy, dmy, ymd",
    "<say-as interpret-as='telephone'>none</say-as>": "want digits, as in 555-0123",
    "<say-as interpret-as='digits'><break/></say-as>": "nor in break, phoneme, sub and say-as",
    "<prosody volume='loud'>a</prosody>": "<prosody volume=...> at character 1 of the text: want no attribute but rate and pitch",
    "a <prosody rate='quick'>b</prosody>": "<prosody rate='quick'> at character 3 of the text: want 80%",
    "<prosody rate='20'>a</prosody>": "0.1 to 10 times in all",
    "<prosody rate='20%'><prosody rate='20%'>a</prosody></prosody>": "at character 21 .*0.1 to 10 times in all",
    "<prosody rate='-100%'>a</prosody>": "<prosody rate='-100%'>",
    "<prosody rate='+2'>a</prosody>": "<prosody rate='\\+2'>",
    "<prosody pitch='200Hz'>a</prosody>": "<prosody pitch='200Hz'> at character 1 of the text: want \\+2st, -10%",
    "<prosody pitch='-100%'>a</prosody>": "<prosody pitch='-100%'>",
    "<prosody pitch='+30st'>a</prosody>": "two octaves away at most",
    "<break time='1'/>": "<break time='1'> at character 1 of the text: want a time such as 500ms or 1.2s, 10s at most",
    "<break time='1m'/>": "<break time='1m'>",
    "<break time='11s'/>": "10s at most",
    "<break strength='huge'/>": "want one of none, x-weak, weak, medium, strong, x-strong",
    "<break>a</break>": "'a' in <break> at character 8",
    "<phoneme alphabet='x-sampa' ph='a'>a</phoneme>": "<phoneme alphabet='x-sampa'> at character 1 of the text: want ipa",
    "<phoneme ph='q7'>a</phoneme>": "want IPA phones: 'q7' is not in the inventory",
    "<phoneme>a</phoneme>": "<phoneme ph=''>",
    "<sub>a</sub>": "<sub> without alias",
    "<sub alias='b'><break/></sub>": "nor in break, phoneme, sub and say-as",
    "b <speak>a</speak>": "<speak> at character 3 of the text: want it once, around the whole text",
    "<speak>a</speak> b": "'b' at character 17 of the text: want nothing behind </speak>",
    "<speak>a</speak><break/>": "no tag behind </speak>",
    "<speak xml:lang='de'>a</speak>": "<speak xml:lang='de'> at character 1 of the text: want 'en-US'",
    "<prosody rate='slow'>a": "not well-formed at character 23 inside <prosody>: mismatched tag; want every tag closed",
    "a</prosody>": "not well-formed at character 4: mismatched tag",
    "AT&T <break/>": "not well-formed at character 5: .*&amp; for &",
    "a <b": "not well-formed at character",
    "</script>": "not well-formed",
    "<?php echo ?> a": "<\\?php\\?> at character 1 of the text: want no instructions",
    "<speak>&boom;</speak>": "not well-formed at character 8 inside <speak>: undefined entity",
    "<!DOCTYPE s [<!ENTITY boom 'a'>]><speak>&boom;</speak>": "not well-formed at character 3: .*no DTD",
    "<!DOCTYPE s SYSTEM 'file:///etc/passwd'><speak>a</speak>": "not well-formed at character 3",
    "[[ h <break/> ə ]]": r"\[\[ \]\] is not closed before a tag",
    "<break time='1s'/>": "nothing to say",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_refused_is_named_with_its_place_and_what_would_fit(block, text):
    with pytest.raises(BadItem, match=f"(?s){WRONG[text]}"):
        read(block, text)


def test_a_thousand_tags_in_one_another_are_read(block):
    found = read(block, "<prosody rate='1.0'>" * 1000 + "hi" + "</prosody>" * 1000)
    assert found.words == ("hi",)


def test_two_together_equal_each_alone(block):
    texts = [written("one <break/> more"), written("<prosody rate='slow'>otra</prosody>", "es-MX"), written("one 2")]
    for together, text in zip(block.apply(texts), texts):
        (alone,) = block.apply([text])
        assert together.phones == alone.phones
        for name in ("word_of_phone", "phone_rate", "phone_shift", "phone_pause"):
            np.testing.assert_array_equal(getattr(together, name), getattr(alone, name))
