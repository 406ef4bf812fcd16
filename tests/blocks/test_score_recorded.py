"""Recorded singing is read as singing corpora lay it out."""

import csv

import numpy as np
import pytest
import soundfile as sf

from blocks.base import Failure
from blocks.score.recorded import Config, Recorded
from blocks.spec import AudioSpec

SPEC = AudioSpec()  # 80 frames a second
RATE = SPEC.sample_rate


def recording(path, seconds):
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, 0.1 * np.sin(2 * np.pi * 220 * np.arange(int(seconds * RATE)) / RATE), RATE)


def read(folder, **config):
    return list(Recorded(Config(path=str(folder), **config), SPEC).read())


def by_note(row):
    made = {}
    for phone, n in zip(row.phones, row.note_of_phone.tolist()):
        made.setdefault(n, []).append(phone)
    return [(row.notes[n].key, " ".join(each)) for n, each in made.items()]


def diffsinger(folder, **columns):
    row = {
        "name": "song_1", "ph_seq": "SP n ˈaɪ n h ˈaʊ s AP", "ph_dur": "0.2 0.1 0.9 0.1 0.1 0.5 0.1 0.5",
        "note_seq": "rest A3 B3 C#4 rest", "note_dur": "0.3 0.5 0.6 0.6 0.5",
    } | columns  # fmt: skip
    recording(folder / "wavs" / f"{row['name']}.wav", 2.5)
    with (folder / "transcriptions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    return folder


def test_a_vowel_over_two_notes_is_cut_and_consonants_go_with_the_vowel_behind_them(tmp_path):
    (row,) = read(diffsinger(tmp_path), speaker="mine", licence="CC0-1.0")
    assert by_note(row) == [(None, "sil"), (57, "n ˈaɪ"), (59, "ˈaɪ n"), (61, "h ˈaʊ s"), (None, "sil")]
    np.testing.assert_array_equal(row.durations, np.array([0.2, 0.1, 0.5, 0.4, 0.1, 0.1, 0.5, 0.1, 0.5]) * 80)
    assert [note.seconds for note in row.notes] == pytest.approx([0.3, 0.5, 0.6, 0.6, 0.5], abs=1e-6)
    np.testing.assert_array_equal(row.octave[[1, 4]], [4, 4])
    np.testing.assert_allclose(row.ramp[[1, 2, 3, 4]], [1, 0, 1, 0])
    assert (row.speaker, row.licence, row.split, row.seconds) == ("mine", "CC0-1.0", row.split, 2.5)
    assert len(row.wave) == row.durations.sum() * SPEC.hop_length


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"note_seq": ""}, "no note_seq in the table"),
        ({"note_seq": "rest A3 X3 C#4 rest"}, "'X3' is no note"),
        ({"ph_dur": "0.2 0.1"}, "8 in ph_seq and 2 in ph_dur"),
        ({"ph_dur": "0.2 0.1 0.9 0.1 0.1 0.5 0.1 0.9"}, "the labels end at 2.90 s, the recording at 2.50 s"),
    ],
)
def test_what_does_not_fit_says_why(tmp_path, columns, reason):
    (row,) = read(diffsinger(tmp_path, **columns))
    assert isinstance(row, Failure)
    assert reason in row.reason


def test_arpabet_is_read_and_other_names_are_refused(tmp_path):
    (row,) = read(diffsinger(tmp_path, ph_seq="SP n ay1 t hh aw1 s AP"), phone_set="arpabet")
    assert row.phones == ("sil", "n", "ˈaɪ", "ˈaɪ", "t", "h", "ˈaʊ", "s", "sil")
    (row,) = read(diffsinger(tmp_path, ph_seq="SP zh iang t h ˈaʊ s AP"), phone_set="arpabet")
    assert "'iang' is no phone of arpabet" in row.reason


def full_context(kind, phone, note):
    return f"{kind}@xx^xx-{phone}+xx=xx_xx%xx^00_00~00-1!1[xx$xx]xx/A:xx-xx-xx@xx~xx/B:1_1_1@JPN|0/E:{note}/F:xx#xx"


def test_full_context_labels_give_notes_with_the_beat_on_the_vowel(tmp_path):
    lines = [
        (0.0, 0.4, "p", "pau", "xx]xx^xx"), (0.4, 0.5, "c", "k", "C4]0^0=4/4~40"), (0.5, 1.0, "v", "a", "C4]0^0=4/4~40"),
        (1.0, 1.1, "c", "s", "D4]0^0=4/4~40"), (1.1, 1.8, "v", "a", "D4]0^0=4/4~40"), (1.8, 2.5, "p", "pau", "xx]xx^1"),
    ]  # fmt: skip
    (tmp_path / "lab").mkdir()
    text = "\n".join(f"{int(a * 1e7)} {int(b * 1e7)} {full_context(*rest)}" for a, b, *rest in lines)
    (tmp_path / "lab" / "nitech_1.lab").write_text(text)
    recording(tmp_path / "wav" / "nitech_1.wav", 2.5)
    (row,) = read(tmp_path, prefix="nit-")
    assert row.id == "nit-nitech_1"
    assert by_note(row) == [(None, "sil"), (60, "k a"), (62, "s a"), (None, "sil")]
    assert [note.seconds for note in row.notes] == pytest.approx([0.5, 0.6, 0.7, 0.7], abs=1e-6)
    (tmp_path / "lab" / "nitech_1.lab").write_text("0 25000000 a\n")
    (bad,) = read(tmp_path)
    assert "no full context" in bad.reason


def test_the_fingerprint_follows_labels_and_recordings(tmp_path):
    block = Recorded(Config(path=str(diffsinger(tmp_path))), SPEC)
    first = block.fingerprint()
    assert block.fingerprint() == first
    diffsinger(tmp_path, note_seq="rest A3 B3 D4 rest")
    second = block.fingerprint()
    recording(tmp_path / "wavs" / "song_1.wav", 2.4)
    assert len({first, second, block.fingerprint()}) == 3


def test_no_folder_is_no_rows_and_an_empty_one_says_what_is_wanted(tmp_path):
    assert not list(Recorded(Config(), SPEC).read())
    assert not Recorded(Config(), SPEC).fingerprint()
    with pytest.raises(FileNotFoundError, match=r"neither transcriptions\.csv nor \.lab"):
        read(tmp_path)
