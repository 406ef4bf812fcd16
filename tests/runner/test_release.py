"""`voxblocks release`: half the bytes, the same block, and nothing that only training needs."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from blocks.common import weights
from runner.cli import app
from runner.store import StoreError
from runner.store.artifact import read_artifact, write_manifest
from runner.store.release import LARGE, release


@pytest.fixture
def artifact(tmp_path) -> Path:
    folder, rng = tmp_path / "made", np.random.default_rng(0)
    folder.mkdir()
    large = rng.standard_normal((40, LARGE // 40 + 1)).astype(np.float32)
    small, whole = np.array([1 / 3, -5.123456], np.float32), np.arange(2 * LARGE)
    weights.write(folder, {"large": large, "small": small, "whole": whole}, {"words": "a b"})
    weights.write(folder, {"last": large}, name=weights.TRAINING)
    (folder / "README.md").write_text("# a card")
    write_manifest(folder, {"block": "vocoder.x", "config": {"a": 1}, "spec": {}, "licences": ["CC0-1.0"], "seed": 3})
    return folder


def test_it_holds_the_same_in_half_the_bytes(artifact, tmp_path):
    size = release(artifact, tmp_path / "out")
    before, after = read_artifact(artifact), read_artifact(tmp_path / "out")  # every hash is as listed
    assert {key: value for key, value in after.items() if key != "files"} == {
        key: value for key, value in before.items() if key != "files"
    }
    assert before["files"].keys() - after["files"].keys() == {weights.TRAINING}
    assert (tmp_path / "out/README.md").read_text() == "# a card"
    (old, words), (new, again) = weights.read(artifact), weights.read(tmp_path / "out")
    assert words == again == {"words": "a b"}
    assert {name: value.dtype for name, value in new.items()} == {name: value.dtype for name, value in old.items()}
    np.testing.assert_array_equal(new["large"], old["large"].astype(np.float16))
    np.testing.assert_array_equal(new["small"], old["small"])
    np.testing.assert_array_equal(new["whole"], old["whole"])
    assert size < sum(each["bytes"] for each in before["files"].values()) - 2 * LARGE


def test_it_can_be_released_again_with_the_same_bytes(artifact, tmp_path):
    release(artifact, tmp_path / "once")
    release(tmp_path / "once", tmp_path / "twice")
    assert (tmp_path / "once/model.safetensors").read_bytes() == (tmp_path / "twice/model.safetensors").read_bytes()


def test_what_float16_cannot_hold_is_refused(artifact, tmp_path):
    weights.write(artifact, {"large": np.full(LARGE, 7e4, np.float32)})
    write_manifest(artifact, {"block": "vocoder.x", "config": {}, "spec": {}})
    with pytest.raises(ValueError, match="large holds 70000, but float16 ends at 65504"):
        release(artifact, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_says_what_it_wrote_and_what_is_wrong(artifact, tmp_path):
    done = CliRunner().invoke(app, ["release", str(artifact), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert done.output.strip().endswith("0.0 MB")
    again = CliRunner().invoke(app, ["release", str(artifact), "--out", str(tmp_path / "out")])
    assert again.exit_code == 2
    assert "is there already; want a new folder" in again.output.replace("\n", " ")
    with pytest.raises(StoreError, match="no such folder"):
        release(tmp_path / "nowhere", tmp_path / "other")
