"""What rows were made from, at any depth, and what becomes of scores where a model was trained on it."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from runner.run.summary import print_results
from runner.work.ancestry import TRAINED_ON, Ancestry, TrainedOn
from tests.runner.report_run import run

pytest.importorskip("torch")

DEEP = """
max_failed: 0.5
nodes:
  tone: {read: toy.tones, config: {count: 9, RESERVED}}
  pair: {expand: toy.mixes, in: {wave: tone.wave, split: tone.split}}
  soft: {map: toy.gain, in: {wave: pair.wave}}
  four: {expand: toy.mixes, in: {wave: soft.wave, split: pair.split}}
  loud: {map: toy.gain, in: {wave: four.wave}, config: {gain: 1.5}}
  some: {pick: {wave: loud.wave, split: four.split}}
"""
TRAINED = """
nodes:
  tone: {read: toy.tones, config: {count: 12}}
  model: {fit: toy.tuned, in: {wave: tone.wave, split: tone.split}, config: {max_frames: 9000, max_steps: 2}}
  out: {map: toy.tuned, model: model, in: {wave: tone.wave}}
  level: {map: toy.level, in: {wave: out.wave}}
  scores: {reduce: metric.table, in: {scores: {it: {level: level.level}}}}
  again: {reduce: toy.mean, in: {level: level.level}}
"""


def test_a_row_knows_its_roots_through_every_verb(tmp_path):
    store, record = run(tmp_path, DEEP.replace("RESERVED", "reserved: []"))
    ancestry = Ancestry(store, [record["nodes"]["some"]["digest"]])
    first = store.find_table(record["nodes"]["some"]["digest"]).ids[0]
    assert first == "tone0000+tone0001+tone0001+tone0002"
    assert ancestry.roots([first]) == {"tone0000", "tone0001", "tone0002"}
    assert ancestry.roots(["tone0005"]) == {"tone0005"}
    assert len(ancestry.values("speaker", first)) == 4


def test_relatives_across_train_and_dev_are_refused_at_any_depth(tmp_path):
    fit = "  model: {fit: toy.tuned, in: {wave: some.wave, split: some.split}, config: {max_frames: 9000}}\n"
    _, record = run(tmp_path, DEEP.replace("RESERVED", "reserved: []") + fit)
    assert "dev rows and train rows were made from the same recordings (tone000" in record["error"]


def test_what_was_made_of_reserved_rows_is_reserved(tmp_path):
    fit = "  model: {fit: toy.tuned, in: {wave: some.wave, split: own.split}, config: {max_frames: 9000}}\n"
    text = DEEP.replace("RESERVED", "reserved: [3]")
    own = "  own: {pick: {split: four.split}, where: {four.split: train}}\n"
    _, record = run(tmp_path, text + own + fit)
    assert "rows were made from reserved ones (tone0003), which are for outside evaluation only" in record["error"]


def test_scores_of_rows_that_were_trained_on_are_marked(tmp_path):
    store, record = run(tmp_path, TRAINED)
    assert record["error"] is None
    marked = {name: node["seen_in_training"] for name, node in record["nodes"].items() if node["seen_in_training"]}
    assert marked == {"scores": {"model": 9}}, "three of twelve are dev"
    said = io.StringIO()
    print_results(Console(file=said, width=120), record["results"], record["nodes"])
    assert "scores: 9 of these rows come from what model was trained on" in said.getvalue()
    _, again = run(tmp_path, TRAINED)
    assert again["nodes"]["scores"]["state"] == "cached"
    assert again["nodes"]["scores"]["seen_in_training"] == {"model": 9}
    folder = Path(store.find_artifact(record["nodes"]["model"]["digest"]))
    assert TrainedOn.read(folder).among(["tone0000", "tone0001"]) == {"tone0001"}


def test_a_loaded_model_tells_what_it_heard_and_a_tuned_one_all_of_it(tmp_path):
    store, record = run(tmp_path, TRAINED)
    folder = store.find_artifact(record["nodes"]["model"]["digest"])
    lines = TRAINED.splitlines()
    fit = next(line for line in lines if "fit:" in line)
    loaded = TRAINED.replace(fit, f"  model: {{load: {folder}, as: toy.tuned}}")
    assert run(tmp_path, loaded)[1]["nodes"]["scores"]["seen_in_training"] == {"model": 9}
    other = (
        f"  first: {{load: {folder}, as: toy.tuned}}\n  more: {{read: toy.tones, config: {{count: 3, prefix: more}}}}\n"
        "  model: {fit: toy.tuned, init: first, in: {wave: more.wave}, config: {max_frames: 9000, max_steps: 2}}"
    )
    assert run(tmp_path, TRAINED.replace(fit, other))[1]["nodes"]["scores"]["seen_in_training"] == {"model": 9}
    (Path(folder) / TRAINED_ON).unlink()
    assert TrainedOn.read(folder) is None, "as of those that were made before"


def test_dev_rows_that_were_trained_on_are_not_scored(tmp_path):
    _, record = run(tmp_path, TRAINED.replace("in: {wave: tone.wave, split: tone.split}", "in: {wave: tone.wave}"))
    assert (
        "scores: 3 of 12 rows are dev, but model was trained on what they were made from (tone0000," in record["error"]
    )


def test_a_descendant_of_what_was_trained_on_counts_as_it(tmp_path):
    made = TRAINED.replace("in: {wave: tone.wave}}", "in: {wave: pair.wave}}", 1).replace(
        "  out:", "  pair: {expand: toy.pairs, in: {wave: tone.wave}, where: {tone.split: train}}\n  out:"
    )
    _, record = run(tmp_path, made)
    assert record["error"] is None
    assert record["nodes"]["scores"]["seen_in_training"] == {"model": 8}
    mixed = made.replace(
        "toy.pairs, in: {wave: tone.wave}, where: {tone.split: train}",
        "toy.mixes, in: {wave: tone.wave, split: tone.split}",
    )
    _, record = run(tmp_path, mixed)
    assert "scores: 3 of 11 rows are dev, but model was trained on what they were made from" in record["error"]


def test_dev_rows_that_a_first_model_was_trained_on_are_refused(tmp_path):
    store, record = run(tmp_path, TRAINED.replace("in: {wave: tone.wave, split: tone.split}", "in: {wave: tone.wave}"))
    folder = store.find_artifact(record["nodes"]["model"]["digest"])
    more = f"  first: {{load: {folder}, as: toy.tuned}}\n  model: {{init: first, fit"
    _, record = run(tmp_path, TRAINED.replace("  model: {fit", more))
    assert "what first was trained on is dev here (tone0000, tone0004, tone0008)" in record["error"]
