"""What is sung on each note, for how long, and what texts make of melodies."""

import numpy as np
import pytest

from blocks.arrays import Note
from blocks.base import Failure
from blocks.common.phones import nearest
from blocks.score import phones as phones_block
from blocks.score import pitch, pool, set, timing
from blocks.score.schema import REST_OCTAVE, REST_STEP, Melody, Pronounced, Sounding, Untimed, Utterance
from blocks.spec import AudioSpec

REST = Note(key=None, seconds=0.5)
SPEC = AudioSpec()  # 80 frames a second


def sung(notes, *words):
    """The rows of notes whose words are said so, each a text of phones."""
    said = [word.split() for word in words]
    item = Pronounced(
        notes=tuple(notes),
        phones=("sil", *(phone for word in said for phone in word), "sil"),
        word_of_phone=np.array([-1, *(n for n, word in enumerate(said) for _ in word), -1], np.int32),
    )
    (row,) = phones_block.Phones(phones_block.Config(), SPEC).apply([item])
    return row


def note(lyric, key=60.0, seconds=1.0):
    return Note(key=key, seconds=seconds, lyric=lyric, place="bar 1, beat 2")


def by_note(row):
    made = {}
    for phone, n in zip(row.phones, row.note_of_phone.tolist()):
        made.setdefault(n, []).append(phone)
    return [" ".join(each) for each in made.values()]


def test_streams_are_the_papers():
    row = sung([REST, note("give", 61.0, 0.75), note("me", 71.0), REST], "ɡ ˈɪ v", "m ˈi")
    assert row.phones == ("sil", "ɡ", "ˈɪ", "v", "m", "ˈi", "sil")
    np.testing.assert_allclose(row.ramp[1:4], [1, 2 / 3, 1 / 3], atol=1e-6)  # 0 is the boundary's
    np.testing.assert_array_equal(row.octave, [REST_OCTAVE, 5, 5, 5, 5, 5, REST_OCTAVE])
    np.testing.assert_array_equal(row.step, [REST_STEP, 2, 2, 2, 12, 12, REST_STEP])
    np.testing.assert_allclose(row.note_seconds, [0.5, 0.75, 0.75, 0.75, 1, 1, 0.5])
    np.testing.assert_array_equal(row.word_end, [0, 0, 0, 1, 0, 1, 0])
    np.testing.assert_array_equal(row.spoken_phone, [-1, 1, 2, 3, 4, 5, -1])
    np.testing.assert_allclose(row.phone_pitch[[0, 1, 3]], [0, 277.18, 277.18], atol=0.01)


def test_a_word_is_split_before_the_consonants_that_begin_a_syllable():
    notes = [REST, note("in-"), note("dus-"), note("try"), note("ex-"), note("tra"), REST]
    row = sung(notes, "ˈɪ n d ə s t ɹ i", "ˈɛ k s t ɹ ə")
    assert by_note(row)[1:-1] == ["ˈɪ n", "d ə", "s t ɹ i", "ˈɛ k", "s t ɹ ə"]


def test_on_a_melisma_the_vowel_goes_on_and_the_coda_moves_to_its_last_note():
    row = sung([REST, note("night"), note("", 62.0), note("", 64.0), REST], "n ˈaɪ t")
    assert by_note(row)[1:-1] == ["n ˈaɪ", "ˈaɪ", "ˈaɪ t"]
    np.testing.assert_array_equal(row.spoken_phone, [-1, 1, 2, 2, 2, 3, -1])
    np.testing.assert_array_equal(row.ramp[[3, 4, 5]], [1, 1, 0.5])  # alone; then before t and the boundary


def test_an_elision_is_two_syllables_on_a_note():
    assert by_note(sung([REST, note("pian-"), note("ga‿e"), REST], "p j ˈa n ɡ a", "e"))[1:-1] == ["p j ˈa n", "ɡ a e"]


def test_more_and_fewer_vowels_than_syllables():
    row = sung([REST, note("ev-"), note("ry"), REST], "ˈɛ v ə ɹ i")
    assert by_note(row)[1:-1] == ["ˈɛ", "v ə ɹ i"]
    assert row.remarks == ("bar 1, beat 2: 'evry' has 2 syllables, and is spoken with 3 vowels",)
    assert by_note(sung([REST, note("fi-"), note("ire", 62.0), REST], "f ˈaɪ ɹ"))[1:-1] == ["f ˈaɪ", "ˈaɪ ɹ"]


@pytest.mark.parametrize(
    ("notes", "reason"),
    [
        ([REST, note("one"), note("two"), REST], "2 words on the notes, but 1 are spoken"),
        ([REST, note("", 60), note("one"), REST], "bar 1, beat 2: a note without a syllable before it"),
        ([REST, note("one", 5), REST], "key 5, want 12"),
    ],
)
def test_what_cannot_be_sung_says_where(notes, reason):
    row = sung(notes, "w ˈʌ n")
    assert isinstance(row, Failure)
    assert reason in row.reason


def timed(row, notes, **given):
    item = Untimed(notes=tuple(notes), phones=row.phones, note_of_phone=row.note_of_phone, **given)
    (made,) = timing.Timing(timing.Config(consonant_s=0.1), SPEC).apply([item])
    return made


def test_vowels_begin_on_the_beat_and_the_whole_is_kept_to_the_frame():
    notes = [REST, note("give", 60, 0.503), note("me", 62, 0.503), note("", 64, 0.503), REST]
    row = sung(notes, "ɡ ˈɪ v", "m ˈi")
    frames = timed(row, notes).durations
    starts = np.cumsum([0, *frames])
    beats = np.rint(np.cumsum([0, *(each.seconds for each in notes)]) * 80).astype(int)
    vowels = [n for n, phone in enumerate(row.phones) if phone in ("ˈɪ", "ˈi")]
    np.testing.assert_array_equal(starts[vowels], beats[1:4])
    assert frames.sum() == beats[-1]
    np.testing.assert_array_equal(frames[[1, 3, 4]], [8, 8, 8])  # consonants as long as asked


def test_predicted_consonants_are_kept_and_give_way_on_short_notes():
    notes = [REST, note("strengths", 60, 0.2), REST]
    row = sung(notes, "s t ɹ ˈɛ ŋ θ s")
    asked = np.array([9, 5, 4, 6, 70, 6, 7, 8, 3], np.int32)
    frames = timed(row, notes, durations=asked).durations
    assert frames.sum() == 96
    np.testing.assert_array_equal(frames[1:4], [5, 4, 6])  # out of the rest before
    assert frames[4] >= 8
    assert (frames[5:8] >= 1).all()
    short = [REST, note("strengths", 60, 0.03), REST]
    assert "4 phones (ˈɛ ŋ θ s) in 0.025 s" in timed(row, short).reason


def test_a_phone_is_as_high_as_the_note_in_its_middle():
    notes = (REST, note("", 57.0), note("", 69.0), REST)
    phones = ("sil", "m", "ˈa", "s", "m", "ˈa", "sil")
    durations = np.array([32, 8, 60, 10, 10, 80, 40], np.int32)  # m of the second note ends on its beat
    item = Sounding(notes=notes, phones=phones, durations=durations)
    (made,) = pitch.Pitch(pitch.Config(), SPEC).apply([item])
    np.testing.assert_allclose(made.phone_pitch, [0, 220, 220, 0, 220, 440, 0], rtol=1e-5)
    (failed,) = pitch.Pitch(pitch.Config(), SPEC).apply([item.model_copy(update={"notes": (REST, REST)})])
    assert "only rests" in failed.reason


def test_the_first_consonants_want_a_rest():
    notes = [note("me"), REST]
    assert "begin with no rest" in timed(sung(notes, "m ˈi"), notes).reason


TUNE = (REST, *(Note(key=60.0 + k, seconds=0.5) for k in (0, 2, 4, 5, 7, 9)), REST, Note(key=60.0, seconds=1.0), REST)


def spoken(id="a", words=("h ə l ˈoʊ", "w ˈɚ l d")):
    said = [word.split() for word in words]
    phones = ("sil", *(phone for word in said for phone in word), "sil")
    of = np.array([-1, *(n for n, word in enumerate(said) for _ in word), -1], np.int32)
    return Utterance(id=id, phones=phones, word_of_phone=of, split="train", melodies=TUNE * 3)


def test_a_text_is_set_to_stretches_of_melodies_in_the_voices_range():
    config = set.Config(copies=4, low=55, high=70)
    rows = list(set.Set(config, SPEC, seed=3).expand([spoken("a"), spoken("b")]))
    assert [row.id for row in rows] == [f"{id}-sung-{copy}" for id in "ab" for copy in range(4)]
    for row in rows:
        keys = [each.key for each in row.notes if each.key is not None]
        assert min(keys) >= 55
        assert max(keys) <= 70
        assert [each.lyric for each in row.notes if each.lyric] == ["həl-", "ˈoʊ", "wˈɚld"]
        assert row.notes[0].key is None
        assert row.notes[-1].key is None
        within = [n for n, each in enumerate(row.notes) if each.lyric.endswith("-")]
        assert all(row.notes[n + 1].key is not None for n in within)  # no rest within a word
        words = {"phones": spoken().phones, "word_of_phone": spoken().word_of_phone}
        (made,) = phones_block.Phones(phones_block.Config(), SPEC).apply([Pronounced(notes=row.notes, **words)])
        assert not isinstance(made, Failure)
    alone = list(set.Set(config, SPEC, seed=3).expand([spoken("b")]))
    assert alone == rows[4:]


def test_a_text_that_no_melody_fits_is_left_out():
    long = spoken(words=("l ə",) * 60)
    (row,) = set.Set(set.Config(copies=1), SPEC).expand([long])
    assert "fits 60 syllables" in row.reason
    with pytest.raises(ValueError, match="range of a fifth"):
        set.Config(low=60, high=64)


def test_melodies_are_pooled_without_their_words():
    melody = Melody(notes=(REST, note("la"), REST))
    made = pool.Pool(pool.Config(most=7), SPEC).reduce([melody] * 5)
    assert [each.lyric for each in made.notes] == [""] * 6


def test_german_is_sung_with_what_an_english_voice_has():
    english = {"ʃ", "ˈɔɪ", "ɔɪ", "s", "f", "z", "h", "k", "ˈʊ"}
    assert [nearest(phone, english) for phone in ("ç", "ˈɔʏ", "t͡s", "p͡f", "χ", "ˈʏ")] == [
        "ʃ",
        "ˈɔɪ",
        "s",
        "f",
        "h",
        "ˈʊ",
    ]
