"""Workers, drivers and items that die, as real processes: no row is lost, none doubled, and the bytes are the same."""

import os
import signal
import time

import pytest

from runner.check import check, read_graph
from runner.cluster.executor import RayExecutor
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.store.claims import _machine
from runner.work.apply import SHARD_ROWS
from tests.clusters import go, tables

pytestmark = pytest.mark.ray

SLOW = """
about: three shards of slow items
nodes:
  tone: {{read: toy.tones, config: {{count: 192, seconds: 0.02}}}}
  at: {{map: toy.where, in: {{wave: tone.wave}}, config: {{pause_s: 0.01, log: {log}}}, scale: {{workers: {workers}}}}}
"""
DEADLY = """
max_failed: 0.5
nodes:
  tone: {{read: toy.tones, config: {{count: {count}, seconds: 0.02}}}}
  loud: {{map: toy.gain, in: {{wave: tone.wave}}, config: {{deadly: [tone0020]}}, scale: {{workers: 2, batch_size: 8}}}}
"""
REASON = "the worker process died 3 times while it worked on this item"


def same_as_in_process(driver) -> None:
    """The driver's tables equal those of a run in process, in a store of its own."""
    want = Store(driver.folder / "want")
    _, outcome = go(LocalExecutor(), driver.folder / "graph.yaml", want)
    assert outcome.error is None
    assert tables(Store(driver.store)) == tables(want)
    assert not list((driver.folder / "store" / "claims").glob("*")), "no item is under suspicion any more"


def finished(driver) -> set[str]:
    """Ids in the shards that a table which is not complete has already."""
    begun = [path.parent for path in (driver.folder / "store" / "tables").glob("*/started.json")]
    shards = [int(path.stem.split("-")[1]) for folder in begun for path in folder.glob("shard-*.arrow")]
    return {f"tone{n:04d}" for shard in shards for n in range(SHARD_ROWS * shard, SHARD_ROWS * (shard + 1))}


def test_a_killed_worker_costs_no_row(ray_here, driver):
    driver.write(SLOW.format(log=driver.log, workers=2))
    child = driver.start("--address", ray_here)
    lines = driver.wait(lambda lines: len(lines) > 20, child)
    os.kill(int(lines[-1][2]), signal.SIGKILL)
    code, _, err = driver.end(child)
    assert code == 0, err
    assert len({pid for _, _, pid, _ in driver.lines()}) > 2, "somebody took over"
    assert {line[0] for line in driver.lines()} == {f"tone{n:04d}" for n in range(192)}
    same_as_in_process(driver)


@pytest.mark.parametrize(
    "count", [pytest.param(40, marks=pytest.mark.slow, id="one shard"), pytest.param(140, id="several shards")]
)
def test_a_deadly_item_is_blamed_and_the_rest_survives(ray_here, tmp_path, count):
    path = tmp_path / "graph.yaml"
    path.write_text(DEADLY.format(count=count))
    store = Store(tmp_path / "store")
    plan, outcome = go(RayExecutor(ray_here), path, store)
    assert outcome.error is None
    table = store.find_table(plan.steps["loud"].digest)
    assert len(table) == count - 1
    assert [(failure.id, failure.reason) for failure in table.failures] == [("tone0020", REASON)]


@pytest.mark.slow
def test_a_killed_driver_is_repeated_without_redoing_finished_shards(ray_here, driver):
    driver.write(SLOW.format(log=driver.log, workers=1))
    child = driver.start("--address", ray_here)
    driver.wait(lambda lines: len(lines) > 80, child)
    child.send_signal(signal.SIGKILL)
    driver.end(child)
    _quiet(driver)
    before, kept = len(driver.lines()), finished(driver)
    assert kept
    code, _, err = driver.run("--address", ray_here)
    assert code == 0, err
    again = {line[0] for line in driver.lines()[before:]}
    assert again == {f"tone{n:04d}" for n in range(192)} - kept
    same_as_in_process(driver)


def test_an_interrupted_driver_says_so_and_leaves_a_store_to_go_on_with(ray_here, driver):
    slower = SLOW.replace("pause_s: 0.01", "pause_s: 0.03")  # on a busy machine it would else be done before it is told
    driver.write(slower.format(log=driver.log, workers=2))
    child = driver.start("--address", ray_here)
    driver.wait(lambda lines: len(lines) > 80, child)
    child.send_signal(signal.SIGINT)
    started = time.monotonic()
    code, out, err = driver.end(child, timeout=30)
    assert time.monotonic() - started < 15
    assert (code, out) == (130, ""), err
    assert "Finished shards are kept" in err
    assert "Traceback" not in err
    _quiet(driver)
    code, _, err = driver.run()
    assert code == 0, err
    same_as_in_process(driver)


def _quiet(driver) -> None:
    """Wait until the workers of a dead driver are gone, too."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        count = len(driver.lines())
        time.sleep(0.5)
        if len(driver.lines()) == count:
            return
    raise AssertionError("workers go on without their driver")


def test_a_block_that_dies_while_it_is_loaded_ends_the_run_and_not_the_patience(ray_here, tmp_path):
    path, store = tmp_path / "graph.yaml", Store(tmp_path / "store")
    path.write_text(DEADLY.format(count=8).replace("deadly: [tone0020]", ""))
    digest = make_plan(check(read_graph(path)), store).steps["loud"].digest
    dead = {"machine": _machine(), "pid": 2**22, "started": "1", "run": "", "beat": 1, "at": "setup"}
    for number in range(3):  # what three processes leave that die there
        store.files.write_json(f"claims/{digest}-00000.{number}.json", dead)
    _, outcome = go(LocalExecutor(), path, store)
    assert "loud: toy.gain: 3 processes died while they loaded toy.gain" in str(outcome.error)
    for number in range(3):
        store.files.write_json(f"claims/{digest}-00000.{number}.json", dead)
    _, outcome = go(RayExecutor(ray_here), path, store)
    assert outcome.error is None, "a run on a cluster counts the deaths of its own workers only"
