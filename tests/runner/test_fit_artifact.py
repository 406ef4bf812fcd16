"""What a training publishes: whom a model was trained on, where it comes from, how it is used, and weights that load again."""

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from blocks.base import ports
from blocks.load import ARTIFACT, find, restore
from blocks.spec import AudioSpec, preset
from runner.fit.card import card
from runner.fit.data import trained_on
from runner.fit.events import thinned
from runner.work.ancestry import Ancestry
from tests.runner.report_run import run, run_loaded, run_training, write_corpus

pytest.importorskip("torch")

VOICES = """
spec: {{n_mels: 12}}
max_failed: 0.5
nodes:
  one: {{read: corpus.ljspeech, config: {{path: {root}, prefix: a/, language: en, speaker: ann, licence: CC0-1.0, splits: [train, dev]}}}}
  two: {{read: corpus.ljspeech, config: {{path: {root}, prefix: b/, language: es, speaker: bo, licence: MIT, splits: [train, dev]}}}}
  three: {{read: corpus.ljspeech, config: {{path: {root}, prefix: c/, language: en, speaker: bo, licence: MIT, splits: [train, dev]}}}}
  both: {{union: [one, two, three]}}
  clip: {{pick: {{wave: both.wave, split: both.split}}, where: {{both.seconds: {{max: 2.0}}}}}}
  soft: {{map: toy.gain, in: {{wave: clip.wave}}}}
  model: {{fit: toy.tuned, in: {{wave: soft.wave, split: clip.split}}, config: {{max_frames: 90000, max_steps: 4}}}}
"""


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    folder = tmp_path_factory.mktemp("voices")
    store, record = run(
        folder, VOICES.format(root=write_corpus(folder / "corpus", {f"n{n}": f"said {n}" for n in (7, *range(7))}))
    )
    assert record["error"] is None
    return store, record, Path(store.find_artifact(record["nodes"]["model"]["digest"]))


def test_whom_it_was_trained_on_is_counted_from_the_rows(voices):
    store, record, folder = voices
    found = json.loads((folder / "artifact.json").read_text())["lineage"]["trained_on"]
    table = store.find_table(record["nodes"]["both"]["digest"])
    clip = store.find_table(record["nodes"]["clip"]["digest"])
    rows = [table.get(id, ("split", "speaker", "language", "seconds")) for id in clip.ids]
    train = [row for row in rows if row["split"] == "train"]
    assert len(train) < len(rows) < len(table), "some are dev, and some too long"
    assert (found["rows"], found["dev_rows"]) == (len(train), len(rows) - len(train))
    assert found["hours"] == pytest.approx(sum(row["seconds"] for row in train) / 3600, abs=5e-4)
    assert found["speakers"] == {name: sum(row["speaker"] == name for row in train) for name in ("ann", "bo")}
    assert found["languages"].keys() == {"en", "es"}
    pairs = Counter((row["speaker"], row["language"]) for row in train)
    spoken = found["speaker_languages"]
    assert {(name, tag): rows for name, tags in spoken.items() for tag, rows in tags.items()} == pairs
    assert spoken.keys() == {"ann", "bo"}
    assert list(spoken["bo"].values()) == sorted(spoken["bo"].values(), reverse=True)
    assert len(spoken["bo"]) == 2
    assert found["licences"] == {"CC0-1.0": found["speakers"]["ann"], "MIT": found["speakers"]["bo"]}


def test_where_it_comes_from_is_told_without_paths_of_this_machine(voices):
    about = json.loads((voices[2] / "artifact.json").read_text())
    made = {node["node"]: node for node in about["lineage"]["made_by"]}
    assert made.keys() == {"soft", "one", "two", "three"}, "what has a block"
    assert made["one"]["config"]["speaker"] == "ann"
    assert made["one"]["data"]
    assert str(voices[2].parents[2]) not in (voices[2] / "artifact.json").read_text()
    assert about["licences"] == ["CC0-1.0", "MIT"]


def test_what_a_model_makes_is_made_of_what_it_was_trained_on(voices, tmp_path):
    graph = """
nodes:
  tone: {{read: toy.tones, config: {{count: 2}}}}
  model: {{load: {folder}, as: toy.tuned}}
  scaled: {{map: toy.tuned, model: model, in: {{wave: tone.wave}}}}
"""
    store, record = run(tmp_path, graph.format(folder=voices[2]).replace("nodes:", "spec: {n_mels: 12}\nnodes:"))
    assert record["error"] is None
    made = store.find_table(record["nodes"]["scaled"]["digest"])
    assert made.manifest["meta"]["licences"] == ["CC0-1.0", "MIT"]


def test_rows_made_from_others_count_for_their_parents(tmp_path):
    graph = """
nodes:
  tone: {read: toy.tones, config: {count: 6}}
  pair: {expand: toy.mixes, in: {wave: tone.wave, split: tone.split}}
"""
    store, record = run(tmp_path, graph)
    digest = record["nodes"]["pair"]["digest"]
    ids = store.find_table(digest).ids
    found = trained_on(Ancestry(store, [digest]), ids, [])
    assert found == {"rows": 5, "dev_rows": 0, "speakers": {"even": 5, "odd": 5}}, "each pair is one of both"


def test_the_card_says_how_it_is_used_and_the_lines_work(voices, tmp_path):
    import yaml

    text = (voices[2] / "README.md").read_text()
    block = text.partition("```yaml\n")[2].partition("```")[0]
    lines = yaml.safe_load(block.replace("PATH/OF/THIS/FOLDER", str(voices[2])).replace("NODE", "tone"))
    lines["nodes"] = {"tone": {"read": "toy.tones", "config": {"count": 3}}} | lines["nodes"]
    _, record = run(tmp_path, yaml.safe_dump(lines, sort_keys=False))
    assert record["error"] is None
    assert record["nodes"]["out"]["rows"] == 3
    code = text.partition("```python\n")[2].partition("```")[0].replace("PATH/OF/THIS/FOLDER", str(voices[2]))
    scope = {}
    exec(code, scope)
    assert scope["block"].spec == AudioSpec(n_mels=12)


def test_the_card_names_data_scores_and_limits(voices):
    text = (voices[2] / "README.md").read_text()
    metrics = json.loads((voices[2] / "metrics.json").read_text())
    rows = metrics["items"]
    assert f"- Rows: {rows} for training, {metrics['dev_items']} for validation" in text
    assert "- Speakers: 2: " in text
    assert "ann (" in text
    assert re.search("^- Languages of speakers: bo (en, es|es, en); ann en$", text, re.MULTILINE)
    assert "- Licences of all it was made from: CC0-1.0, MIT" in text
    assert f"{metrics['best']['score']:.6g} at step {metrics['best']['step']}" in text
    assert "## Known limits\n- It knows one level for all waves.\n" in text
    assert "- It was trained on no other languages than " in text
    assert "- max_steps: 4" in text


def test_a_card_without_dev_rows_says_so():
    cls = find("toy.tuned")
    meta = {"config": {}, "spec": preset("hifigan_22k").model_dump(), "licences": [], "graph": "g", "seed": 0}
    text = card(
        "model", "toy.tuned", cls, meta, {"rows": 3, "dev_rows": 0}, [], {"best": None, "steps": 4, "curves": []}
    )
    assert "- It was not validated: there were no dev rows." in text
    assert "spec: hifigan_22k" in text
    assert "- Licences of all it was made from: none stated" in text
    assert "Best loss" not in text


def test_a_block_is_restored_with_settings_and_weights(tmp_path):
    store, record = run_training(tmp_path)
    folder = store.find_artifact(record["nodes"]["model"]["digest"])
    block = restore(folder)
    assert (block.config.max_steps, block.spec) == (60, AudioSpec())
    other, loaded = run_loaded(tmp_path, folder)
    wave, wanted = (
        other.find_table(loaded["nodes"][name]["digest"]).get("tone0001")["wave"] for name in ("tone", "out")
    )
    (made,) = block.apply([ports(type(block), "map").inputs(wave=wave)])
    np.testing.assert_array_equal(made.wave, wanted)


def test_what_cannot_be_restored_says_why(voices, tmp_path):
    folder = voices[2]
    assert restore(folder, AudioSpec(n_mels=12)).spec.n_mels == 12
    with pytest.raises(ValueError, match=r"made for another audio spec: n_mels 12, not 80; f_max 8000.0, not 7600.0"):
        restore(folder, AudioSpec(f_max=7600.0))
    with pytest.raises(ValueError, match=r"artifact\.json: want the artifact of a trained block"):
        restore(tmp_path)
    about = json.loads((folder / "artifact.json").read_text())
    for change, message in (
        ({"format": 9}, f"format 9, but this version reads 1 to {ARTIFACT}"),
        ({"block": "toy.tund"}, "did you mean 'toy.tuned'"),
        ({"config": {"lrr": 1}}, "lrr"),
    ):
        (tmp_path / "artifact.json").write_text(json.dumps(about | change))
        with pytest.raises(ValueError, match=message):
            restore(tmp_path)


def test_validations_are_not_lost_when_curves_are_thinned():
    lines = [{"step": step, "train/loss": 1.0} for step in range(1, 5001)]
    lines += [{"step": step, "val/loss": 2.0} for step in range(500, 5001, 500)]
    kept = thinned(sorted(lines, key=lambda line: line["step"]))
    assert sum("val/loss" in line for line in kept) == 10
    assert 400 < sum("train/loss" in line for line in kept) <= 501
    assert [line["step"] for line in kept] == sorted(line["step"] for line in kept)
    assert {"step": 5000, "train/loss": 1.0} in kept
