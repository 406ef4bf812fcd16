"""Scoring of transcripts, by hand; and the joining of a model that comes in parts. No model runs."""

import threading

import numpy as np
import pytest

from blocks.base import Failure, Skip
from blocks.common import whisper_asr
from blocks.metric.schema import Transcribed
from blocks.metric.word_error import WordError, errors, normalised
from blocks.spec import AudioSpec

# ---- errors ----


@pytest.mark.parametrize(
    ("prediction", "reference", "words", "characters"),
    [
        ("kitten", "sitting", (1, 1), (3, 7)),
        ("", "two words", (2, 2), (9, 9)),
        ("the quick fox", "the quick fox", (0, 3), (0, 13)),
        ("a quick", "the quick fox", (2, 3), (7, 13)),
        ("one two three", "one", (2, 1), (10, 3)),
    ],
)
def test_errors_by_hand(prediction, reference, words, characters):
    found = errors(prediction, reference)
    assert [(one.errors, one.of, one.loop) for one in found] == [(*words, False), (*characters, False)]
    assert found[0].percent == 100 * words[0] / words[1]


def test_where_no_spaces_are_written_words_are_characters():
    words, characters = errors("你号", "你好", spaced=False)
    assert words == characters
    assert (words.errors, words.of) == (1, 2)


def test_a_loop_is_flagged_and_counts_no_more_than_there_is():
    looped = "pay fifty " + "us " * 100
    words, characters = errors(looped.strip(), "pay fifty dollars", repeats=True)
    assert (words.errors, words.of, words.loop) == (3, 3, True)
    assert (characters.errors, characters.of) == (17, 17)
    said_so = errors("no no no no no no", "no no no no no no no", repeats=True)[0]
    assert (said_so.errors, said_so.loop) == (1, False), "a text that repeats itself is none"
    assert errors(looped.strip(), "pay fifty dollars")[0].errors == 100


# ---- normalisation ----


@pytest.mark.parametrize(
    ("prediction", "reference", "same"),
    [
        ("semi-colon", "semicolon", True),
        ("semi colon", "Semicolon.", True),
        ("the voicemail key", "the voice mail key", True),
        ("twenty five", "twenty-five", True),
        ("every one", "some one", False),
    ],
)
def test_compounds_are_taken_as_the_text_writes_them(prediction, reference, same):
    words, characters = errors(normalised(prediction, "en"), normalised(reference, "en"))
    assert (words.errors == 0) == (characters.errors == 0) == same
    assert words.of == len(normalised(reference, "en").split()), "the text's own words are counted, whoever is heard"


@pytest.mark.parametrize(
    ("text", "language", "clean"),
    [
        ("Hello,   World!", "en", "hello world"),
        ("Don\u2019t \u2018quote\u2019 it", "en", "don't quote it"),
        ("press 7, or 12; then 40 and 85", "en", "press seven or twelve then forty and eighty five"),
        ("Dr. Lee, Mr. and Mrs. Poe", "en", "doctor lee mister and missus poe"),
        ("Dr. Lee", "de", "dr lee"),
        ("3D audio, IAX2", "en", "three d audio iax two"),
        ("P\u0159i\u0301li\u0161 \u017elut\xfd", "cs", "p\u0159\xedli\u0161 \u017elut\xfd"),
        ("STRASSE stra\xdfe", "de", "strasse strasse"),
        ("\u0928\u092e\u0938\u094d\u0924\u0947\u0964", "hi", "\u0928\u092e\u0938\u094d\u0924\u0947"),
        ("\u4f60\u597d\uff0c \u4e16\u754c\u3002", "zh", "\u4f60\u597d\u4e16\u754c"),
        ("З+амок вс\u0451 же", "ru", "замок все же"),
        ("...", "en", ""),
    ],
)
def test_texts_are_compared_without_case_and_punctuation(text, language, clean):
    assert normalised(text, language) == clean


# ---- what is refused before a model is loaded ----


def judged(text="hello", language="en", seconds=1.0, **config):
    block = WordError(WordError.Config(**config), AudioSpec())
    block.setup()
    wave = np.zeros(int(16000 * seconds), "float32")
    (result,) = block.apply([Transcribed(prediction=wave, text=text, language=language)])
    assert block.recognisers == {}
    return result


def test_a_language_that_cannot_be_judged_is_named():
    result = judged(language="zu-ZA")
    assert type(result) is Failure
    assert result.reason.startswith(
        "language 'zu-ZA': Whisper was not trained on it and would invent words; it knows af am"
    )
    assert judged(language="ru", model="tiny.en").reason == (
        "language 'ru': model 'tiny.en' knows only English; model 'base' or 'auto' would fit"
    )


@pytest.mark.parametrize(
    ("text", "language", "number"),
    [("dial 1234 now", "en", "1234"), ("28.8 kilobit", "en", "28.8"), ("pulse 7", "es", "7"), ("H 3:30", "en", "3:30")],
)
def test_a_number_that_can_be_read_in_several_ways_is_skipped(text, language, number):
    result = judged(text, language)
    assert type(result) is Skip
    assert result.reason.startswith(f"text holds {number!r}, which can be read in several ways")


def test_rows_without_words_or_sound_are_refused():
    assert judged("...").reason == "text '...' has no words, wants what is said in the recording"
    assert judged(seconds=0).reason == "prediction: no samples, wants a recording"


@pytest.mark.parametrize(
    ("tag", "code"), [("en-US", "en"), ("EN_us", "en"), ("zh-Hant-TW", "zh"), ("nb-NO", "no"), ("cmn", "zh")]
)
def test_language_tags_become_whispers_codes(tag, code):
    assert whisper_asr.code(tag) == code
    assert code in whisper_asr.LANGUAGES


# ---- the model in parts ----


@pytest.fixture
def wheels(tmp_path):
    parts = [tmp_path / "model.bin.part1", tmp_path / "model.bin.part2"]
    parts[0].write_bytes(b"first half, ")
    parts[1].write_bytes(b"second half")
    (tmp_path / "config.json").write_text("{}")
    return parts, [tmp_path / "config.json"], tmp_path / "cache" / "whisper"


def test_parts_are_joined_once(wheels):
    folder = whisper_asr.join(*wheels)
    assert (folder / "model.bin").read_bytes() == b"first half, second half"
    assert (folder / "config.json").read_text() == "{}"
    made = (folder / "model.bin").stat().st_mtime_ns
    assert whisper_asr.join(*wheels) == folder
    assert (folder / "model.bin").stat().st_mtime_ns == made
    assert [path.name for path in folder.parent.iterdir()] == ["whisper-23"]


def test_another_wheel_is_joined_anew(wheels):
    old = whisper_asr.join(*wheels)
    wheels[0][1].write_bytes(b"another second half")
    assert whisper_asr.join(*wheels) != old


def test_a_join_that_breaks_off_leaves_nothing(wheels):
    parts, beside, folder = wheels
    beside.append(parts[0].with_name("not_there.json"))
    with pytest.raises(FileNotFoundError, match="not_there"):
        whisper_asr.join(parts, beside, folder)
    assert list(folder.parent.iterdir()) == []


def test_several_may_join_at_the_same_time(wheels):
    wheels[0][0].write_bytes(bytes(8 << 20))
    start, found = threading.Barrier(6), []

    def work():
        start.wait()
        folder = whisper_asr.join(*wheels)
        found.append((folder, (folder / "model.bin").stat().st_size))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert set(found) == {(found[0][0], (8 << 20) + 11)}
    assert list(found[0][0].parent.iterdir()) == [found[0][0]]


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("VOXBLOCKS_CACHE", str(tmp_path))
    assert whisper_asr.cache() == tmp_path
    monkeypatch.delenv("VOXBLOCKS_CACHE")
    assert whisper_asr.cache().parts[-2:] == (".cache", "voxblocks")
