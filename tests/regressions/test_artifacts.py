"""Artifacts of every format there was are loaded, and the blocks in them say what they said when they were written."""

import json
from pathlib import Path

import numpy as np
import pytest

from blocks.load import ARTIFACT, artifact_folder, find, restore
from runner.check import check, read_graph
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.store.artifact import read_artifact
from runner.work.ancestry import TrainedOn
from runner.work.executor import Observer
from tests.regressions.write_artifacts import HERE, answers, wave

pytest.importorskip("torch")

ROOT = Path(__file__).parents[2]
FORMATS = sorted(int(folder.name) for folder in HERE.iterdir())
GRAPH = """
spec: {{n_mels: 12}}
nodes:
  tone: {{read: toy.tones, config: {{count: 2}}}}
  model: {{load: {folder}, as: toy.tuned}}
  out: {{map: toy.tuned, model: model, in: {{wave: tone.wave}}}}
"""


def test_there_is_one_of_each_format():
    assert list(range(1, ARTIFACT + 1)) == FORMATS


@pytest.mark.parametrize("number", FORMATS)
def test_blocks_say_what_they_said(number):
    folder = HERE / str(number)
    for name in ("aligner", "tuned"):
        assert read_artifact(folder / name)["format"] == number, "and every file has its hash"
    found = answers(*(restore(folder / name) for name in ("aligner", "tuned")))
    wanted = json.loads((folder / "expected.json").read_text())
    assert found["durations"] == wanted["durations"]
    assert found["score"] == pytest.approx(wanted["score"], rel=1e-5)
    np.testing.assert_allclose(found["tuned"], wanted["tuned"], rtol=1e-5)


@pytest.mark.parametrize("number", FORMATS)
def test_a_graph_loads_it(number, tmp_path):
    folder = HERE / str(number) / "tuned"
    path = tmp_path / "graph.yaml"
    path.write_text(GRAPH.format(folder=folder))
    store = Store(tmp_path / "store")
    plan = make_plan(check(read_graph(path)), store)
    assert LocalExecutor().run(plan, store, Observer()).error is None
    tone, out = (store.find_table(plan.steps[name].digest).get("tone0000")["wave"] for name in ("tone", "out"))
    expected = json.loads((HERE / str(number) / "expected.json").read_text())["tuned"]
    factor = np.polyfit(wave(0.01, 1)[:20], expected, 1)
    np.testing.assert_allclose(out, np.polyval(factor, tone), atol=1e-5)


@pytest.mark.parametrize("number", FORMATS[1:])
def test_other_tools_find_settings_and_spec(number):
    folder = Path(HERE, str(number), "aligner")
    about = json.loads((folder / "artifact.json").read_text())
    for name in ("config", "spec"):
        assert json.loads((folder / f"{name}.json").read_text()) == about[name]
    assert json.loads((folder / "config.json").read_text())["coefficients"] == 3
    assert json.loads((folder / "spec.json").read_text())["n_mels"] == 12
    assert json.loads((folder / "symbols.json").read_text())["tables"]["phones"][:4] == ["sil", "h", "ə", "l"]


def test_settings_are_understood_by_the_names_that_they_had():
    config = find("acoustic.attention").Config
    assert config(critic_width=3, frames_a_step=4) == config(discriminator_width=3, reduction_factor=4)
    with pytest.raises(ValueError, match="critic_width"):
        config(critic_width=3, discriminator_width=4)
    config = find("metric.prosody_distance").Config
    assert config(floor="a", ceilings=["b"]) == config(lower_anchor="a", upper_anchors=("b",))
    config = find("converter.copycat").Config
    assert config(phones_told="none") == config(phone_voice="none")


def test_what_a_model_was_trained_on_is_read_by_the_name_that_its_file_had():
    old, new = (TrainedOn.read(HERE / number / "tuned") for number in ("3", "4"))
    assert old.numbers.tolist() == new.numbers.tolist()
    assert len(new.numbers)


def test_a_shipped_artifact_is_found_by_the_name_that_it_had(tmp_path):
    old, new = (ROOT / "pretrained" / name for name in ("english_aligner", "aligner_en_background"))
    assert artifact_folder(old) == new
    assert restore(old).config == restore(new).config
    (tmp_path / "graph.yaml").write_text(f"nodes:\n  timing: {{load: {old}, as: aligner.monotonic}}\n")
    assert check(read_graph(tmp_path / "graph.yaml")).nodes.keys() == {"timing"}
