"""Three machines, as far as one can play them: who works where, and one that goes away in the middle."""

import time

import pytest

from runner.run.local import LocalExecutor
from runner.store import Store
from runner.work.apply import SHARD_ROWS
from tests.cluster.machines import machines as started
from tests.clusters import go, tables

pytestmark = [pytest.mark.ray, pytest.mark.slow]

GRAPH = """
about: work for machines with GPUs
nodes:
  tone: {{read: toy.tones, config: {{count: {count}, seconds: 0.02}}}}
  at: {{map: toy.where, in: {{wave: tone.wave}}, config: {{pause_s: {pause}, log: {log}}}, scale: {scale}}}
"""


@pytest.fixture(scope="module")
def machines(ray_environment):
    """Three nodes of one CPU and one GPU each."""
    with started(3, num_cpus=1, num_gpus=1) as cluster:
        yield cluster


def write(driver, scale: str, count: int, pause: float) -> None:
    driver.write(GRAPH.format(log=driver.log, scale=scale, count=count, pause=pause))


def places(lines: list[list[str]]) -> dict[str, set[str]]:
    """Processes by node."""
    found: dict[str, set[str]] = {}
    for _, node, process, _ in lines:
        found.setdefault(node, set()).add(process)
    return found


def test_each_gpu_worker_has_a_machine_of_its_own(machines, driver):
    write(driver, "{workers: 3, gpus: 1}", count=384, pause=0.02)
    code, _, err = driver.run("--address", machines.address)
    assert code == 0, err
    assert places(driver.lines()).keys() == {node.node_id for node in machines.list_all_nodes()}
    assert {line[3] for line in driver.lines()} == {"0"}


def test_workers_share_a_gpu_where_each_wants_half(machines, driver):
    write(driver, "{workers: 4, cpus: 0.5, gpus: 0.5}", count=512, pause=0.05)
    code, _, err = driver.run("--address", machines.address)
    assert code == 0, err
    processes = sorted(len(found) for found in places(driver.lines()).values())
    assert sum(processes) == 4
    assert processes[-1] == 2, "three GPUs for four workers"
    assert {line[3] for line in driver.lines()} == {"0"}


def test_a_lost_machine_costs_no_row(machines, driver):
    write(driver, "{workers: 2, gpus: 1}", count=512, pause=0.02)
    child = driver.start("--address", machines.address)
    lines = driver.wait(lambda lines: len(lines) > 40 and len(places(lines)) == 2, child)
    lost = next(node for node in machines.worker_nodes if node.node_id in places(lines))
    machines.remove_node(lost, allow_graceful=False)
    started = time.monotonic()
    code, _, err = driver.end(child, timeout=150)
    print(f"{time.monotonic() - started:.1f} s from the loss to the end")
    assert code == 0, err
    in_hand = [line[0] for line in lines if line[1] == lost.node_id]
    elsewhere = {line[0] for line in driver.lines() if line[1] != lost.node_id}
    assert len(in_hand) < SHARD_ROWS
    assert set(in_hand) < elsewhere, "what it had in hand was made again"
    assert {line[0] for line in driver.lines()} == {f"tone{n:04d}" for n in range(512)}
    want = Store(driver.folder / "want")
    go(LocalExecutor(), driver.folder / "graph.yaml", want)
    assert tables(Store(driver.store)) == tables(want)
