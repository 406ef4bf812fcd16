"""Training as a node: what is made, exact resume after a kill, and every way it may have to stop."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from runner.check import check, read_graph
from runner.fit.events import curves
from runner.graph import GraphError
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.work.executor import Observer
from tests.environment import ROOT, TOYS

pytest.importorskip("torch")

GRAPH = """
nodes:
  tone: {read: toy.tones, config: {count: 12}}
  model:
    fit: toy.tuned
    in: {wave: tone.wave, split: tone.split}
    config: {max_steps: 20, max_frames: 5000, checkpoint_interval: 5, val_check_interval: 10}
  out: {map: toy.tuned, model: model, in: {wave: tone.wave}}
  level: {map: toy.level, in: {wave: out.wave}}
  mean: {reduce: toy.mean, in: {level: level.level}}
"""


@pytest.fixture
def go(tmp_path):
    def _go(text=GRAPH, store="store", sets=()):
        path = tmp_path / "graph.yaml"
        path.write_text(text)
        opened = Store(tmp_path / store)
        plan = make_plan(check(read_graph(path, sets=sets)), opened)
        outcome = LocalExecutor().run(plan, opened, Observer())
        return plan, opened, outcome

    return _go


def weights(plan, store):
    return load_file(f"{store.find_artifact(plan.steps['model'].digest)}/model.safetensors")


def lines_of(plan, store):
    return curves(store.files, f"fits/{plan.steps['model'].digest}")


def test_a_fit_makes_an_artifact_that_a_map_uses(go):
    plan, store, outcome = go()
    assert outcome.error is None
    assert outcome.nodes["model"].state == "ran"
    assert abs(outcome.results["mean"]["level"] - 0.5) < 0.15, "it was 0.7 before the training"
    folder = Path(store.find_artifact(plan.steps["model"].digest))
    facts = json.loads((folder / "metrics.json").read_text())
    assert facts["steps"] == 20
    assert (facts["items"], facts["dev_items"]) == (9, 3)
    assert facts["best"]["score"] < 0.05
    card = (folder / "README.md").read_text()
    assert "Licences of all it was made from: CC0-1.0" in card
    assert json.loads((folder / "artifact.json").read_text())["block"] == "toy.tuned"
    _, _, again = go()
    assert {node.state for node in again.nodes.values()} == {"cached"}


def test_two_runs_give_the_same_bits(go):
    first, second = go(store="a"), go(store="b")
    for name, value in weights(*first[:2]).items():
        np.testing.assert_array_equal(value, weights(*second[:2])[name])


def test_the_curves_hold_every_step_and_validation(go):
    plan, store, _ = go()
    lines = lines_of(plan, store)
    assert [line["step"] for line in lines if "train/loss" in line] == list(range(1, 21))
    assert [line["step"] for line in lines if "val/loss" in line] == [10, 20]


def test_last_and_best_checkpoints_are_kept(go):
    plan, store, _ = go(sets=["model.checkpoint_interval=2", "model.max_steps=19"])
    kept = [
        info.base_name for info in store.files.listed(f"fits/{plan.steps['model'].digest}") if "step-" in info.base_name
    ]
    assert kept[-1] == "step-00000019"
    assert len(kept) <= 3


def test_the_weights_are_the_best_or_the_last_as_asked(go):
    diverging = ["model.lr=0.9", "model.val_check_interval=1"]
    found = {}
    for which in ("best", "last"):
        plan, store, outcome = go(sets=[*diverging, f"model.weights={which}"])
        assert outcome.error is None
        folder = Path(store.find_artifact(plan.steps["model"].digest))
        found[which] = weights(plan, store)["weight"], json.loads((folder / "metrics.json").read_text())["best"]["step"]
        card = (folder / "README.md").read_text()
        assert ("the weights are the last" in card) == (which == "last")
    assert found["best"][1] == found["last"][1] < 20, "the best step is not the last one"
    assert found["best"][0] != found["last"][0]


def test_a_training_whose_batches_would_be_others_does_not_go_on_in_silence(go, monkeypatch):
    broken = GRAPH.replace("max_steps: 20", "max_steps: 20, break_at: 12")
    plan, store, outcome = go(broken)
    assert "step 12: the loss is nan" in str(outcome.error)
    from runner.plan import code

    monkeypatch.setattr("runner.fit.local_run.code_digest", lambda module: code.code_digest(module)[::-1])
    folder = store.files.at(f"fits/{plan.steps['model'].digest}")
    for _ in range(2):
        message = str(go(broken)[2].error)
        assert (
            "the checkpoint of step 10 was made by a version of voxblocks that puts batches together otherwise"
            in message
        )
        assert f"delete {folder} to train anew" in message
    store.files.delete_folder(f"fits/{plan.steps['model'].digest}")
    assert "step 12: the loss is nan" in str(go(broken)[2].error)


SLOW = GRAPH.replace("max_steps: 20", "max_steps: 60, pause_s: 0.02, balance: 0.5, accumulate: 2").replace(
    "split: tone.split", "split: tone.split, speaker: tone.speaker"
)


KILLS = [("tuned", signal.SIGKILL), ("tuned", signal.SIGINT), ("leveled", signal.SIGKILL), ("leveled", signal.SIGTERM)]


@pytest.mark.parametrize(("block", "kill"), KILLS)
def test_killed_at_a_random_step_and_resumed_equals_the_unbroken_run(go, tmp_path, block, kill):
    text = SLOW.replace("toy.tuned", f"toy.{block}")
    plan, whole, outcome = go(text, store="whole")
    assert outcome.error is None
    digest = plan.steps["model"].digest
    command = [sys.executable, "-m", "runner", "run", str(tmp_path / "graph.yaml"), "--store", str(tmp_path / "broken")]
    child = subprocess.Popen(command, cwd=ROOT, env=TOYS, stderr=subprocess.PIPE, text=True)
    steps = tmp_path / "broken" / "fits" / digest
    while not len(list(steps.glob("step-*/state.json"))) > 1:
        assert child.poll() is None, child.stderr.read()
        time.sleep(0.01)
    child.send_signal(kill)
    _, said = child.communicate(timeout=60)
    assert child.returncode == (-9 if kill == signal.SIGKILL else 130), said
    assert "Traceback" not in said
    resumed = subprocess.run(command, cwd=ROOT, env=TOYS, capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr
    broken = Store(tmp_path / "broken")
    for name, value in weights(plan, whole).items():
        np.testing.assert_array_equal(value, weights(plan, broken)[name])
    folder = f"fits/{digest}"
    assert curves(broken.files, folder) == curves(whole.files, folder)


@pytest.mark.parametrize("block", ["tuned", "leveled"])
def test_a_batch_in_parts_equals_the_whole(go, block):
    text = GRAPH.replace("toy.tuned", f"toy.{block}")
    sets = ["model.noise=0"] if block == "tuned" else []
    whole, parts = (go(text, str(n), [*sets, f"model.accumulate={n}"]) for n in (1, 3))
    for name, value in weights(*whole[:2]).items():
        np.testing.assert_allclose(weights(*parts[:2])[name], value, atol=1e-6)
    losses = [[line["train/loss"] for line in lines_of(*made[:2]) if "train/loss" in line] for made in (whole, parts)]
    np.testing.assert_allclose(*losses, atol=1e-6)


def test_half_precision_is_for_activations_alone(go):
    exact, half = (go(store=kind, sets=[f"model.precision={kind}"]) for kind in ("float32", "bfloat16"))
    assert half[2].error is None
    kept = weights(*half[:2])
    assert {value.dtype for value in kept.values()} == {np.dtype("float32")}
    for name, value in weights(*exact[:2]).items():
        np.testing.assert_allclose(kept[name], value, atol=0.02)
        assert not np.array_equal(kept[name], value)


def test_a_block_that_does_not_offer_half_precision_refuses_it(go):
    with pytest.raises(GraphError, match=r"precision.*float32"):
        go(GRAPH.replace("toy.tuned", "toy.leveled"), sets=["model.precision=bfloat16"])


def test_a_nan_stops_with_step_items_and_the_last_good_checkpoint(go):
    _, _, outcome = go(sets=["model.break_at=13"])
    assert "step 13: the loss is nan on tone00" in str(outcome.error)
    assert "the last good checkpoint is of step 10" in str(outcome.error)


def test_a_nan_may_be_skipped(go):
    plan, store, outcome = go(sets=["model.break_at=13", "model.nan=skip"])
    assert outcome.error is None
    lines = lines_of(plan, store)
    assert [line["step"] for line in lines if line.get("train/skipped")] == [13]


def test_early_stop(go):
    plan, store, outcome = go(sets=["model.max_steps=200", "model.patience=2", "model.lr=1e-7"])
    assert outcome.error is None
    lines = lines_of(plan, store)
    assert max(line["step"] for line in lines) < 200


def test_init_starts_from_another_artifact(go):
    text = (
        GRAPH
        + """
  tuned:
    fit: toy.tuned
    init: model
    in: {wave: tone.wave, split: tone.split}
    config: {max_steps: 1, max_frames: 5000, lr: 1e-9, momentum: 0}
"""
    )
    plan, store, outcome = go(text)
    assert outcome.error is None
    tuned = load_file(f"{store.find_artifact(plan.steps['tuned'].digest)}/model.safetensors")
    np.testing.assert_allclose(tuned["weight"], weights(plan, store)["weight"], rtol=1e-6)


def test_a_full_disk_leaves_the_older_checkpoint(go, monkeypatch):
    from runner.fit.checkpoints import Checkpoints

    save = Checkpoints.save

    def full(self, step, parts, facts):
        if step == 10:
            raise OSError(28, "No space left on device")
        save(self, step, parts, facts)

    monkeypatch.setattr(Checkpoints, "save", full)
    _, _, outcome = go()
    assert "step 10: the checkpoint could not be written" in str(outcome.error)
    assert "that of step 5 is intact" in str(outcome.error)
    monkeypatch.undo()
    _, _, outcome = go()
    assert outcome.error is None


def test_reserved_rows_may_not_be_trained_on(go):
    _, _, outcome = go(sets=["tone.reserved=[3]"])
    assert "tone0003 is reserved: such rows are for outside evaluation only" in str(outcome.error)


def test_dev_rows_made_from_train_rows_are_refused(go):
    text = """
nodes:
  tone: {read: toy.tones, config: {count: 6}}
  pair: {expand: toy.mixes, in: {wave: tone.wave, split: tone.split}}
  model: {fit: toy.tuned, in: {wave: pair.wave, split: pair.split}, config: {max_frames: 9000}}
"""
    _, _, outcome = go(text)
    assert "were made from the same recordings (tone000" in str(outcome.error)


def test_an_item_longer_than_the_budget_is_named(go):
    _, _, outcome = go(sets=["model.max_frames=1000"])
    assert "tone0001 is 1600 frames long, but max_frames is 1000" in str(outcome.error)
