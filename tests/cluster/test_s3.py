"""The store on a real S3 API: the same bytes as in a folder, whole or absent, and no secret anywhere."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from runner.check import check, read_graph
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store, StoreError
from runner.store.artifact import read_artifact, write_manifest
from runner.store.upkeep import gc, ls, why
from runner.work.executor import Observer
from tests.cluster import s3
from tests.environment import ROOT, TOYS

GRAPH = """
about: tones through every verb
max_failed: 0.5
nodes:
  tone: {read: toy.tones, config: {count: 140, seconds: 0.01, fail: [3], skip: [7]}}
  trained: {load: scale, as: toy.scale}
  loud: {map: toy.scale, model: trained, in: {wave: tone.wave}}
  soft: {map: toy.gain, in: {wave: loud.wave}, config: {bad: [tone0004]}}
  odd: {pick: {wave: soft.wave}, where: {tone.speaker: odd}}
  even: {pick: {wave: soft.wave}, where: {tone.speaker: even}}
  both: {union: [odd, even]}
  pair: {expand: toy.pairs, in: {wave: both.wave}}
  level: {map: toy.level, in: {wave: pair.wave}}
  mean: {reduce: toy.mean, in: {level: level.level}}
"""
SLOW = """
nodes:
  tone: {read: toy.tones, config: {count: 130, seconds: 0.01}}
  soft: {map: toy.gain, in: {wave: tone.wave}, config: {pause_s: 0.01, log: LOG}}
"""
fresh = map("runs{}".format, itertools.count())


@pytest.fixture(scope="module")
def port():
    with s3.serving() as port, pytest.MonkeyPatch.context() as patch:
        for key, value in s3.environment(port).items():
            patch.setenv(key, value)
        yield port


@pytest.fixture
def graph(tmp_path) -> Path:
    (tmp_path / "scale").mkdir()
    save_file({"factor": np.full(1, 3.0, "float32")}, tmp_path / "scale" / "model.safetensors")
    write_manifest(tmp_path / "scale", {"block": "toy.scale", "config": {"steps": 1}, "spec": spec_of()})
    (tmp_path / "graph.yaml").write_text(GRAPH)
    return tmp_path / "graph.yaml"


def spec_of() -> dict:
    from blocks.spec import AudioSpec

    return AudioSpec().model_dump(mode="json")


def go(path: Path, store: Store):
    plan = make_plan(check(read_graph(path)), store)
    outcome = LocalExecutor().run(plan, store, Observer())
    assert outcome.error is None
    return plan, outcome


def command(path: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "runner", "run", str(path), *options]


def in_folder(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def tables(files: dict[str, bytes]) -> dict:
    """Their bytes; manifests without the time they were written."""
    found = {name: data for name, data in files.items() if name.startswith("tables/")}
    manifests = {name: json.loads(data) for name, data in found.items() if name.endswith("table.json")}
    return found | {name: {**manifest, "created": ""} for name, manifest in manifests.items()}


@pytest.mark.parametrize("style", ["environment", pytest.param("url", marks=pytest.mark.slow)])
def test_every_verb_makes_the_same_bytes_as_in_a_folder(port, graph, tmp_path, monkeypatch, style):
    folder = next(fresh)
    url = f"s3://speech/{folder}"
    if style == "url":
        monkeypatch.delenv("AWS_ENDPOINT_URL")
        url += f"?endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"
    go(graph, Store(tmp_path / "here"))
    go(graph, Store(url))
    there = s3.objects(port, f"speech/{folder}")
    assert tables(there) == tables(in_folder(tmp_path / "here"))
    assert len([name for name in there if name.endswith(".arrow")]) > 10
    assert not [name for name in there if ".tmp-" in name or name.endswith("started.json")]
    _, again = go(graph, Store(url))
    assert {node.state for node in again.nodes.values()} == {"cached"}


def test_looking_after_a_store_on_s3(port, graph):
    folder = next(fresh)
    store = Store(f"s3://speech/{folder}")
    plan, _ = go(graph, store)
    rows = {row["node"]: row for row in ls(store)}
    assert (rows["soft"]["rows"], rows["soft"]["failures"]) == (137, 1)
    assert "soft: table" in why(store, plan.steps["mean"].digest)
    store.record_run({"graph": "graph", "nodes": {"tone": {"digest": plan.steps["tone"].digest}}})
    assert gc(store, grace=3600)["removed"] == [], "what was touched a moment ago stays"
    assert {entry["node"] for entry in gc(store, grace=0)["removed"]} == set(rows) - {"tone"}
    assert [row["node"] for row in ls(store)] == ["tone"]
    kept = {"/".join(name.split("/")[:2]) for name in s3.objects(port, f"speech/{folder}")}
    assert f"tables/{plan.steps['tone'].digest}" in kept
    assert len([name for name in kept if name.startswith("tables")]) == 1


def test_a_killed_run_goes_on_from_its_finished_shards(port, tmp_path):
    folder, log = next(fresh), tmp_path / "log"
    path = tmp_path / "graph.yaml"
    path.write_text(SLOW.replace("LOG", str(log)))
    run = command(path, "--store", f"s3://speech/{folder}")
    child = subprocess.Popen(run, cwd=tmp_path, env=os.environ | TOYS | s3.environment(port), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (log.exists() and len(log.read_text().splitlines()) > 70):
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    go(path, Store(f"s3://speech/{folder}"))
    worked = log.read_text().splitlines()
    assert [worked.count(f"tone{n:04d}") for n in range(64)] == [1] * 64, "the first shard was whole"
    assert set(worked) == {f"tone{n:04d}" for n in range(130)}
    go(path, Store(tmp_path / "here"))
    assert tables(s3.objects(port, f"speech/{folder}")) == tables(in_folder(tmp_path / "here"))


def test_what_is_half_written_is_not_taken_for_whole(port, graph, tmp_path):
    folder = next(fresh)
    store = Store(f"s3://speech/{folder}")

    def interrupted():
        with store.files.new("tables/x/shard-00000.arrow") as stream:
            stream.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert s3.objects(port, f"speech/{folder}") == {}
    plan, _ = go(graph, store)
    whole = s3.objects(port, f"speech/{folder}")
    soft = f"tables/{plan.steps['soft'].digest}"
    shard = f"{soft}/shard-00001.arrow"
    s3.put(port, f"speech/{folder}/{shard}", whole[shard][:-100])
    with pytest.raises(StoreError, match=rf"shard-00001.arrow: has {len(whole[shard]) - 100} bytes, want"):
        store.find_table(plan.steps["soft"].digest)
    s3.put(port, f"speech/{folder}/{soft}/table.json", b"")  # as if its upload had been cut off
    _, again = go(graph, store)
    assert next(name for name, node in again.nodes.items() if node.state == "ran") == "soft"
    mended = s3.objects(port, f"speech/{folder}")
    assert mended[f"{soft}/shard-00001.1.arrow"] == whole[shard], "under the next name"
    assert len(store.find_table(plan.steps["soft"].digest)) == 137
    later = f"tables/{plan.steps['mean'].digest}/shard-00000.arrow"
    assert mended[later] == whole[later]


def test_an_artifact_is_fetched_whole_or_not_at_all(port):
    folder = next(fresh)
    meta = {"block": "toy.scale", "config": {}, "spec": spec_of()}
    with Store(f"s3://speech/{folder}").write_artifact("a1", meta) as stage:
        (stage / "net").mkdir()
        save_file({"factor": np.full(1, 3.0, "float32")}, stage / "net" / "model.safetensors")
    store = Store(f"s3://speech/{folder}")
    here = store.find_artifact("a1")
    assert list(read_artifact(here)["files"]) == ["config.json", "net/model.safetensors", "spec.json"]
    assert store.find_artifact("a1") == here, "fetched once"
    assert store.find_artifact("a2") is None
    (name,) = [
        name for name in s3.objects(port, f"speech/{folder}/artifacts/a1") if name.endswith("net/model.safetensors")
    ]
    path = f"speech/{folder}/artifacts/a1/{name}"
    data = s3.client(port).open_input_stream(path).read()
    s3.put(port, path, data[:-1] + b"?")
    later = Store(f"s3://speech/{folder}")
    for _ in range(2):
        with pytest.raises(StoreError, match=r"model.safetensors: was changed: SHA-256"):
            later.find_artifact("a1")
    s3.client(port).delete_file(path)
    with pytest.raises(StoreError, match=r"model.safetensors: missing, but listed in artifact.json"):
        later.find_artifact("a1")
    s3.put(port, path, data)
    assert read_artifact(later.find_artifact("a1"))


def leaks(text: bytes) -> bool:
    return any(secret.encode() in text for secret in (s3.KEY, s3.SECRET))


def test_no_secret_gets_anywhere(port, graph, tmp_path):
    folder = next(fresh)
    options = ("--store", f"s3://speech/{folder}", "--json", "--report", str(tmp_path / "report.html"))
    env = os.environ | TOYS | s3.environment(port)
    done = subprocess.run(command(graph, *options), cwd=tmp_path, env=env, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    stored = s3.objects(port, f"speech/{folder}")
    assert any(name.startswith("runs/") for name in stored)
    written = [*stored.values(), done.stdout, done.stderr, *in_folder(tmp_path).values()]
    assert not [text for text in written if leaks(text)]


@pytest.mark.slow  # the library tries several times
def test_a_store_that_does_not_answer_is_said_without_secrets(port, graph, tmp_path):
    env = os.environ | TOYS | s3.environment(port) | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    run = command(graph, "--store", "s3://speech/runs")
    failed = subprocess.run(run, cwd=tmp_path, env=env, capture_output=True, timeout=120)
    assert failed.returncode == 2
    assert failed.stderr.startswith(b"the store s3://speech/runs cannot be used:"), failed.stderr
    assert b"Traceback" not in failed.stderr
    assert not leaks(failed.stdout + failed.stderr)


@pytest.mark.parametrize(
    "url",
    [
        "s3://KEY:SECRET@speech/runs",  # the secret holds a slash, so no parser finds the @
        "s3://KEY@speech/runs",
        "s3://speech/runs?endpoint_override=http://KEY:SECRET@127.0.0.1",
        "s3://speech/runs?access_key=KEY&secret_key=SECRET",
        "abfs://box@account.dfs.core.windows.net/runs?sig=SECRET",
    ],
)
def test_credentials_in_a_url_are_refused_and_not_repeated(url, capsys):
    from typer.testing import CliRunner

    from runner.cli import app

    url = url.replace("KEY", s3.KEY).replace("SECRET", s3.SECRET)
    said = CliRunner().invoke(app, ["store", "ls", "--store", url])
    assert said.exit_code == 2
    assert "a store's URL may hold no credentials: set them in the environment instead" in said.stderr
    assert not leaks(said.output.encode())


def test_a_store_that_cannot_be_is_said_before_any_work(port):
    Store(f"s3://speech/runs?endpoint_override=http://127.0.0.1:{port}&region=us-east-1").files.reach()
    with pytest.raises(StoreError, match=r"Bucket 'nobucket' not found.*Want an address that answers, a bucket that"):
        Store("s3://nobucket/runs").files.reach()
    Store("s3://newbucket/runs?allow_bucket_creation=true").files.reach()
    assert "newbucket" in {info.path for info in s3.client(port).get_file_info(s3.fs.FileSelector(""))}
    with pytest.raises(StoreError, match=r"cannot open the store s3://b/r\?regoin=x: .*'regoin'.*such as s3://bucket/"):
        Store("s3://b/r?regoin=x")
    with pytest.raises(StoreError, match=r"cannot open the store ftp://host/r"):
        Store("ftp://host/r")


@pytest.mark.ray
@pytest.mark.slow
def test_the_same_bytes_through_ray(port, graph, tmp_path):
    folder = next(fresh)
    token = tmp_path / "token"
    token.write_text("a" * 64)
    env = os.environ | TOYS | s3.environment(port) | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}
    options = ("--address", "local", "--store", f"s3://speech/{folder}", "--json")
    done = subprocess.run(command(graph, *options), cwd=ROOT, env=env, capture_output=True, timeout=200)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    assert {node["state"] for node in json.loads(done.stdout)["nodes"].values()} == {"ran", "cached"}
    go(graph, Store(tmp_path / "here"))
    there = s3.objects(port, f"speech/{folder}")
    assert tables(there) == tables(in_folder(tmp_path / "here"))
    assert [name for name in there if name.startswith("artifacts/") and name.endswith("model.safetensors")], (
        "workers fetch the weights from the store"
    )
    assert not [text for text in (*there.values(), done.stdout, done.stderr) if leaks(text)]
