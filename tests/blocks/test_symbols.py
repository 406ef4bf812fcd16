"""Tables of symbols: rows that never move, kept beside weights, and refused where they are of other weights."""

import json

import pytest

from blocks.common import symbols
from blocks.common.symbols import Symbols


@pytest.fixture
def kept(tmp_path):
    about = symbols.write(tmp_path, phones=Symbols(["sil", "ʒ", "a"]), speakers=Symbols(["bo", "al"]))
    return tmp_path, about


def test_tables_come_back_in_the_order_asked_for(kept):
    folder, about = kept
    speakers, phones = symbols.read(folder, "speakers", "phones", about=about)
    assert (list(speakers), list(phones)) == (["bo", "al"], ["sil", "ʒ", "a"])
    assert json.loads((folder / "symbols.json").read_text("utf-8"))["tables"]["speakers"] == ["bo", "al"]


def test_a_row_keeps_its_place_when_training_goes_on(kept):
    folder, about = kept
    (speakers,) = symbols.read(folder, "speakers", about=about)
    before = {name: speakers.row(name) for name in speakers}
    speakers.extend(["aa", "al", "zz"])
    assert [speakers.row(name) for name in ("bo", "al", "aa", "zz", "nobody")] == [1, 2, 3, 4, 0]
    assert all(speakers.row(name) == row for name, row in before.items())


def test_weights_without_words_take_the_file_as_it_is(kept):
    (phones,) = symbols.read(kept[0], "phones", about={})
    assert list(phones) == ["sil", "ʒ", "a"]


def test_version_1_had_one_table_without_a_name(tmp_path):
    (tmp_path / "symbols.json").write_text('{"version": 1, "symbols": ["sil", "a"]}')
    (phones,) = symbols.read(tmp_path, "phones", about={})
    assert list(phones) == ["sil", "a"]
    with pytest.raises(ValueError, match="no table of phones, speakers; there is none"):
        symbols.read(tmp_path, "phones", "speakers", about={})


def other(folder, **changes):
    found = json.loads((folder / "symbols.json").read_text("utf-8"))
    found["tables"] |= changes
    (folder / "symbols.json").write_text(json.dumps(found))


def test_tables_of_other_weights_are_refused_with_the_difference(kept):
    folder, about = kept
    other(folder, phones=["sil", "a", "ʒ"])
    with pytest.raises(
        ValueError, match=r"not the phones that the weights.*row 2 is 'a', want 'ʒ'; row 3 is 'ʒ', want 'a'$"
    ):
        symbols.read(folder, "speakers", "phones", about=about)
    other(folder, phones=["sil", "ʒ", "a", *"bcdefgh"])
    with pytest.raises(ValueError, match=r"row 4 is 'b', want missing; .*; and 2 more"):
        symbols.read(folder, "phones", about=about)
    other(folder, phones=["sil", "ʒ"])
    with pytest.raises(ValueError, match="row 3 is missing, want 'a'"):
        symbols.read(folder, "phones", about=about)


def test_broken_tables_are_refused(kept):
    folder, about = kept
    with pytest.raises(ValueError, match="no table of styles; there is phones, speakers"):
        symbols.read(folder, "phones", "styles", about=about)
    other(folder, phones=["sil", "a", "a"])
    with pytest.raises(ValueError, match="a stands in the table of phones twice"):
        symbols.read(folder, "phones", about=about)
    (folder / "symbols.json").write_text('{"version": 9}')
    with pytest.raises(ValueError, match="format version 9, and only 1 to 2 are known"):
        symbols.read(folder, "phones", about=about)
    (folder / "symbols.json").unlink()
    with pytest.raises(ValueError, match=r"symbols\.json: want tables of symbols"):
        symbols.read(folder, "phones", about=about)
