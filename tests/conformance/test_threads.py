"""The same bytes on a machine of any shape: a table hangs on the threads that its node has, not on those of the machine."""

import functools
import os
import subprocess
import sys

import numpy as np
import pytest

from runner.run.local import LocalExecutor
from runner.store import Store
from runner.work import threads
from tests.clusters import go, tables
from tests.environment import ROOT

# Of each library that adds up in parts: BLAS (NumPy, SciPy), torch, XLA.
GRAPH = """
spec: vox_16k
max_failed: 0.5
nodes:
  tone: {read: toy.tones, config: {count: 2, seconds: 1.0}}
  mel: {map: features.log_mel, in: {wave: tone.wave}}
  voice: {map: vocoder.griffin_lim, in: {log_mel: mel.log_mel}, config: {iterations: 8}}
  embedding: {map: reference.ge2e, in: {wave: tone.wave}}
"""


def made(folder) -> dict:
    """Tables of a run, and what XLA makes in a node's place: a sum that is cut by threads."""
    folder.mkdir()
    (folder / "graph.yaml").write_text(GRAPH)
    _, outcome = go(LocalExecutor(), folder / "graph.yaml", Store(folder / "store"))
    assert outcome.error is None
    return tables(Store(folder / "store")) | {"gradient": gradient().tobytes()}


def gradient() -> np.ndarray:
    """Of the weights of a convolution."""
    import jax

    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(shape, dtype=np.float32) for shape in ((2, 500, 64), (7, 64, 96)))
    convolve = functools.partial(jax.lax.conv_general_dilated, window_strides=(1,), padding="SAME")
    loss = lambda w: (convolve(x, w, dimension_numbers=("NWC", "WIO", "NWC")) ** 2).mean()  # noqa: E731
    return np.asarray(jax.jit(jax.grad(loss))(w))


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    return made(tmp_path_factory.mktemp("one") / "run")


@pytest.mark.parametrize("count", [2, 4])
def test_a_process_that_has_more_threads_makes_the_same_bytes(wanted, tmp_path, count):
    threads.use(count)  # as on a machine of so many cores
    assert gradient().tobytes() != wanted["gradient"], "else the question is none"
    found = made(tmp_path / "run")
    assert [name for name in wanted if found[name] != wanted[name]] == []


def test_the_threads_of_a_node_are_set_for_every_library_and_count_in_its_digest(tmp_path):
    import jax.numpy as jnp
    import torch
    from threadpoolctl import threadpool_info

    graph = tmp_path / "graph.yaml"
    text = "nodes:\n  tone: {read: toy.tones, config: {count: 1}}\n  loud: {map: toy.gain, in: {wave: tone.wave}, scale: {cpus: %s}}\n"
    digests = []
    for cpus, count in (("1", 1), ("0.5", 1), ("3", 3)):
        graph.write_text(text % cpus)
        plan, outcome = go(LocalExecutor(), graph, Store(tmp_path / "store"))
        assert outcome.error is None
        digests.append(plan.steps["loud"].digest)
        assert {pool["num_threads"] for pool in threadpool_info()} == {count}
        assert torch.get_num_threads() == count
        assert os.environ["NPROC"] == str(count)
        assert float(jnp.ones(3).sum()) == 3.0, "XLA starts anew"
    assert digests[0] == digests[1] != digests[2]


def test_the_command_line_starts_with_one_thread_whatever_the_environment_says():
    code = (
        "import os, sys, runner.cli; cli = sys.modules['runner.cli.app']; "
        "cli.app = lambda: print(os.environ['OMP_NUM_THREADS'], os.environ['NPROC']); cli.main()"
    )
    env = os.environ | {"OMP_NUM_THREADS": "7"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.stdout.split() == ["1", "1"], done.stderr
