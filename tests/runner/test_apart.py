"""Sources and expanders whose rows hang on no others: resumed by the shard, and what one row does costs that row alone."""

import os
import signal
import subprocess
import sys
import time

import pytest

from runner.run.local import LocalExecutor
from runner.store import Store
from tests.clusters import go, tables
from tests.environment import ROOT, TOYS

READ = "max_failed: 0.5\nnodes:\n  tone: {{read: toy.opened, config: {config}, scale: {{workers: {workers}}}}}\n"
TWICE = "  twin: {{expand: toy.doubled, in: {{wave: tone.wave}}, config: {config}, scale: {{workers: {workers}}}}}\n"


@pytest.fixture
def graph(tmp_path):
    """Writes a graph: `tone` is read, and `twin` expanded where settings for it are given."""

    def write(read: str, twice: str = "", workers: int = 1):
        path = tmp_path / "graph.yaml"
        path.write_text(
            READ.format(config=read, workers=workers) + (TWICE.format(config=twice, workers=workers) if twice else "")
        )
        return path

    return write


def test_what_one_row_does_costs_that_row_alone(graph, tmp_path):
    store = Store(tmp_path / "store")
    plan, outcome = go(
        LocalExecutor(),
        graph("{count: 101, bad: [2], lost: [3], broken: [70], again: [80]}", "{bad: [tone0005]}"),
        store,
    )
    assert outcome.error is None
    table = store.find_table(plan.steps["tone"].digest)
    assert len(table) == 97
    assert table.get("tone0004", ["speaker"])["speaker"] == "opened"
    told = {failure.id: failure.reason for failure in table.failures}
    assert told.pop("tone0070").startswith("RuntimeError: no such codec (")
    assert told == {
        "no tone": "told to be left out",
        "tone0002": "not a sound",
        "tone0003": "not there",
        "tone0000": "a row before has this id: want another for each",
    }
    twins = store.find_table(plan.steps["twin"].digest)
    assert len(twins) == 2 * 96
    assert list(twins.ids[:3]) == ["tone0000/1", "tone0000/2", "tone0001/1"]
    assert twins.get("tone0004/2")["parents"] == ["tone0004"]
    assert [(failure.id, failure.reason) for failure in twins.failures] == [("tone0005", "too odd to double")]


def test_a_killed_read_opens_again_only_what_is_missing(graph, tmp_path):
    log = tmp_path / "log"
    path = graph(f"{{count: 320, pause_s: 0.01, log: '{log}'}}")
    command = [sys.executable, "-m", "runner", "run", str(path), "--store", str(tmp_path / "store")]
    child = subprocess.Popen(command, cwd=ROOT, env=TOYS, stderr=subprocess.PIPE, text=True)
    while not log.exists() or len(log.read_text().splitlines()) < 150:
        assert child.poll() is None, child.stderr.read()
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    subprocess.run(command, cwd=ROOT, env=TOYS, check=True, capture_output=True)
    opened = [line.split()[0] for line in log.read_text().splitlines()]
    assert len(set(opened)) == 320
    assert len(opened) - 320 < 64, "only the shard that was being made is read again"


@pytest.mark.slow
def test_a_row_that_takes_the_process_down_is_blamed_at_its_third_death(graph, tmp_path):
    path = graph("{count: 40, deadly: [20]}")
    command = [sys.executable, "-m", "runner", "run", str(path), "--store", str(tmp_path / "store")]
    codes = [subprocess.run(command, cwd=ROOT, env=TOYS, capture_output=True).returncode for _ in range(4)]
    assert codes == [-6, -6, -6, 0]
    store = Store(tmp_path / "store")
    table = store.find_table(store.runs()[0]["nodes"]["tone"]["digest"])
    assert len(table) == 39
    assert [failure.id for failure in table.failures if failure.id != "no tone"] == ["tone0020"]


@pytest.mark.ray
def test_workers_of_a_cluster_read_the_same(ray_here, graph, tmp_path):
    from runner.cluster.executor import RayExecutor

    log = tmp_path / "log"
    path = graph(f"{{count: 100, bad: [3], log: '{log}'}}", workers=2)
    store, here = Store(tmp_path / "store"), Store(tmp_path / "here")
    _, outcome = go(RayExecutor(ray_here), path, store)
    assert outcome.error is None
    assert str(os.getpid()) not in log.read_text(), "the driver opens nothing"
    go(LocalExecutor(), path, here)
    assert tables(store) == tables(here), "the same bytes as in process"


@pytest.mark.ray
def test_a_source_of_one_worker_is_read_where_its_data_are(ray_here, graph, tmp_path):
    from runner.cluster.executor import RayExecutor

    log, store, here = tmp_path / "log", Store(tmp_path / "store"), Store(tmp_path / "here")
    path = graph(f"{{count: 5, log: '{log}'}}", "{bad: [tone0002]}")
    _, outcome = go(RayExecutor(ray_here), path, store)
    assert outcome.error is None
    assert {line.split()[1] for line in log.read_text().splitlines()} == {str(os.getpid())}
    go(LocalExecutor(), path, here)
    assert tables(store) == tables(here), "what a worker made of each"


def test_of_a_source_so_many_good_rows_may_be_asked_for(graph, tmp_path):
    store = Store(tmp_path / "store")
    plan, outcome = go(LocalExecutor(), graph("{count: 9, bad: [1]}"), store, limit=3)
    assert outcome.error is None
    assert list(store.find_table(plan.steps["tone"].digest).ids) == ["tone0000", "tone0002", "tone0003"]
