"""Corpora that users bring: a folder, LJ Speech's layout, lines of text; and every way in which a file can be bad."""

import os
import re

import numpy as np
import pytest
import soundfile
from pydantic import ValidationError

from blocks.base import Failure, Skip, check_item
from blocks.common import audio
from blocks.common.splits import own_split_of, split_of
from blocks.corpus.folder import Folder
from blocks.corpus.lines import Lines, VoicedLine
from blocks.corpus.ljspeech import LJSpeech
from blocks.corpus.schema import Recording, Utterance

RATE = 16000


def tone(seconds=0.2, rate=RATE, channels=1, pitch=440.0):
    wave = 0.5 * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype("float32")


def write(path, wave, rate=RATE, **kwargs):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, rate, **kwargs)
    return path


def read(cls, spec, **config):
    return list(cls(cls.Config(**config), spec).read())


def only(rows):
    (row,) = rows
    return row


# ---- folder ----


def test_a_folder_gives_every_recording_below_it_in_order_under_its_path(tmp_path, spec):
    for name in ("b.flac", "a/x.wav", "a/y.ogg", "c.mp3", "a/deep/z.aiff"):
        write(tmp_path / name, tone())
    (tmp_path / "notes.txt").write_text("no recording")
    write(tmp_path / "a" / ".hidden.wav", tone())
    rows = read(Folder, spec, path=str(tmp_path), speaker="me", language="de", style="calm", licence="CC0-1.0")
    assert [row.id for row in rows] == ["a/deep/z", "a/x", "a/y", "b", "c"]
    assert all(type(row) is Recording and check_item(row, spec) is None for row in rows)
    row = rows[1]
    assert (row.speaker, row.language, row.style, row.licence) == ("me", "de", "calm", "CC0-1.0")
    np.testing.assert_allclose(row.wave, tone()[:, 0], atol=1e-4)
    assert row.seconds == 0.2


def test_the_licence_of_an_own_corpus_is_that_of_the_settings(tmp_path, spec):
    assert Folder(Folder.Config(path=str(tmp_path), licence="CC-BY-4.0"), spec).licences == ("CC-BY-4.0",)


def test_ids_of_two_folders_can_be_kept_apart_and_their_splits_stay(tmp_path, spec):
    for number in range(40):
        write(tmp_path / f"{number}.wav", tone(0.01))
    bare, named = read(Folder, spec, path=str(tmp_path)), read(Folder, spec, path=str(tmp_path), prefix="mine/")
    assert [f"mine/{row.id}" for row in bare] == [row.id for row in named]
    assert [row.split for row in bare] == [row.split for row in named] == [own_split_of(row.id) for row in bare]
    assert {row.split for row in bare} == {"train", "dev"}, "nothing of a user's own recordings is reserved"


def test_a_higher_rate_is_resampled_and_keeps_its_pitch(tmp_path, spec):
    write(tmp_path / "high.wav", tone(0.5, rate=44100, pitch=1000.0), 44100)
    wave = only(read(Folder, spec, path=str(tmp_path))).wave
    assert len(wave) == 8000
    assert np.argmax(np.abs(np.fft.rfft(wave))) * RATE / len(wave) == 1000


def test_a_lower_rate_fails_unless_upsampling_is_asked_for(tmp_path, spec):
    write(tmp_path / "low.wav", tone(rate=8000), 8000)
    failure = only(read(Folder, spec, path=str(tmp_path)))
    assert failure == Failure(
        "recorded at 8000 Hz, but the audio spec says sample_rate 16000: "
        "choose a spec of that rate or lower, or set upsample: true",
        "low",
    )
    assert len(only(read(Folder, spec, path=str(tmp_path), upsample=True)).wave) == 3200


def test_channels_fail_unless_one_is_chosen_or_all_are_mixed(tmp_path, spec):
    wave = tone(channels=8) * np.arange(8, dtype="float32") / 8
    write(tmp_path / "eight.wav", wave)
    failure = only(read(Folder, spec, path=str(tmp_path)))
    assert failure == Failure("8 channels found, want 1: set channel to mix, or to one of 0..7", "eight")
    third = only(read(Folder, spec, path=str(tmp_path), channel=2)).wave
    np.testing.assert_allclose(third, wave[:, 2], atol=1e-4)
    mixed = only(read(Folder, spec, path=str(tmp_path), channel="mix")).wave
    np.testing.assert_allclose(mixed, wave.mean(axis=1), atol=1e-4)
    wrong = only(read(Folder, spec, path=str(tmp_path), channel=8))
    assert wrong.reason == "8 channels found, but channel 8 was asked for: want 0..7"


def with_nan(path):
    wave = tone()
    wave[5:8] = np.nan
    write(path, wave, subtype="FLOAT")


def cut_off(path):
    write(path, tone())
    path.write_bytes(path.read_bytes()[:1000])


BAD = {
    "empty.wav": (lambda path: path.write_bytes(b""), "the file is empty (0 bytes)"),
    "no_samples.wav": (lambda path: write(path, tone(0.0)), "0 samples found"),
    "text.wav": (lambda path: path.write_text("not audio" * 9), "text.wav cannot be decoded: Format not recognised"),
    "torn.flac": (lambda path: path.write_bytes(b"fLaC" + bytes(60)), "torn.flac cannot be decoded"),
    "torn.m4a": (lambda path: path.write_bytes(b"no audio" * 9), "torn.m4a cannot be decoded"),
    "cut.wav": (cut_off, "cut.wav is cut off: 1000 bytes found, its header says 6444"),
    "nan.wav": (with_nan, "3 of 3200 samples are NaN or infinite"),
    "scale.wav": (lambda path: write(path, tone() * 32768, subtype="FLOAT"), "samples in -1..1"),
    "short.wav": (lambda path: write(path, tone(1 / 48000, 48000), 48000), "1 samples at 48000 Hz are less than one"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_fails_by_itself_and_says_why(tmp_path, spec, name):
    make, reason = BAD[name]
    make(tmp_path / name)
    write(tmp_path / "zgood.wav", tone())
    bad, good = read(Folder, spec, path=str(tmp_path))
    assert type(bad) is Failure
    assert bad.id == name.split(".")[0]
    assert reason in bad.reason
    assert good.id == "zgood"


def test_a_link_to_nothing_fails(tmp_path, spec):
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    failure = Folder(Folder.Config(path=str(tmp_path)), spec)
    assert failure.fingerprint()
    assert "no such file" in only(failure.read()).reason


def test_a_name_that_is_no_utf8_fails_by_itself(tmp_path, spec):
    write(tmp_path / "good.wav", tone())
    (tmp_path / "good.wav").rename(tmp_path / os.fsdecode(b"\xff.wav"))
    write(tmp_path / "good.wav", tone())
    folder = Folder(Folder.Config(path=str(tmp_path)), spec)
    assert folder.fingerprint()
    good, strange = folder.read()
    assert (good.id, strange.id, type(strange)) == ("good", "\ufffd", Failure)


def test_two_files_of_one_id_are_not_both_taken(tmp_path, spec):
    write(tmp_path / "a.flac", tone())
    write(tmp_path / "a.wav", tone())
    first, second = read(Folder, spec, path=str(tmp_path))
    assert type(first) is Recording
    assert second == Failure("a.wav would have the id of a.flac: keep one of the two", "a.wav")


def test_a_folder_without_recordings_is_refused(tmp_path, spec):
    for root, message in ((tmp_path, "no recording in"), (tmp_path / "gone", "no folder")):
        with pytest.raises(FileNotFoundError, match=message):
            read(Folder, spec, path=str(root))
        with pytest.raises(FileNotFoundError, match=message):
            Folder(Folder.Config(path=str(root)), spec).fingerprint()


def test_the_fingerprint_of_a_folder_changes_with_its_files_only(tmp_path, spec):
    write(tmp_path / "a.wav", tone())
    block = Folder(Folder.Config(path=str(tmp_path)), spec)
    before = block.fingerprint()
    (tmp_path / "notes.txt").write_text("no recording")
    assert block.fingerprint() == before
    write(tmp_path / "a.wav", tone(0.3))
    assert block.fingerprint() != before


def test_a_row_of_a_split_not_asked_for_is_listed(tmp_path, spec):
    dev, elsewhere_reserved = (
        next(str(n) for n in range(99) if split_of(str(n)) == split) for split in ("dev", "reserved")
    )
    for name in (dev, elsewhere_reserved):
        write(tmp_path / f"{name}.wav", tone())
    rows = {row.id: row for row in read(Folder, spec, path=str(tmp_path), splits=("train",))}
    assert rows[dev] == Skip("split dev, and only train is asked for", dev)
    assert rows[elsewhere_reserved].split == "train"


def test_other_codecs_are_decoded_by_ffmpeg(tmp_path):
    import av

    path = tmp_path / "tone.m4a"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(1.0).T.copy(), format="fltp", layout="mono")
        frame.rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    wave, rate = audio.decode(path)
    assert (rate, wave.shape[1], wave.dtype) == (RATE, 1, np.float32)
    assert abs(len(wave) - RATE) <= 4096
    spectrum = np.abs(np.fft.rfft(wave[:, 0]))
    assert np.argmax(spectrum) * RATE / len(wave) == pytest.approx(440, abs=1)
    assert np.sqrt(np.mean(wave**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def test_raw_gsm_is_decoded_at_8_khz(tmp_path):
    path = tmp_path / "tone.gsm"
    soundfile.write(path, tone(1.0, 8000), 8000, format="RAW", subtype="GSM610")
    wave, rate = audio.decode(path)
    assert (rate, wave.shape) == (8000, (8000, 1))
    assert np.argmax(np.abs(np.fft.rfft(wave[:, 0]))) == pytest.approx(440, abs=1)


# ---- LJ Speech ----


@pytest.fixture
def lj(tmp_path):
    for name in ("LJ1", "LJ2", "LJ3", "LJ4", "LJ5"):
        write(tmp_path / "wavs" / f"{name}.wav", tone(rate=22050), 22050)
    (tmp_path / "metadata.csv").write_bytes(
        b"LJ1|In 1455.|In fourteen fifty-five.\n"
        b"LJ2|caf\xe9|cafe\n"  # latin-1
        b"\n"
        b"LJ3|One column too many|a|b\n"
        b"LJ4||\n"
        b"LJ5|Two columns.\n"
        b"LJ1|Again.|Again.\n"
        b"LJ9|No file.|No file.\n"
    )
    return tmp_path


def test_a_metadata_table_gives_rows_and_reasons(lj, spec):
    rows = read(LJSpeech, spec, path=str(lj), speaker="linda-johnson", language="en-US")
    assert [row.id for row in rows] == [
        f"ljspeech/{name}" for name in ("LJ1", "LJ2", "LJ3", "LJ4", "LJ5", "line-7", "LJ9")
    ]
    assert type(rows[0]) is Utterance
    assert (rows[0].text, rows[0].speaker, rows[0].seconds) == ("In 1455.", "linda-johnson", 0.2)
    assert rows[4].text == "Two columns."
    reasons = [row.reason for row in rows if type(row) is Failure]
    for reason, part in zip(
        reasons,
        (
            "line 2: 'utf-8' codec can't decode byte 0xe9",
            "line 4: 4 columns found, want id|raw|normalised",
            "line 5: the raw text is empty",
            "line 7: id 'LJ1' is empty or was there before",
            "no such file",
        ),
        strict=True,
    ):
        assert part in reason


def table(folder, text, *names):
    for name in names or ("a1", "a2"):
        write(folder / "wavs" / f"{name}.wav", tone(0.05))
    (folder / "metadata.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(folder)


@pytest.mark.parametrize(
    ("columns", "lines", "rows"),
    [
        (
            ("id", "speaker", "text"),
            "a1|jane|Hello.\na2|joe|Two.\n",
            [("Hello.", "l/jane", "en"), ("Two.", "l/joe", "en")],
        ),
        (("id", "speaker", "raw"), "a1|jane|Hello.\na2||Two.\n", [("Hello.", "l/jane", "en"), ("Two.", "me", "en")]),
        (("id", "text"), "a1|Hello.\na2|Two.\n", [("Hello.", "me", "en"), ("Two.", "me", "en")]),
        (("id", "-", "-", "text"), "a1|9|x|Hello.\na2|9|x|Two.\n", [("Hello.", "me", "en"), ("Two.", "me", "en")]),
        (("text", "id", "language"), "Hola.|a1|es\nTwo.|a2|en\n", [("Hola.", "me", "es"), ("Two.", "me", "en")]),
        (("id", "raw", "normalised"), "a1|1|one\na2|2|two\n", [("1", "me", "en"), ("2", "me", "en")]),
    ],
)
def test_columns_of_other_tables_are_named(tmp_path, spec, columns, lines, rows):
    path = table(tmp_path, lines)
    made = read(LJSpeech, spec, path=path, columns=columns, prefix="l/", speaker="me", language="en")
    assert [(row.text, row.speaker, row.language) for row in made] == rows
    assert [row.id for row in made] == ["l/a1", "l/a2"]


@pytest.mark.parametrize(
    "lines",
    [
        "a1|jane|Hello there.\na2|joe|Second line.\n",
        "a1|jane|Hello jane.\na2|jane|It was jane.\na3|jane|Good night, jane.\n",
        "a1|0|Пусто.\na2|1|Пять.\na3|1|Шесть.\n",
    ],
)
def test_a_speaker_for_a_text_is_refused_with_the_way_out(tmp_path, spec, lines):
    path = table(tmp_path, lines)
    with pytest.raises(ValueError, match=r"column 2 \('.*columns: \[id, speaker, text\]"):
        read(LJSpeech, spec, path=path)


def test_a_table_whose_texts_are_all_numbers_is_taken_with_its_columns_named(tmp_path, spec):
    path = table(tmp_path, "a1|1984|nineteen eighty-four\na2|1985|nineteen eighty-five\n")
    with pytest.raises(ValueError, match=r"columns: \[id, raw, normalised\]"):
        read(LJSpeech, spec, path=path)
    rows = read(LJSpeech, spec, path=path, columns=("id", "raw", "normalised"), text="normalised")
    assert rows[1].text == "nineteen eighty-five"


@pytest.mark.parametrize(
    "columns", [("id", "speaker"), ("text", "speaker"), ("id", "text", "text"), ("id", "normalised")]
)
def test_columns_that_tell_too_little_are_refused(columns):
    with pytest.raises(ValidationError, match=r"want each name once, with id and a text.*got \['"):
        LJSpeech.Config(path="x", columns=columns)


def test_a_line_with_other_columns_than_were_named_fails(tmp_path, spec):
    path = table(tmp_path, "a1|jane|Hello.\na2|Two.\n")
    _, bad = read(LJSpeech, spec, path=path, columns=("id", "speaker", "text"))
    assert bad.reason == "metadata.csv, line 2: 2 columns found, want id|speaker|text; `columns` names others"


def test_a_line_that_names_the_columns_is_told_as_a_header(tmp_path, spec):
    head, row = read(LJSpeech, spec, path=table(tmp_path, "id|text\na1|Hello.\n", "a1"))
    assert (type(head), head.id) == (Skip, "ljspeech/line-1")
    assert head.reason == "metadata.csv, line 1 is a header, id|text: it names columns and holds no row"
    assert row.text == "Hello."
    path = table(tmp_path, "text|Id.\na1|Hello.\n", "text", "a1")
    assert [row.text for row in read(LJSpeech, spec, path=path)] == ["Id.", "Hello."]  # a recording of that name


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_and_texts_are_read_whatever_ends_their_lines(tmp_path, spec, end, encoding):
    path = table(tmp_path, f"a1|Hello there.{end}a2|Zweite Zeile, größer.{end}".encode(encoding))
    assert [row.text for row in read(LJSpeech, spec, path=path)] == ["Hello there.", "Zweite Zeile, größer."]
    (tmp_path / "lines.txt").write_bytes(f"One.{end}{end}Größer.".encode(encoding))
    rows = read(Lines, spec, file=str(tmp_path / "lines.txt"))
    assert [(row.id, row.text) for row in rows] == [("line-0001", "One."), ("line-0003", "Größer.")]


def test_ids_may_be_the_names_of_files_and_files_of_any_kind(tmp_path, spec):
    path = table(
        tmp_path, "wavs/a1.wav|One.\nA2.WAV|Two.\na3|Three.\nsub/a4|Four.\nv1.5|Five.\n", "a1", "sub/a4", "v1.5"
    )
    write(tmp_path / "wavs" / "A2.WAV", tone(0.05))
    write(tmp_path / "wavs" / "a3.flac", tone(0.05))
    write(tmp_path / "wavs" / ".ipynb_checkpoints" / "a1-checkpoint.wav", tone(0.05))
    rows = read(LJSpeech, spec, path=path, prefix="")
    assert [(row.id, row.text) for row in rows] == [
        ("a1", "One."), ("A2", "Two."), ("a3", "Three."), ("sub/a4", "Four."), ("v1.5", "Five."),
    ]  # fmt: skip


def test_the_normalised_text_can_be_taken_instead(lj, spec):
    rows = read(LJSpeech, spec, path=str(lj), text="normalised")
    assert rows[0].text == "In fourteen fifty-five."
    assert rows[4].reason == "metadata.csv, line 6: the normalised text is empty"


def test_what_is_said_twice_lies_in_one_split(tmp_path, spec):
    """Sixty recordings of twelve texts: each text is for training or for validation, not for both."""
    names = [f"take {take} of {text}" for take in range(5) for text in range(12)]
    for name in names:
        write(tmp_path / "wavs" / f"{name}.wav", tone(0.01))
    lines = [f"{name}|Say it {int(name.split()[-1]):b}{', please' * (n % 2)}.\n" for n, name in enumerate(names)]
    (tmp_path / "metadata.csv").write_text("".join(lines))
    rows = read(LJSpeech, spec, path=str(tmp_path))
    splits = {(row.text, row.split) for row in rows}
    assert len(splits) == len({text for text, _ in splits}) == 12
    assert {split for _, split in splits} == {"train", "dev"}
    (tmp_path / "metadata.csv").write_text("".join(reversed(lines)))
    assert {row.id: row.split for row in read(LJSpeech, spec, path=str(tmp_path))} == {
        row.id: row.split for row in rows
    }


OWN_VOICE = """
nodes:
  rec: {read: corpus.ljspeech, config: {path: PATH, speaker: me, language: en}}
  said: {map: text.phones, in: {text: rec.text, language: rec.language}}
  mel: {map: features.log_mel, in: {wave: rec.wave}}
  timing: {fit: aligner.monotonic, in: {phones: said.phones, log_mel: mel.log_mel, split: rec.split}, config: {max_steps: 2}}
"""


def test_a_first_training_on_own_recordings_works_with_the_default_settings(tmp_path):
    """Rows that a packaged corpus would reserve are trained on as others are."""
    pytest.importorskip("torch")
    from tests.runner.report_run import run

    words = [
        "ferry",
        "river",
        "lunch",
        "coat",
        "rain",
        "hall",
        "key",
        "fence",
        "train",
        "book",
        "lamp",
        "city",
        "bread",
    ]
    names = [str(n) for n in range(len(words))]
    assert "reserved" in {split_of(name) for name in names}
    table(tmp_path, "".join(f"{name}|A {word}.\n" for name, word in zip(names, words)), *names)
    for n, name in enumerate(names):
        write(tmp_path / "wavs" / f"{name}.wav", tone(1.0, pitch=200.0 + n))
    store, record = run(tmp_path, OWN_VOICE.replace("PATH", str(tmp_path)))
    assert record["error"] is None
    found = store.find_table(record["nodes"]["rec"]["digest"])
    splits = [row["split"] for row in found.rows(fields=["split"])]
    assert (len(splits), sorted(set(splits)), found.failures) == (len(words), ["dev", "train"], [])


def test_a_folder_without_metadata_is_refused(tmp_path, spec):
    with pytest.raises(FileNotFoundError, match=r"want a folder with metadata\.csv and wavs"):
        read(LJSpeech, spec, path=str(tmp_path))


def test_the_fingerprint_follows_texts_and_recordings(lj, spec):
    block = LJSpeech(LJSpeech.Config(path=str(lj)), spec)
    first = block.fingerprint()
    write(lj / "wavs" / "LJ1.wav", tone(0.4))
    second = block.fingerprint()
    (lj / "metadata.csv").write_text("LJ1|Changed.|Changed.\n")
    assert len({first, second, block.fingerprint()}) == 3


# ---- lines ----


def test_lines_come_from_the_settings_or_a_file(tmp_path, spec):
    rows = read(Lines, spec, texts=("Eins.", "Zwei."), language="de", prefix="de/", speaker="me", speaking_rate=1.5)
    said = {"language": "de", "speaker": "me", "speaking_rate": 1.5, "split": "train"}
    assert rows == [
        VoicedLine(id="de/line-0001", text="Eins.", **said),
        VoicedLine(id="de/line-0002", text="Zwei.", **said),
    ]
    path = tmp_path / "lines.txt"
    path.write_bytes("\ufeffOne.\n\n Two. \nThr".encode() + b"\xff\n")
    one, two, three = read(Lines, spec, file=str(path))
    assert (one.text, two.id, two.text) == ("One.", "line-0003", "Two.")
    assert "line 4: 'utf-8' codec can't decode byte 0xff" in three.reason


def test_lines_say_what_they_are_for_and_keep_their_names(spec):
    held, free = (only(read(Lines, spec, text="One.", **given)) for given in ({"split": "dev"}, {}))
    assert (held.split, free.split) == ("dev", "train")
    assert held.id == free.id


def test_a_single_text_is_named_by_its_words_and_how_it_is_said(spec):
    row = only(read(Lines, spec, text="Good <prosody rate='slow'>morning</prosody>, Москва!"))
    assert (row.language, row.speaker, row.speaking_rate) == ("en", "", 1.0)
    assert re.fullmatch("good-morning-москва-[0-9a-f]{6}", row.id)
    asked = ({}, {"speaker": "me"}, {"speaking_rate": 2.0}, {"language": "de"})
    ids = {only(read(Lines, spec, text=text, **given)).id for text in ("One.", "One!") for given in asked}
    assert len(ids) == 8
    assert only(read(Lines, spec, text="One.")).id in ids
    assert re.fullmatch(
        "my/([a-z]{16}-){4}[a-z]{16}-[0-9a-f]{6}",
        only(read(Lines, spec, text="pneumonoultramicro " * 9, prefix="my/")).id,
    )


def test_an_empty_text_fails(spec):
    assert read(Lines, spec, texts=("", "Two."))[0] == Failure("the text is empty", "line-0001")
    assert read(Lines, spec, text=" ") == [Failure("the text is empty", "line-0001")]


@pytest.mark.parametrize("origin", ["text", "texts", "file"])
def test_where_others_bring_a_text_there_may_be_none(spec, origin):
    empty = {origin: () if origin == "texts" else ""}
    assert read(Lines, spec, **empty) == []
    assert Lines(Lines.Config(**empty), spec).fingerprint() == "", "nothing was asked for, which is no error"


@pytest.mark.parametrize(
    ("config", "found"), [({}, "none; text: '' where"), ({"text": "a", "file": "b"}, "text and file")]
)
def test_lines_want_one_origin(config, found):
    with pytest.raises(ValidationError, match=f"give one of text, texts and file, got {found}"):
        Lines.Config(**config)


def test_the_fingerprint_of_lines_is_that_of_their_texts(tmp_path, spec):
    path = tmp_path / "lines.txt"
    path.write_text("One.\nTwo.\n")
    in_file = Lines(Lines.Config(file=str(path)), spec).fingerprint()
    assert in_file == Lines(Lines.Config(texts=("One.", "Two.")), spec).fingerprint()
    assert in_file != Lines(Lines.Config(texts=("One.", "Three.")), spec).fingerprint()
    with pytest.raises(FileNotFoundError, match="want a text file"):
        Lines(Lines.Config(file="nowhere.txt"), spec).fingerprint()


def test_no_folder_is_no_rows(spec):
    assert read(Folder, spec, path="") == []


def test_a_line_that_nobody_can_say_is_left_out_and_listed(tmp_path, spec):
    path = tmp_path / "lines.txt"
    path.write_text("Hello there.\n🎉\n---\nGoodbye now.\n", encoding="utf-8")
    rows = list(Lines(Lines.Config(file=str(path)), spec).read())
    assert [type(row) for row in rows] == [VoicedLine, Skip, Skip, VoicedLine]
    assert rows[1].reason == "line 2: nobody can say '🎉'"
    (alone,) = Lines(Lines.Config(text="🎉"), spec).read()
    assert isinstance(alone, VoicedLine), "the front end says what is wrong with a text that is all there is"
