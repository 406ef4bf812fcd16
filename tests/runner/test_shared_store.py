"""Runs that share a store share the work: each shard, each table, each training is made once, and none is taken for dead that lives."""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from blocks.arrays import Wave
from blocks.base import Failure, Schema
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.store.artifact import read_artifact
from tests.cluster import s3
from tests.clusters import go, record
from tests.environment import ROOT

GRAPH = """
max_failed: 0.5
nodes:
  tone: {{read: toy.tones, config: {{count: 200, seconds: 0.01}}}}
  loud: {{map: toy.gain, in: {{wave: tone.wave}}, config: {{pause_s: {pause}, log: {log}, nan: [tone0003]}}}}
  pair: {{expand: toy.mixes, in: {{wave: loud.wave, split: tone.split}}}}
  level: {{map: toy.level, in: {{wave: pair.wave}}}}
  mean: {{reduce: toy.mean, in: {{level: level.level}}}}
"""
FIT = """
nodes:
  tone: {read: toy.tones, config: {count: 200, seconds: 0.01}}
  model: {fit: toy.tuned, in: {wave: tone.wave, split: tone.split}, config: {max_frames: 90000, max_steps: 30, pause_s: 0.1}}
"""


class Sound(Schema):
    wave: Wave


@pytest.fixture(scope="module")
def port():
    with s3.serving() as port:
        yield port


@pytest.fixture(scope="module")
def processes():
    """Children forked from a server that has the imports behind it already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.runner.test_shared_store"])
    return context


@pytest.fixture(params=["folder", "s3"])
def store(request, tmp_path, monkeypatch) -> Store:
    if request.param == "folder":
        return Store(tmp_path / "store")
    for key, value in s3.environment(request.getfixturevalue("port")).items():
        monkeypatch.setenv(key, value)
    return Store(f"s3://speech/{tmp_path.name}")


def run(path: Path, url: str, environment: dict, answer: Path, **slices) -> None:
    """What a child does."""
    import blocks

    os.environ.update(environment)
    blocks.__path__.append(str(ROOT / "tests" / "toys"))
    _, outcome = go(LocalExecutor(), path, Store(url), **slices)
    answer.write_text(json.dumps(record(outcome)))


class Runs:
    """Several processes that run a graph at once."""

    def __init__(self, processes, path: Path, store: Store, count: int, **slices):
        self.answers = [path.with_name(f"{path.stem}{time.monotonic_ns()}.json") for _ in range(count)]
        environment = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
        words = (path, store.files.url, environment)
        self.children = [processes.Process(target=run, args=(*words, file), kwargs=slices) for file in self.answers]
        for child in self.children:
            child.start()

    def ended(self) -> list[dict]:
        """What each said in the end."""
        for child in self.children:
            child.join(250)
        assert [child.exitcode for child in self.children] == [0] * len(self.children)
        return [json.loads(answer.read_text()) for answer in self.answers]


def worked(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def test_six_runs_at_once_make_everything_once(processes, store, tmp_path):
    path, log = tmp_path / "graph.yaml", tmp_path / "log"
    path.write_text(GRAPH.format(pause=0.002, log=log))
    ended = Runs(processes, path, store, 6).ended()
    assert [each["error"] for each in ended] == ["None"] * 6
    assert sorted(worked(log)) == [f"tone{n:04d}" for n in range(200)], "no item was worked on twice"
    assert [each["results"] for each in ended] == [ended[0]["results"]] * 6
    nodes = list(ended[0]["nodes"])
    rows = [[each["nodes"][name][2:5] for name in nodes] for each in ended]
    assert rows == [rows[0]] * 6, "all tell the same rows and failures"
    assert not [info for info in store.files.listed("claims") if info.is_file]
    left = [info.base_name for info in store.files.listed("", recursive=True)]
    assert not [name for name in left if name.startswith(".tmp-") or name == "started.json"]
    _, again = go(LocalExecutor(), path, Store(store.files.url))
    assert {node.state for node in again.nodes.values()} == {"cached"}


def test_of_two_runs_of_one_training_one_trains_and_the_other_waits_for_it(processes, store, tmp_path):
    (tmp_path / "graph.yaml").write_text(FIT)
    ended = Runs(processes, tmp_path / "graph.yaml", store, 2).ended()
    assert [each["error"] for each in ended] == ["None"] * 2
    assert sorted(each["nodes"]["model"][1] for each in ended) == ["cached", "ran"]
    assert read_artifact(store.find_artifact(ended[0]["nodes"]["model"][0]))


def test_who_is_killed_is_taken_over_from_and_who_lives_is_left_alone(processes, store, tmp_path):
    path, log = tmp_path / "graph.yaml", tmp_path / "log"
    path.write_text(GRAPH.format(pause=0.01, log=log))
    first = Runs(processes, path, store, 1, until="loud")
    wait(lambda: worked(log))
    other = Runs(processes, path, store, 1, until="loud")
    wait(lambda: {"tone0064", "tone0128", "tone0192"} & {*worked(log)})
    first.children[0].kill()
    assert [each["error"] for each in other.ended()] == ["None"]
    assert set(worked(log)) == {f"tone{n:04d}" for n in range(200)}
    again = {int(id[4:]) // 64 for id in worked(log) if worked(log).count(id) > 1}
    assert len(again) <= 1, "at most the shard that the dead was at is made again"
    assert not [info for info in store.files.listed("claims") if info.is_file]


def test_two_who_write_one_artifact_leave_one_of_them_whole(store):
    meta = {"block": "toy.scale", "config": {}, "spec": {}}
    with store.write_artifact("a1", meta) as one:
        (one / "weights").write_bytes(b"one")
        with Store(store.files.url).write_artifact("a1", meta) as two:
            (two / "weights").write_bytes(b"two")
            (two / "more").write_bytes(b"two")
    later = Store(store.files.url)
    folder = later.find_artifact("a1")
    assert read_artifact(folder)["files"].keys() == {"weights", "more", "config.json", "spec.json"}
    assert (Path(folder) / "weights").read_bytes() == b"two", "that of who ended first"
    left = [info.base_name for info in store.files.listed("artifacts/a1", recursive=True) if info.is_file]
    assert sorted(left) == ["artifact.json", "config.json", "more", "spec.json", "weights"]


def test_a_published_table_never_changes(store):
    one, two = (store.write_table("d1", Sound, {}) for _ in range(2))
    one.write(0, ["a"], [silence()], [Failure("bad luck", "b")])
    two.look()
    published = two.publish()
    one.refuse()  # which has a smaller max_failed
    again = Store(store.files.url).write_table("d1", Sound, {})
    again.write(0, ["a", "b"], [silence()] * 2)
    again.publish()
    assert [row["id"] for row in store.find_table("d1").rows()] == ["a"]
    assert [row["id"] for row in published.rows()] == ["a"]
    assert [failure.id for failure in store.find_table("d1").failures] == ["b"]


def silence() -> Sound:
    return Sound(wave=np.zeros(4, "float32"))


def wait(until) -> None:
    deadline = time.monotonic() + 200
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_six_runs_of_copy_synthesis_started_at_once(tmp_path):
    """As it was found: three of six failed."""
    words = [sys.executable, "-m", "runner", "run", "graphs/copy_synthesis.yaml", "--store", str(tmp_path / "store")]
    runs = []
    for _ in range(6):
        command = [*words, "--until", "world", "--limit", "60", "--json"]
        runs.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        time.sleep(0.15)
    ended = [(*each.communicate(timeout=280), each.returncode) for each in runs]
    assert [code for *_, code in ended] == [0] * 6, [err for _, err, code in ended if code]
    records = [json.loads(out)["nodes"] for out, *_ in ended]
    assert len({record["world"]["rows"] for record in records}) == 1
