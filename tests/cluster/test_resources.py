"""What a cluster can give: asked before the start, waited for with a deadline, and said in words."""

import subprocess
import sys
import time

import pytest

from runner.cluster.executor import RayExecutor
from runner.store import Store
from runner.work.executor import ClusterError
from tests.clusters import go
from tests.environment import ROOT

pytestmark = pytest.mark.ray

ASKING = """
nodes:
  tone: {{read: toy.tones}}
  loud: {{map: toy.gain, in: {{wave: tone.wave}}, scale: {scale}}}
"""


@pytest.fixture
def ask(ray_here, tmp_path):
    """Run a node with that `scale`; gives the outcome and the seconds it took."""

    def _ask(scale: str, patience: float = 600):
        path = tmp_path / "graph.yaml"
        path.write_text(ASKING.format(scale=scale))
        started = time.monotonic()
        _, outcome = go(RayExecutor(ray_here, patience), path, Store(tmp_path / "store"))
        return outcome, time.monotonic() - started

    return _ask


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        ("{workers: 3}", "loud: wants 3 x 1 CPU, but the cluster has room for 2 such workers on 1 machines with 2 CPU"),
        ("{gpus: 1}", "loud: wants 1 x 1 CPU, 1 GPU, but the cluster has room for 0 such workers"),
        ("{memory: 9TB}", "loud: wants 1 x 1 CPU, 9000.0 GB, but the cluster has room for 0"),
    ],
)
def test_more_than_there_is_is_refused_before_the_start(ask, scale, said):
    outcome, _ = ask(scale)
    assert isinstance(outcome.error, ClusterError)
    assert f"graph.yaml:4:3: {said}" in str(outcome.error)
    assert {node.state for node in outcome.nodes.values()} == {"waiting"}


def test_waiting_for_what_others_hold_ends_with_a_message(ask):
    import ray

    @ray.remote(num_cpus=2)
    class Hog:
        def ready(self):
            return True

    hog = Hog.remote()
    try:
        assert ray.get(hog.ready.remote(), timeout=30)
        outcome, seconds = ask("{workers: 2}", patience=2)
    finally:
        ray.kill(hog)
    assert "loud: waited 2 s for 1 x 1 CPU; free now: 0 CPU" in str(outcome.error)
    assert "ask for less in `scale`" in str(outcome.error)
    assert seconds < 10
    outcome, _ = ask("{workers: 2}")
    assert outcome.error is None, "the same run goes on once there is room"


def test_nodes_that_want_all_there_is_at_once_take_turns(ray_here, tmp_path):
    path = tmp_path / "graph.yaml"
    two = "{{map: toy.gain, in: {{wave: tone.wave}}, config: {{gain: {n}}}, scale: {{workers: 2}}}}"
    nodes = "".join(f"  n{n}: {two.format(n=n)}\n" for n in range(1, 3))
    path.write_text(f"nodes:\n  tone: {{read: toy.tones, config: {{count: 130, seconds: 0.01}}}}\n{nodes}")
    _, outcome = go(RayExecutor(ray_here), path, Store(tmp_path / "store"))
    assert outcome.error is None
    assert [outcome.nodes[name].rows for name in ("n1", "n2")] == [130, 130]


def test_no_cluster_at_an_address_is_said_without_a_traceback(driver):
    driver.write(ASKING.format(scale="{}"))
    started = time.monotonic()
    code, out, err = driver.run("--address", "127.0.0.1:1")
    assert (code, out) == (1, "")
    assert "no Ray cluster at 127.0.0.1:1" in err
    assert "--address local starts one" in err
    assert "Traceback" not in err
    assert time.monotonic() - started < 40


WITHOUT = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "ray":
            raise ModuleNotFoundError("No module named 'ray'", name="ray")

sys.meta_path.insert(0, Blocker())
sys.argv[0] = "voxblocks"
from runner.cli import main
main()
"""


def test_without_ray_the_extra_is_named(driver):
    path = driver.write(ASKING.format(scale="{}"))
    command = [sys.executable, "-c", WITHOUT, "run", str(path), "--store", driver.store]
    environment = driver.environment | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, "--address", "local"], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 1
    assert "pip install 'voxblocks[cluster]'" in done.stderr
    assert "Traceback" not in done.stderr
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, "in process nothing of Ray is needed"
