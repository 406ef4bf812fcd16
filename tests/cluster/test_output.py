"""What workers say reaches the driver's stderr; every node at work has a bar; weights travel by the store."""

import io
import json
import re
import time

import pytest
from rich.console import Console

from blocks.base import Failure, Skip
from blocks.load import find
from runner.check import check, read_graph
from runner.cluster.executor import ClusterNode, RayExecutor, _made
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.run.progress import Bars
from runner.store import Store
from runner.store.artifact import read_artifact, write_manifest
from runner.work.apply import Shard
from runner.work.executor import NodeResult, Observer
from tests.clusters import go

TALK = """
nodes:
  tone: {read: toy.tones, config: {count: 3}}
  at: {map: toy.where, in: {wave: tone.wave}, config: {talk: true}}
"""
LOADED = """
nodes:
  tone: {read: toy.tones}
  model: {load: weights, as: toy.scale}
  out: {map: toy.scale, model: model, in: {wave: tone.wave}}
"""
IDS = ["tone0000", "tone0001", "tone0002"]


@pytest.mark.ray
def test_what_blocks_say_on_workers_reaches_stderr_in_order(ray_here, driver):
    driver.write(TALK)
    code, out, err = driver.run("--address", ray_here, "--json")
    assert code == 0, err
    assert json.loads(out)["nodes"]["at"]["rows"] == 3
    assert re.findall(r"at (tone\d+)", err) == IDS
    assert re.findall(r"UserWarning: careful with (tone\d+)", err) == IDS


def test_what_blocks_print_in_process_stays_off_stdout_too(driver):
    driver.write(TALK)
    code, out, err = driver.run("--json")
    assert code == 0, err
    assert json.loads(out)["nodes"]["at"]["rows"] == 3
    assert re.findall(r"at (tone\d+)", err) == IDS


@pytest.mark.ray
def test_ray_itself_is_quiet(ray_here, driver):
    driver.write(TALK.replace("talk: true", "talk: false"))
    code, out, err = driver.run("--address", ray_here)
    assert code == 0, err
    assert out == ""
    assert [line.split()[:2] for line in err.splitlines() if line] == [["tone", "done"], ["at", "done"]]


@pytest.mark.ray
def test_weights_reach_a_worker_that_lacks_the_folder(ray_here, tmp_path, spec):
    """As on another machine: what a worker gets names no folder, and it loads from the store."""
    import ray

    folder = tmp_path / "weights"
    folder.mkdir()
    block = find("toy.scale")(find("toy.scale").tiny, spec)
    block.fit(None)
    block.save(folder)
    write_manifest(folder, {"block": "toy.scale", "config": {"steps": 1}, "spec": spec.model_dump()})
    path, store = tmp_path / "graph.yaml", Store(tmp_path / "store")
    path.write_text(LOADED)
    go(LocalExecutor(), path, store, to_nodes=["tone"])
    plan = make_plan(check(read_graph(path)), store)
    step = plan.steps["out"]
    work = ClusterNode(plan, step, store, Observer(), NodeResult(step.digest, "waiting")).map_work()
    folder.rename(tmp_path / "elsewhere")
    note = ray.get(ray.remote(_made).remote(work, 0), timeout=60)
    assert json.loads(note)["ids"] == [f"tone{n:04d}" for n in range(4)]
    (artifact,) = (tmp_path / "store" / "artifacts").iterdir()
    assert read_artifact(artifact)["block"] == "toy.scale", "whole, with every hash"


def test_every_node_at_work_has_a_bar_with_its_speed_and_failures(tmp_path):
    (tmp_path / "graph.yaml").write_text(TALK + "  loud: {map: toy.gain, in: {wave: tone.wave}}\n")
    plan = make_plan(check(read_graph(tmp_path / "graph.yaml")), Store(tmp_path / "store"))
    at, loud = plan.steps["at"], plan.steps["loud"]
    console = Console(file=io.StringIO(), width=120)
    bars = Bars(plan, console)
    bars.node_started(at, 300, 100)
    bars.node_started(loud, 50, 0)
    shard = Shard(ids=["a", "b"], failures=[Failure("bad", "c"), Skip("not wanted", "d")])
    for _ in range(3):
        time.sleep(0.01)
        bars.shard_done(at, shard)
    first, second = _shown(bars)
    assert "at" in first
    assert "112/300" in first
    assert "3 failed" in first
    assert re.search(r"\d+/s", first), "rows a second"
    assert re.search(r"\d:\d\d:\d\d", first), "time left"
    assert "0/50" in second
    assert "failed" not in second
    bars.node_finished(at, NodeResult(at.digest, "ran", rows=6, failures=3))
    assert [line.split()[0] for line in _shown(bars)] == ["loud"], "the other goes on"
    assert "at    done  6 rows, 3 failed" in console.file.getvalue()


def _shown(bars: Bars) -> list[str]:
    """The bars as they stand, without the spinner."""
    console = Console(file=io.StringIO(), width=140)
    console.print(bars.progress.get_renderable())
    return [line[1:].strip() for line in console.file.getvalue().splitlines() if line.strip()]


@pytest.mark.ray
def test_a_node_that_waits_for_another_is_not_said_to_have_worked(ray_here, tmp_path):
    """Both need all CPUs there are, so that their work cannot overlap, as their lines do."""
    node = "{map: toy.where, in: {wave: tone.wave}, config: {pause_s: %s}, scale: {cpus: 2}}"
    path = tmp_path / "graph.yaml"
    path.write_text(f"nodes:\n  tone: {{read: toy.tones}}\n  a: {node % 0.5}\n  b: {node % 0.51}\n")
    _, outcome = go(RayExecutor(ray_here), path, Store(tmp_path / "store"))
    seconds = [outcome.nodes[name].seconds for name in "ab"]
    assert min(seconds) >= 2
    assert sum(seconds) <= outcome.seconds
