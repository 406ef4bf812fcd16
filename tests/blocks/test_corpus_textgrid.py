"""TextGrids beside recordings: what an aligner found goes to files that Praat opens, and comes back as it was."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from blocks.annotation.schema import Aligned
from blocks.annotation.textgrid import TextGrid
from blocks.base import Failure
from blocks.common import textgrid
from blocks.common.textgrid import Interval
from blocks.corpus.schema import Timed
from blocks.corpus.textgrid import Config, TextGrids
from blocks.spec import AudioSpec
from tests.regressions.write_artifacts import HERE, wave
from tests.runner.report_run import run

pytest.importorskip("torch")

MFA = {
    "words": [(0.3, ""), (0.8, "hello"), (0.9, ""), (1.5, "world")],
    "phones": [(0.3, ""), (0.4, "HH"), (0.5, "AH0"), (0.65, "L"), (0.8, "OW1"), (0.9, "sp"), (1.2, "W"), (1.3, "ER1"), (1.4, "L"), (1.5, "D")],
}  # fmt: skip


def tiers(**changes) -> textgrid.Tiers:
    made = {}
    for name, ends in {**MFA, **changes}.items():
        starts = [0.0, *(end for end, _ in ends[:-1])]
        made[name] = [Interval(start, end, label) for start, (end, label) in zip(starts, ends)]
    return made


@pytest.fixture
def corpus(tmp_path, spec):
    """A function that writes one recording of 1.5 s and its TextGrid, and reads both."""

    def read(found=None, seconds=1.5, **config):
        (tmp_path / "audio/ann").mkdir(parents=True, exist_ok=True)
        (tmp_path / "grids/ann").mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / "audio/ann/one.wav", wave(seconds, 1), 16000)
        textgrid.write(tmp_path / "grids/ann/one.TextGrid", found or tiers())
        config = {"path": str(tmp_path / "audio"), "grids": str(tmp_path / "grids"), "phone_set": "arpabet"} | config
        (row,) = TextGrids(Config(**config), spec).read()
        return row

    return read


# ---- the aligner of a user who has one ----


def test_what_a_forced_aligner_leaves_is_read(corpus, spec):
    row = corpus(speaker="ann", language="en-US")
    assert isinstance(row, Timed)
    assert (row.id, row.speaker, row.text, row.words) == ("ann/one", "ann", "hello world", ("hello", "world"))
    assert row.phones == ("sil", "h", "ə", "l", "ˈoʊ", "sil", "w", "ˈɚ", "l", "d")
    assert row.word_of_phone.tolist() == [-1, 0, 0, 0, 0, -1, 1, 1, 1, 1]
    assert row.durations.sum() == spec.frames(len(row.wave)) == 120
    assert row.durations.tolist() == [24, 8, 8, 12, 12, 8, 24, 8, 8, 8]


def test_a_grid_without_words_has_its_phones_for_a_text(corpus):
    row = corpus({"phones": tiers()["phones"]}, words=None)
    assert row.text == "[[h ə l ˈoʊ]] [[w ˈɚ l d]]"
    assert row.word_of_phone.tolist() == [-1, 0, 0, 0, 0, -1, 1, 1, 1, 1]


def test_phones_of_any_set_may_be_taken_as_they_are(corpus):
    assert corpus(phone_set="own").phones == ("sil", "HH", "AH0", "L", "OW1", "sil", "W", "ER1", "L", "D")


def test_tiers_that_nobody_asked_for_are_passed_over_and_named(corpus, tmp_path):
    assert corpus(tiers(tones=[(1.5, "H*")], joins=[(1.5, "")])).notes == ("not read: tiers 'tones', 'joins'",)
    assert corpus().notes == ()
    grid = tmp_path / "grids/ann/one.TextGrid"
    points = grid.read_text().replace("size = 2\n", "size = 3\n", 1) + (
        '    item [3]:\n        class = "TextTier"\n        name = "tones"\n        xmin = 0\n        xmax = 1.5\n'
        '        points: size = 1\n        points [1]:\n            number = 0.7\n            mark = "H*"\n'
    )
    grid.write_text(points)
    config = Config(path=str(tmp_path / "audio"), grids=str(tmp_path / "grids"), phone_set="arpabet")
    (row,) = TextGrids(config, AudioSpec()).read()
    assert (row.text, row.notes) == ("hello world", ("not read: tiers 'tones'",))


def test_grids_are_found_whatever_the_case_of_their_suffix_and_hidden_ones_are_not(corpus, tmp_path):
    corpus()
    (tmp_path / "grids/ann/one.TextGrid").rename(tmp_path / "grids/ann/one.TEXTGRID")
    (tmp_path / "audio/ann/one.wav").rename(tmp_path / "audio/ann/one.WAV")
    for folder in ("grids", "audio"):
        (tmp_path / folder / ".ipynb_checkpoints").mkdir()
    (tmp_path / "grids/.ipynb_checkpoints/one-checkpoint.TextGrid").write_text("")
    (tmp_path / "audio/.ipynb_checkpoints/one-checkpoint.wav").write_text("")
    config = Config(path=str(tmp_path / "audio"), grids=str(tmp_path / "grids"), phone_set="arpabet")
    (row,) = TextGrids(config, AudioSpec()).read()
    assert (row.id, row.text) == ("ann/one", "hello world")


MFA_IPA = {
    "en-US": [(0.3, ""), (0.4, "h"), (0.5, "ə"), (0.65, "ɫ"), (0.8, "ow"), (0.9, ""), (1.2, "w"), (1.3, "ɝ"), (1.4, "ɫ"), (1.5, "d")],
    "ru": [(0.3, ""), (0.4, "ɲ"), (0.5, "ɪ"), (0.65, "t̪s̪"), (0.8, "ɐ"), (0.9, ""), (1.2, "vʲː"), (1.3, "æ"), (1.4, "ɫ"), (1.5, "c")],
    "es-MX": [(0.3, ""), (0.4, "ɟʝ"), (0.5, "a"), (0.65, "t̪"), (0.8, "õ"), (0.9, ""), (1.2, "β"), (1.3, "e"), (1.4, "tʃ"), (1.5, "ç")],
}  # fmt: skip


@pytest.mark.parametrize(
    ("language", "want"),
    [
        ("en-US", "h ə l oʊ sil w ɚ l d"),
        ("ru", "nʲ i t͡s a sil vʲ a l kʲ"),
        ("es-MX", "ʝ a t o sil b e t͡ʃ x"),
    ],
)
def test_the_ipa_of_mfas_own_dictionaries_is_read_as_ours(corpus, language, want):
    row = corpus(tiers(phones=MFA_IPA[language]), phone_set="mfa", language=language)
    assert " ".join(row.phones) == f"sil {want}"


@pytest.mark.parametrize("phone_set", ["ipa", "arpabet", "mfa", "own"])
def test_a_word_that_mfa_did_not_know_is_told_as_such(corpus, phone_set):
    grid = tiers(words=[(0.3, ""), (1.5, "<unk>")], phones=[(0.3, ""), (1.5, "spn")])
    assert corpus(grid, phone_set=phone_set).reason == (
        "at 0.3 s the aligner met a word that its dictionary lacks (<unk>) and marked it spn: add the word to the "
        "dictionary, and align again"
    )


@pytest.mark.parametrize(
    ("changes", "config", "message"),
    [
        ({}, {"phone_set": "mfa"}, r"'HH' at 0\.3 s is no phone of MFA's in und"),
        ({}, {"phone_set": "ipa"}, r"at 0\.3 s: 'HH' is not in the inventory of phones.*phone_set: mfa reads .*own takes any label"),
        ({"phones": [(1.5, "ʒ")]}, {}, "'ʒ' at 0 s is no ARPAbet; want such as AH0"),
        ({}, {"words": "ann - words"}, "no tier 'ann - words' in the TextGrid; there is 'words', 'phones'"),
        ({}, {"seconds": 1.7}, "the tier ends at 1.500 s, the recording at 1.700 s"),
        ({"words": [(0.35, ""), (0.8, "hello"), (1.5, "world")]}, {}, "the word '' has an edge at 0.35 s, where no phone"),
        ({"words": [(0.3, ""), (0.8, "hello"), (1.5, "")]}, {}, "the phone 'w' at 0.9 s is in no word"),
        ({"words": [(0.3, "well"), (0.8, "hello"), (0.9, ""), (1.5, "world")]}, {}, "the word 'well' has no phone but"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_fails_with_its_reason(corpus, changes, config, message):
    row = corpus(tiers(**changes), **config)
    assert isinstance(row, Failure)
    assert row.id == "ann/one"
    with pytest.raises(ValueError, match=message):
        raise ValueError(row.reason)


def test_a_recording_without_its_grid_fails_and_a_changed_grid_is_noticed(corpus, tmp_path, spec):
    corpus()
    block = TextGrids(Config(path=str(tmp_path / "audio"), grids=str(tmp_path / "grids")), spec)
    before = block.fingerprint()
    textgrid.write(tmp_path / "grids/ann/one.TextGrid", {"words": tiers()["words"]})
    assert block.fingerprint() != before
    (tmp_path / "grids/ann/one.TextGrid").unlink()
    (row,) = block.read()
    assert row.reason.startswith("no TextGrid for this recording: want ")
    assert row.reason.endswith("one.TextGrid")


# ---- our own, there and back ----


def test_phones_without_a_frame_cannot_be_written(spec):
    (failed,) = TextGrid(TextGrid.tiny, spec).apply([Aligned(phones=("a", "b"), durations=np.array([3, 0], np.int32))])
    assert "'b' from 0.0375 to 0.0375 s is empty; want a frame at least for every phone" in failed.reason
    with pytest.raises(ValueError, match="1 durations for 2 phones"):
        Aligned(phones=("a", "b"), durations=np.array([3], np.int32))
    with pytest.raises(ValueError, match="wire both or neither"):
        Aligned(phones=("a",), durations=np.array([3], np.int32), words=("a",))


TEXTS = {"one": "hello world", "two": "who is there", "three": "go on"}
ALIGNED = """
spec: {{n_mels: 12}}
nodes:
  speech: {{read: corpus.ljspeech, config: {{path: corpus, prefix: "", language: en}}}}
  spoken: {{map: text.phones, in: {{text: speech.text, language: speech.language}}}}
  mel: {{map: features.log_mel, in: {{wave: speech.wave}}}}
  aligner: {{load: {aligner}, as: aligner.monotonic}}
  alignment: {{map: aligner.monotonic, model: aligner, in: {{phones: spoken.phones, log_mel: mel.log_mel}}, config: {{max_phone_seconds: 9, max_silence: 1, max_squeezed: 1}}}}
  grid: {{map: annotation.textgrid, in: {{phones: spoken.phones, durations: alignment.durations, words: spoken.words, word_of_phone: spoken.word_of_phone}}}}
  both: {{pick: {{wave: speech.wave, textgrid: grid.textgrid, text: speech.text}}}}
"""
AGAIN = """
spec: {n_mels: 12}
nodes:
  speech: {read: corpus.textgrid, config: {path: files, language: en}}
"""


def test_an_alignment_is_written_for_praat_and_read_back(tmp_path, monkeypatch):
    """A trained aligner, the command line, and the files in between."""
    from runner.cli import app

    monkeypatch.chdir(tmp_path)
    Path("corpus/wavs").mkdir(parents=True)
    for n, name in enumerate(TEXTS):
        soundfile.write(f"corpus/wavs/{name}.wav", wave(1.0 + 0.2 * n, n), 16000)
    Path("corpus/metadata.csv").write_text("".join(f"{name}|{text}\n" for name, text in TEXTS.items()))
    store, record = run(tmp_path, ALIGNED.format(aligner=HERE / "1" / "aligner"))
    assert record["error"] is None
    app(["run", "tones.yaml", "--store", "store", "--until", "both", "--out", "files"], standalone_mode=False)

    found = list(csv.DictReader(Path("files/metadata.csv").read_text("utf-8").splitlines()))
    assert [row["file"] for row in found] == [f"{name}.wav" for name in TEXTS]
    assert found[0].keys() == {"id", "file", "text"}
    assert Path("files/one.TextGrid").read_text().startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n')
    made = {name: store.find_table(node["digest"]) for name, node in record["nodes"].items() if node["fields"]}
    _, again = run(tmp_path, AGAIN)
    assert again["error"] is None, json.dumps(again["nodes"])
    back = store.find_table(again["nodes"]["speech"]["digest"])
    assert sorted(back.ids) == sorted(TEXTS)
    for id in back.ids:
        row, spoken = back.get(id), made["spoken"].get(id)
        assert row["text"] == TEXTS[id]
        assert (row["phones"], row["words"]) == (spoken["phones"], spoken["words"])
        np.testing.assert_array_equal(row["word_of_phone"], spoken["word_of_phone"])
        np.testing.assert_array_equal(row["durations"], made["alignment"].get(id)["durations"])
        np.testing.assert_allclose(row["wave"], made["speech"].get(id)["wave"], atol=2**-14)


@pytest.mark.slow
def test_the_labels_of_a_real_corpus_survive_the_way(tmp_path, spec):
    """Forty recordings of festvox-ru with the phones that came with them."""
    from itertools import islice

    from blocks.corpus.festvox import Festvox

    corpus = Festvox(Festvox.tiny, spec)
    corpus.fetch()
    rows = [row for row in islice(corpus.read(), 60) if not isinstance(row, Failure)][:40]
    whole = [row for row in rows if row.durations.min() > 0]
    assert len(whole) > 30
    made = TextGrid(TextGrid.tiny, spec).apply([Aligned(phones=row.phones, durations=row.durations) for row in whole])
    for row, grid in zip(whole, made):
        name = row.id.rsplit("/")[-1]
        soundfile.write(tmp_path / f"{name}.wav", row.wave, 16000, subtype="PCM_16")
        (tmp_path / f"{name}.TextGrid").write_text(grid.textgrid, encoding="utf-8")
    back = {row.id: row for row in TextGrids(Config(path=str(tmp_path), words=None), spec).read()}
    for row in whole:
        found = back[row.id.rsplit("/")[-1]]
        assert found.phones == row.phones
        np.testing.assert_array_equal(found.durations, row.durations)
