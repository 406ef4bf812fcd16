"""Learning curves in a report: from the log of a training, from a loaded artifact, and of one that was cut off."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from runner.fit.events import curves
from runner.report import pictures, write_report
from runner.report.training import _collapsed, trainings
from tests.runner.report_run import Page, run_loaded, run_training

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return run_training(tmp_path_factory.mktemp("trained"))


def artifact(store, record) -> Path:
    return Path(store.find_artifact(record["nodes"]["model"]["digest"]))


def points(path: str) -> np.ndarray:
    return np.array([list(map(float, pair.split())) for pair in re.split("[ML]", path)[1:]])


def test_the_curves_are_those_of_the_log(trained):
    store, record = trained
    (found,) = trainings(store, record)
    (loss,) = found.charts
    lines = curves(store.files, f"fits/{record['nodes']['model']['digest']}")
    train = [line["train/loss"] for line in lines if "train/loss" in line]
    val = [line["val/loss"] for line in lines if "val/loss" in line]
    assert [line.kind for line in loss.lines] == ["train", "val"]
    assert [line.last for line in loss.lines] == [train[-1], val[-1]]
    drawn = points(loss.lines[1].path)
    np.testing.assert_allclose(drawn[:, 0], 1000 * np.arange(10, 61, 10) / 60, atol=0.06)
    assert np.corrcoef(drawn[:, 1], val)[0, 1] < -0.999, "a higher loss stands higher up, where y is less"
    assert len(points(loss.lines[0].path)) == 60


def test_the_best_step_and_the_data_are_told(trained):
    store, record = trained
    (found,) = trainings(store, record)
    metrics = json.loads((artifact(store, record) / "metrics.json").read_text())
    assert found.charts[0].best == pytest.approx(100 * metrics["best"]["step"] / 60, abs=0.01)
    assert found.charts[0].best_value == metrics["best"]["score"]
    assert found.facts["best"].endswith(f"at step {metrics['best']['step']}")
    assert (found.facts["trained on"], found.facts["validated on"]) == ("9 items", "3 items")


def test_last_weights_are_not_called_the_best(trained, tmp_path):
    folder = tmp_path / "shipped"
    shutil.copytree(artifact(*trained), folder)
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps(metrics | {"weights": "last"}))
    (found,) = trainings(*run_loaded(tmp_path, folder))
    assert found.facts["best"].endswith("but the weights are the last")


def test_a_loaded_artifact_brings_its_curves(trained, tmp_path):
    folder = tmp_path / "shipped"
    shutil.copytree(artifact(*trained), folder)
    store, record = run_loaded(tmp_path, folder)
    assert record["error"] is None
    assert record["nodes"]["model"]["verb"] == "load"
    (ours,), (theirs,) = trainings(store, record), trainings(*trained)
    assert ours.charts == theirs.charts
    shutil.rmtree(folder)
    assert trainings(store, record) == [], "an artifact that is gone leaves no chart, and no error"


def test_a_training_that_was_cut_off_shows_what_it_reached(tmp_path):
    store, record = run_training(tmp_path, ("model.break_at=33",))
    assert "step 33" in record["error"]
    (found,) = trainings(store, record)
    assert found.facts["steps"] == "30"
    page = Page(write_report(store, record, tmp_path / "r.html").read_text("utf-8"))
    assert "loss train" in " ".join(page.texts["chart"][0].split())


def test_a_graph_without_training_has_no_such_part(tmp_path):
    from tests.runner.report_run import run

    store, record = run(tmp_path, "nodes:\n  tone: {read: toy.tones, config: {count: 3}}\n")
    assert trainings(store, record) == []
    assert "Training" not in write_report(store, record, tmp_path / "r.html").read_text("utf-8")


def test_round_ticks_lie_inside_and_are_round():
    assert pictures.round_ticks(0, 60, 5) == [(0.0, "0"), (33.33, "20"), (66.67, "40"), (100.0, "60")]
    assert [label for _, label in pictures.round_ticks(-0.7, 1.4, 3)] == ["0", "1"]
    assert [label for _, label in pictures.round_ticks(-3.1, -1.9, 3)] == [
        "\N{MINUS SIGN}3",
        "\N{MINUS SIGN}2.5",
        "\N{MINUS SIGN}2",
    ]
    assert pictures.round_ticks(0, 20000, 5)[-1] == (100.0, "20k")
    for low, high in ((0, 1e-5), (3.0, 3.001), (-1e4, 2e6), (1, 4)):
        ticks = pictures.round_ticks(low, high, 3)
        assert 1 <= len(ticks) <= 4
        assert all(0 <= at <= 100 for at, _ in ticks)


def test_a_latent_that_says_nothing_raises_an_alarm():
    series = {
        "loss": {"val": [(1, 0.001)]},
        "kl_00": {"val": [(1, 3.0), (9, 0.002)]},
        "kl_01": {"val": [(9, 2.0)]},
        "loss_kl_style": {"train": [(9, 0.8)]},
    }
    assert _collapsed(series) == {"collapsed": "kl_00, 1 of 3 below 0.01 nats"}
    assert _collapsed({"loss_kl": {"val": [(9, 0.004)]}}) == {}
