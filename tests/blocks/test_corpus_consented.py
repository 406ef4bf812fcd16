"""A folder of somebody's recordings: read where its speaker has agreed, with the texts that lie beside."""

import numpy as np
import pytest
import soundfile
from pydantic import ValidationError

from blocks.base import Failure
from blocks.common.textgrid import Interval, write
from blocks.corpus.consented import Consented

RATE = 16000


def tones(folder, *names):
    for name in names:
        path = folder / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.3 * np.sin(np.arange(4000) / 20), RATE)


def read(spec, **config):
    return list(Consented(Consented.Config(**config), spec).read())


def test_without_consent_nothing_is_read(tmp_path):
    tones(tmp_path, "a")
    for consent in ("", "   ", "..."):
        with pytest.raises(ValidationError, match="say who agreed that this one be made, when and for what"):
            Consented.Config(path=str(tmp_path), consent=consent)
    assert Consented.Config(path="").consent == "", "a graph that others bring their folder to"


def test_texts_are_found_beside(tmp_path, spec):
    tones(tmp_path, "listed", "sub/listed_too", "written", "tiers", "none")
    (tmp_path / "metadata.csv").write_text("listed|One.|one\nlisted_too|Two.\n", encoding="utf-8")
    (tmp_path / "written.txt").write_text("Three,\nfour.\n", encoding="utf-8")
    words = [Interval(0.0, 0.1, "five"), Interval(0.1, 0.2, ""), Interval(0.2, 0.25, "six")]
    write(tmp_path / "tiers.TextGrid", {"words": words})
    rows = read(spec, path=str(tmp_path), consent="Ann, today, for a test")
    found = {row.id: row.text for row in rows}
    assert found == {
        "listed": "One.",
        "sub/listed_too": "Two.",
        "written": "Three, four.",
        "tiers": "five six",
        "none": "",
    }


def test_what_out_wrote_is_read_with_its_texts(tmp_path, spec):
    tones(tmp_path, "target/0", "target/1")
    lines = 'id,file,text\ntarget/0,target/0.wav,"One, two."\ntarget/1,target/1.wav,\n'
    (tmp_path / "metadata.csv").write_text(lines, encoding="utf-8")
    rows = read(spec, path=str(tmp_path), consent="Ann, today, for a test")
    assert {row.id: row.text for row in rows} == {"target/0": "One, two.", "target/1": ""}


def test_a_text_that_cannot_be_read_costs_its_row(tmp_path, spec):
    tones(tmp_path, "a", "b")
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\xff")
    rows = read(spec, path=str(tmp_path), consent="Ann, today, for a test")
    assert [isinstance(row, Failure) for row in rows] == [True, False]
    assert "its text cannot be read" in rows[0].reason


def test_a_new_text_is_read_again(tmp_path, spec):
    tones(tmp_path, "a")
    block = Consented(Consented.Config(path=str(tmp_path), consent="Ann, today, for a test"), spec)
    before = block.fingerprint()
    (tmp_path / "a.txt").write_text("Hello.", encoding="utf-8")
    assert block.fingerprint() != before
