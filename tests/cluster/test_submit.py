"""Runs sent to a cluster as jobs: what travels, what comes back, what is said when it cannot."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file

from blocks.spec import AudioSpec
from runner.check import read_graph
from runner.cli import app
from runner.cluster.submit import Job, SubmitError, send, store_for
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.store.artifact import write_manifest
from tests.cluster.heads import free_port, head, on_path
from tests.clusters import go, tables
from tests.environment import ROOT, TOYS

BASE = """
nodes:
  tone: {read: toy.tones, config: {count: 70}}
  trained: {load: ../weights/scale, as: toy.scale}
  loud: {map: toy.scale, model: trained, in: {wave: tone.wave}}
  level: {map: toy.level, in: {wave: loud.wave}}
  mean: {reduce: toy.mean, in: {level: level.level}}
"""


@pytest.fixture
def graph(tmp_path) -> Path:
    """A graph whose base and artifact lie beside its folder."""
    weights = tmp_path / "project" / "weights" / "scale"
    weights.mkdir(parents=True)
    save_file({"factor": np.full(1, 3.0, "float32")}, weights / "model.safetensors")
    meta = {"block": "toy.scale", "config": {"steps": 1}, "spec": AudioSpec().model_dump(mode="json")}
    write_manifest(weights, meta)
    (tmp_path / "project" / "base.yaml").write_text(BASE.replace("../weights", "weights"))
    (tmp_path / "project" / "mine").mkdir()
    path = tmp_path / "project" / "mine" / "graph.yaml"
    path.write_text("base: ../base.yaml\nnodes:\n  trained: {load: ../weights/scale, as: toy.scale}\n")
    return path


def test_neither_keys_nor_what_links_lead_to_travels(graph, tmp_path):
    weights, elsewhere = tmp_path / "project" / "weights" / "scale", tmp_path / "elsewhere"
    elsewhere.write_text("not yours")
    for name in ("id_rsa", "tls.pem", "aws_Credentials.json", "client_secret.json", "ray.token", ".netrc"):
        (weights / name).write_text("secret")
    (weights / "key").symlink_to("id_rsa")
    (weights / "link").symlink_to(elsewhere)
    (weights / "again").symlink_to("model.safetensors")
    stage = tmp_path / "stage"
    Job(read_graph(graph), str(tmp_path / "store")).stage(stage)
    there = {path.name for path in (stage / "graph" / "weights" / "scale").iterdir()}
    assert there == {"artifact.json", "config.json", "spec.json", "model.safetensors", "again"}


def test_what_travels_runs_where_it_is_laid_out(graph, tmp_path, monkeypatch):
    monkeypatch.setenv("VOXBLOCKS_BLOCKS", TOYS["VOXBLOCKS_BLOCKS"])
    stage = tmp_path / "stage"
    command = Job(read_graph(graph), str(tmp_path / "store"), ["--limit", "3", "--until", "tone"]).stage(stage)
    assert command == (
        "VOXBLOCKS_BLOCKS= python -m runner run graph/mine/graph.yaml --limit 3 --until tone "
        f"--address auto --store {tmp_path / 'store'}"
    )
    assert not list(stage.rglob("__pycache__"))
    there = {key: value for key, value in os.environ.items() if key != "VOXBLOCKS_BLOCKS"}
    local = command.replace("--address auto ", "--dry-run ")
    done = subprocess.run(["sh", "-c", local], cwd=stage, env=on_path(there), capture_output=True, text=True)
    assert done.stdout == "run     tone  (read toy.tones)\n", done.stderr
    where = subprocess.run(
        [sys.executable, "-c", "import runner, blocks; print(runner.__file__, blocks.__file__)"],
        cwd=stage,
        env=there,
        capture_output=True,
        text=True,
    )
    assert where.stdout.split() == [f"{stage}/runner/__init__.py", f"{stage}/blocks/__init__.py"]


def test_what_is_set_stands_on_no_command_line(graph, tmp_path, monkeypatch, cli):
    monkeypatch.setenv("VOXBLOCKS_BLOCKS", TOYS["VOXBLOCKS_BLOCKS"])
    graph.write_text("options: {count: tone.count}\n" + graph.read_text())
    sent = []
    monkeypatch.setattr("runner.cluster.submit.send", lambda job, address: sent.append(job) or (None, "job"))
    (tmp_path / "more.yaml").write_text("- tone.prefix=a secret\n")
    words = ("--set", "tone.seconds=0.25", "--set", f"@{tmp_path / 'more.yaml'}", "--count", "3", "--limit", "2")
    assert cli("submit", "--address", "127.0.0.1:1", "--no-wait", graph, *words) == (0, "")
    command = sent[0].stage(tmp_path / "stage")
    assert " --limit 2 --set @settings.yaml --address auto " in command
    assert not [word for word in ("0.25", "secret", "count", "more") if word in command]
    path = tmp_path / "stage" / "settings.yaml"
    assert path.stat().st_mode & 0o777 == 0o600
    local = command.replace("--address auto", "").replace("run graph", "show graph").partition(" --limit")[0]
    shown = subprocess.run(
        ["sh", "-c", f"{local} --set @settings.yaml"],
        cwd=tmp_path / "stage",
        env=on_path(TOYS),
        capture_output=True,
        text=True,
    )
    tone = yaml.safe_load(shown.stdout)["nodes"]["tone"]["config"]
    assert (tone["seconds"], tone["prefix"], tone["count"]) == (0.25, "a secret", 3)


def test_a_file_of_settings_that_is_none_is_said(graph, tmp_path, cli):
    assert cli("check", graph, "--set", "@nowhere")[1].startswith("--set @nowhere: [Errno 2] No such file")
    (tmp_path / "x").write_text("tone: 3")
    assert cli("check", graph, "--set", f"@{tmp_path / 'x'}") == (
        2,
        f"--set @{tmp_path / 'x'}: want a YAML list of texts, each a node.key=value\n",
    )
    (tmp_path / "x").write_text("[" * 3000)
    code, told = cli("check", graph, "--set", f"@{tmp_path / 'x'}")
    assert (code, told) == (
        2,
        f"--set @{tmp_path / 'x'}:1:101: more than 100 levels of lists and mappings in each other\n",
    )


def test_too_much_to_carry_is_said_before_it_is_sent(graph, tmp_path, monkeypatch):
    monkeypatch.setattr("runner.cluster.submit._LARGEST", 1000)
    with pytest.raises(
        SubmitError, match=r"Ray carries .* MB; put artifacts into a folder that the cluster's machines"
    ):
        Job(read_graph(graph), "store").stage(tmp_path / "stage")


@pytest.mark.parametrize("address", ["http://10.0.0.5:8265", "head.example.org:8265"])
def test_a_folder_of_this_machine_as_store_of_a_remote_cluster_is_warned_of(address, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for store in ("store", str(tmp_path / "store")):
        folder, warning = store_for(store, address)
        assert folder == str(tmp_path / "store")
        assert f"the folder {folder} on each machine of the cluster. Unless they share it" in warning
    assert store_for("s3://speech/runs", address) == ("s3://speech/runs", "")


def test_a_store_on_the_same_machine_is_found_from_any_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert store_for("store", "127.0.0.1:8265") == (str(tmp_path / "store"), "")


def test_wrong_uses_are_said_before_anything_is_sent(graph, cli):
    nobody = f"127.0.0.1:{free_port()}"
    code, said = cli("submit", "--address", nobody, graph)
    assert (code, said.startswith(f"no Ray dashboard answers at {nobody}; want the head's dashboard, such as")) == (
        2,
        True,
    )
    code, said = cli("submit", "--address", nobody, graph, "--limt", "3")
    assert (code, said) == (
        2,
        "--limt: no such option; did you mean 'limit'?; this graph has none beside those of voxblocks run\n",
    )
    code, said = cli("submit", "--address", nobody, graph, "--set", "level.nonsense=1")
    assert (code, "no setting 'nonsense'" in said or "nonsense" in said) == (2, True)
    code, said = cli("submit", "--address", nobody, graph, "--report", "page.html")
    assert (code, "--report would be written on the cluster; afterwards, here: voxblocks run or" in said) == (2, True)
    code, said = cli("submit", "--address", nobody, graph, "--store", "s3://key:secret@speech/runs")
    assert (code, said.strip()) == (
        2,
        "a store's URL may hold no credentials: set them in the environment instead",
    )


def test_without_the_dashboard_part_of_ray_it_is_named(graph, monkeypatch):
    monkeypatch.setattr("ray.dashboard.modules.job.sdk.requests", None)
    with pytest.raises(SubmitError, match=r"submit wants Ray with its dashboard: pip install 'voxblocks\[cluster\]'"):
        send(Job(read_graph(graph), "store"), "127.0.0.1:8265")


@pytest.fixture
def cli(ray_environment):
    from typer.testing import CliRunner

    def call(*words) -> tuple[int, str]:
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stderr

    return call


@pytest.mark.ray
@pytest.mark.slow
def test_jobs_on_a_real_cluster(graph, tmp_path, ray_environment):
    bare = {key: value for key, value in ray_environment.items() if key != "VOXBLOCKS_BLOCKS"}
    store = tmp_path / "store"

    def submit(*words: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "runner", "submit", "--address", url, str(graph), "--store", str(store)]
        return subprocess.run(
            [*command, *words], cwd=ROOT, env=on_path(ray_environment), capture_output=True, text=True, timeout=180
        )

    with head(bare) as (_, url):
        whole = submit()
        assert whole.returncode == 0, whole.stderr
        assert "loud" in whole.stderr
        assert "70 rows" in whole.stderr, "the log of the job comes here"
        go(LocalExecutor(), graph, Store(tmp_path / "here"))
        assert tables(Store(store)) == tables(Store(tmp_path / "here"))
        failed = submit("--set", "tone.fail=[0, 1, 2, 3]")
        told = subprocess.run(
            ["ray", "list", "jobs", "--detail", "--format", "json", "--address", url],
            env=on_path(ray_environment),
            capture_output=True,
            text=True,
        )
        assert "@settings.yaml" in told.stdout, told.stderr
        assert "[0, 1, 2, 3]" not in told.stdout
        assert failed.returncode == 1
        assert "4 of 70 items failed" in failed.stderr.replace("\n", " ")
        job = submit("--no-wait", "--limit", "3")
        assert job.returncode == 0
        assert job.stdout.startswith("raysubmit_")
        stranger = on_path(ray_environment | {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "other")})
        (tmp_path / "other").write_text("b" * 64)
        words = [sys.executable, "-m", "runner", "submit", "--address", url, str(graph)]
        refused = subprocess.run(words, cwd=ROOT, env=stranger, capture_output=True, text=True, timeout=60)
        assert refused.returncode == 2
        assert "refuses this machine's token; want the head's own in RAY_AUTH_TOKEN_PATH" in refused.stderr
        assert "Traceback" not in refused.stderr
