"""Corpora of many tables, or of a file of text beside each recording, whose folders tell who speaks."""

import numpy as np
import pytest
import soundfile
from pydantic import ValidationError

from blocks.base import Failure, Skip
from blocks.corpus.ljspeech import LJSpeech


def clip(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.3 * np.sin(np.arange(800) / 20), 16000)


def table(folder, text, *names):
    for name in names or ("a1", "a2"):
        clip(folder / "wavs" / f"{name}.wav")
    (folder / "metadata.csv").write_text(text, encoding="utf-8")
    return str(folder)


def read(spec, **config):
    return list(LJSpeech(LJSpeech.Config(**config), spec).read())


SPOKEN = {"layout": r"(?P<speaker>\w+)/[^/]+/wavs/", "columns": ("id", "text"), "language": "de", "prefix": "p/"}


def two_readers(folder):
    for reader in ("ann", "bo"):
        table(folder / reader / "book", f"a1|Hello {reader}.\n", "a1")
    return str(folder)


def test_a_table_for_each_reader_keeps_ids_apart_and_folders_tell_who_speaks(tmp_path, spec):
    path = two_readers(tmp_path)
    table(tmp_path / ".trash" / "cy" / "book", "a1|Hidden.\n", "a1")
    rows = read(spec, path=path, tables=("**/metadata.csv",), **SPOKEN)
    assert [(row.id, row.speaker, row.text) for row in rows] == [
        ("p/ann/book/a1", "p/ann", "Hello ann."),
        ("p/bo/book/a1", "p/bo", "Hello bo."),
    ]


def test_a_path_that_layout_does_not_fit_costs_its_row(tmp_path, spec):
    path = two_readers(tmp_path)
    config = {**SPOKEN, "layout": "(?P<speaker>ann)/(?P<style>book)"}
    good, bad = read(spec, path=path, tables=("*/*/metadata.csv",), **config)
    assert (good.speaker, good.style) == ("p/ann", "book")
    assert bad == Failure(
        "bo/book/metadata.csv, line 1: layout '(?P<speaker>ann)/(?P<style>book)' does not fit the path bo/book/wavs/a1.wav",
        "p/bo/book/a1",
    )


def test_a_bare_name_finds_its_recording_where_it_is_the_only_one(tmp_path, spec):
    path = table(tmp_path, "one|One.\ntwo|Two.\nx/two|Two in x.\n", "x/one", "x/two", "y/two")
    one, two, in_x = read(spec, path=path, columns=("id", "text"))
    assert (one.text, in_x.text) == ("One.", "Two in x.")
    assert (
        two.reason == f"metadata.csv, line 2: 'two' may be x/two.wav or y/two.wav: want its path below {tmp_path}/wavs"
    )


def test_a_recording_that_no_line_names_is_listed(tmp_path, spec):
    row, rest = read(spec, path=table(tmp_path, "a1|Hello.\n"))
    assert row.text == "Hello."
    assert rest == Skip("no transcript: no line of metadata.csv names it", "ljspeech/wavs/a2")


def test_a_file_of_text_beside_each_recording(tmp_path, spec):
    clip(tmp_path / "ann" / "a1.wav")
    clip(tmp_path / "ann" / "a2.wav")
    (tmp_path / "ann" / "a1.txt").write_bytes("Größer.\r\n".encode("cp1252"))
    (tmp_path / "ann" / "a2.txt").write_text("Two.\nlines.\n")
    config = {"tables": ("*/*.txt",), "wavs": ".", "columns": ("text",), "prefix": ""}
    one, two, second = read(spec, path=str(tmp_path), encoding="latin-1", **config)
    assert (one.id, one.text, two.text) == ("ann/a1", "Größer.", "Two.")
    assert second.reason == "ann/a2.txt, line 2: id 'a2' is empty or was there before"
    bad, *_ = read(spec, path=str(tmp_path), encoding="ascii", **config)
    assert (
        bad.reason == "ann/a1.txt, line 1: 'Gr\ufffd\ufffder.' holds what is no sign of its encoding (asked for: ascii)"
    )


def test_an_empty_table_fails_and_one_that_is_not_there_is_named(tmp_path, spec):
    path = two_readers(tmp_path)
    (tmp_path / "bo" / "book" / "metadata.csv").write_text("\n")
    _, bad, unnamed = read(spec, path=path, tables=("*/*/metadata.csv",), **SPOKEN)
    assert bad == Failure("bo/book/metadata.csv is empty", "p/bo/book/metadata.csv")
    assert type(unnamed) is Skip
    with pytest.raises(FileNotFoundError, match=r"no .*/\*\.tsv below .*; want a folder with \*\.tsv and wavs"):
        read(spec, path=path, tables=("*/*/metadata.csv", "*.tsv"), **SPOKEN)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"tables": ()}, "want names of tables, or patterns below path"),
        ({"tables": ("/a/metadata.csv",)}, "got '/a/metadata.csv'"),
        ({"encoding": "utf-9"}, "no encoding 'utf-9'; want such as utf-8"),
        ({"layout": "(?P<speaker>"}, "is no regular expression: "),
        ({"layout": "(a)/(b)"}, r"want groups of speaker, language, style, .*; got \[\]"),
        ({"layout": "(?P<singer>a)"}, r"got \['singer'\]"),
        ({"layout": "(?P<speaker>a)", "columns": ("id", "speaker", "text")}, "columns and layout both name speaker"),
        ({"columns": ("text",)}, "want each name once, with id and a text"),
        ({"separator": ""}, "at least 1 character"),
    ],
)
def test_settings_of_tables_that_cannot_be_meant_are_refused(config, message):
    with pytest.raises(ValidationError, match=message):
        LJSpeech.Config(path="x", **config)
