"""What clusters do to a training: machines and drivers that go away, ranks that hang, and too little of everything."""

import signal
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
import pytest
from safetensors.numpy import load_file

from runner.run.local import LocalExecutor
from runner.store import Store
from tests.cluster import s3
from tests.cluster.machines import machines as started
from tests.clusters import go

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]

GRAPH = """
nodes:
  tone: {{read: toy.tones, config: {{count: 14}}}}
  model:
    fit: toy.watched
    in: {{wave: tone.wave, split: tone.split}}
    config: {config}
    scale: {scale}
"""
STEPS = 20
CONFIG = f"noise: 0, max_steps: {STEPS}, max_frames: 8000, checkpoint_interval: 5, val_check_interval: 10"
TWO = "{workers: 2, gpus: 1}"
AT_ONCE = 0.3  # seconds a step takes, so that something can happen in the middle


@pytest.fixture(scope="module")
def bucket():
    """A server for S3, which every process below finds; gives what finds it."""
    with s3.serving() as port, pytest.MonkeyPatch.context() as patch:
        for key, value in s3.environment(port).items():
            patch.setenv(key, value)
        yield s3.environment(port)


@pytest.fixture(scope="module")
def machines(ray_environment, bucket):
    """Three nodes of one CPU and one GPU each."""
    with started(3, num_cpus=1, num_gpus=1) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> dict[str, np.ndarray]:
    """The weights that one process makes, undisturbed."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "graph.yaml").write_text(GRAPH.format(config=f"{{{CONFIG}}}", scale="{}"))
    return fitted(folder / "graph.yaml", Store(folder / "store"))


def fitted(path: Path, store: Store) -> dict[str, np.ndarray]:
    """The weights of `model`, after a run in process of what the store lacks."""
    plan, outcome = go(LocalExecutor(), path, store)
    assert outcome.error is None
    return load_file(f"{store.find_artifact(plan.steps['model'].digest)}/model.safetensors")


def write(driver, scale: str = TWO, more: str = "") -> None:
    driver.write(GRAPH.format(config=f"{{{CONFIG}, pause_s: {AT_ONCE}, log: {driver.log}{more}}}", scale=scale))


def ended_like(driver, alone: dict) -> None:
    """The run left the weights of an undisturbed one."""
    (found,) = Path(driver.store).glob("artifacts/*/model.safetensors")
    for name, value in load_file(found).items():
        np.testing.assert_allclose(value, alone[name], atol=1e-6)


def wait_for_step(driver, child, step: int) -> list[list[str]]:
    """The lines of toy.watched once two ranks have begun the step: rank, process, node, GPU, GPUs, step, init."""
    return driver.wait(lambda lines: sum(line[5] == str(step) for line in lines) == 2, child, timeout=120)


def first_steps(lines: list[list[str]]) -> dict[str, int]:
    """Where each process began."""
    found: dict[str, int] = {}
    for line in lines:
        found.setdefault(line[1], int(line[5]))
    return found


def test_the_training_moves_from_a_lost_machine_and_goes_on(machines, driver, alone):
    write(driver)
    child = driver.start("--address", machines.address)
    before = wait_for_step(driver, child, 8)
    lost = next(node for node in machines.worker_nodes if node.node_id in {line[2] for line in before})
    machines.remove_node(lost, allow_graceful=False)
    try:
        code, _, err = driver.end(child, timeout=240)
    finally:
        machines.add_node(num_cpus=1, num_gpus=1)
    assert code == 0, err
    old = {line[1] for line in before}
    after = [line for line in driver.lines() if line[1] not in old]
    assert lost.node_id not in {line[2] for line in after}
    assert len({line[2] for line in after}) == 2, "each on a machine of its own"
    assert set(first_steps(after).values()) == {6}, "the step after the last checkpoint"
    ended_like(driver, alone)


def test_a_killed_driver_is_repeated_from_the_last_checkpoint(machines, driver, alone):
    write(driver)
    child = driver.start("--address", machines.address)
    before = wait_for_step(driver, child, 8)
    child.send_signal(signal.SIGKILL)
    driver.end(child)
    code, _, err = driver.run("--address", machines.address, timeout=240)
    assert code == 0, err
    old = {line[1] for line in before}
    after = [line for line in driver.lines() if line[1] not in old]
    begun = set(first_steps(after).values())
    assert len(begun) == 1
    assert begun.pop() in (6, 11), "the workers of the killed driver may have come to the next checkpoint"
    ended_like(driver, alone)


def test_a_stopped_worker_is_missed_and_the_training_goes_on(machines, driver, alone):
    write(driver)
    child = driver.start("--address", machines.address, VOXBLOCKS_FIT_PATIENCE_S="6")
    before = wait_for_step(driver, child, 8)
    process = next(psutil.Process(int(line[1])) for line in before if line[0] == "1")
    process.suspend()
    code, _, err = driver.end(child, timeout=240)
    assert code == 0, err
    assert "The training hangs: nothing happened for" in err
    assert "rank 0 has been at step 8 (tone" in err
    assert "rank 1 is silent for" in err
    assert not process.is_running(), "nothing of the old attempt is left"
    after = [line for line in driver.lines() if line[1] not in {line[1] for line in before}]
    assert set(first_steps(after).values()) == {6}
    ended_like(driver, alone)


def test_a_training_that_hangs_again_and_again_is_given_up(machines, driver):
    write(driver, more=", hang_at: 8, hang_times: 100")
    code, _, err = driver.run("--address", machines.address, timeout=400, VOXBLOCKS_FIT_PATIENCE_S="4")
    assert code == 1
    last = err.splitlines()[-1]
    assert "model: the training failed 4 times, the last time since nothing happened for" in last
    assert "rank 0 has been at step 8 (tone" in last
    assert "rank 1 has been at step 8 (tone" in last
    assert "in watched.py:" in last.partition("rank 1")[2], "the line that it is stuck in"
    attempts = [line for line in driver.lines() if line[0] == "1" and line[5] == "8"]
    assert len({line[1] for line in attempts}) == 4
    assert (driver.folder / "store" / "fits").exists(), "its checkpoints are kept"


def test_a_patience_that_is_none_is_refused(machines, driver):
    write(driver)
    code, _, err = driver.run("--address", machines.address, VOXBLOCKS_FIT_PATIENCE_S="soon")
    assert code == 1
    assert "VOXBLOCKS_FIT_PATIENCE_S is 'soon'; want the seconds a step may take, such as 120" in err
    assert "Traceback" not in err


def test_more_workers_than_there_is_room_for_are_refused_before_the_start(machines, driver):
    write(driver, scale="{workers: 4, gpus: 1}")
    code, _, err = driver.run("--address", machines.address)
    assert code == 1
    assert "model: wants 4 x 1 CPU, 1 GPU, but the cluster has room for 3 such workers on 3 machines" in err
    assert not driver.lines()
    assert not (driver.folder / "store" / "tables").exists(), "not even the reading began"


def test_a_fit_starts_from_weights_that_lie_with_the_driver_alone(machines, bucket, driver):
    """A node that loads a folder, and a store that no machine has on its disk: each rank fetches the weights."""
    begin = driver.write(GRAPH.format(config="{noise: 0, max_steps: 3}", scale="{}"))
    here = Store(driver.folder / "here")
    go(LocalExecutor(), begin, here)
    (folder,) = (driver.folder / "here" / "artifacts").iterdir()
    folder.rename(driver.folder / "begun")
    write(driver)
    text = (driver.folder / "graph.yaml").read_text().replace("    in:", "    init: begun\n    in:", 1)
    driver.write(text + "  begun: {load: begun, as: toy.watched}\n")
    own = driver.folder / "own"
    own.mkdir()
    url = "s3://speech/begun"
    code, _, err = driver.run("--address", machines.address, "--store", url, timeout=240, TMPDIR=str(own), **bucket)
    assert code == 0, err
    found = {line[0]: line[6] for line in driver.lines()}
    assert len(set(found.values())) == 2, "a copy for each rank"
    assert not any(path.startswith(str(driver.folder)) for path in found.values())
    want = fitted(driver.folder / "graph.yaml", Store(driver.folder / "want"))
    for name, value in fitted(driver.folder / "graph.yaml", Store(url)).items():
        np.testing.assert_allclose(value, want[name], atol=1e-6)


def test_eight_workers_fill_two_machines_of_four_gpus(ray_environment, driver):
    scale = "{workers: 8, cpus: 0.25, gpus: 1}"
    driver.write(GRAPH.format(config=f"{{noise: 0, max_steps: 2, log: {driver.log}}}", scale=scale))
    with started(2, num_cpus=1, num_gpus=4) as cluster:
        nodes = {node.node_id for node in cluster.list_all_nodes()}
        code, _, err = driver.run("--address", cluster.address, timeout=400)
    assert code == 0, err
    first = [line for line in driver.lines() if line[5] == "1"]
    assert sorted(line[0] for line in first) == [str(rank) for rank in range(8)]
    assert Counter(line[2] for line in first) == dict.fromkeys(nodes, 4)
    for node in nodes:
        here = [line for line in first if line[2] == node]
        assert sorted(line[3] for line in here) == ["0", "1", "2", "3"], "a GPU of its own for each"
        assert {line[4] for line in here} == {"0,1,2,3"}, "those of one machine see each other, for NCCL"
