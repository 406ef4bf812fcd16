"""JAX training over several processes: two equal one, in parts too, and a killed worker costs no more than it must."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from runner.fit.events import curves
from runner.store import Store
from tests.cluster.test_cluster_fit import title, weights

pytestmark = [pytest.mark.ray, pytest.mark.timeout(400)]

GRAPH = """
nodes:
  tone: {{read: toy.tones, config: {{count: 14}}}}
  model:
    fit: toy.leveled
    in: {{wave: tone.wave, split: tone.split, speaker: tone.speaker}}
    config: {{max_steps: 40, max_frames: 8000, checkpoint_interval: 5, val_check_interval: 10, {more}}}
    scale: {{workers: {workers}}}
"""


def alone(driver, text: str) -> dict[str, np.ndarray]:
    """The weights that one process makes."""
    driver.write(text)
    code, _, err = driver.run("--store", str(driver.folder / "alone"), timeout=200)
    assert code == 0, err
    return weights(driver.folder / "alone")


def same(found: dict, wanted: dict, atol: float) -> None:
    assert found.keys() == wanted.keys()
    for name, value in found.items():
        np.testing.assert_allclose(value, wanted[name], atol=atol, err_msg=name)


def test_two_workers_equal_one_at_the_same_global_batch(driver):
    wanted = alone(driver, GRAPH.format(more="balance: 0.5", workers=1))
    driver.write(GRAPH.format(more="balance: 0.5, accumulate: 2", workers=2))
    code, _, err = driver.run("--address", "local", timeout=300)
    assert code == 0, err
    same(weights(driver.folder / "store"), wanted, 1e-6)


@pytest.mark.slow
def test_a_killed_worker_is_started_again_and_goes_on(driver):
    wanted = alone(driver, GRAPH.format(more="pause_s: 0", workers=1))
    driver.write(GRAPH.format(more="pause_s: 0.1", workers=2))
    child = driver.start("--address", "local")
    deadline = time.monotonic() + 200
    while not list(driver.folder.glob("store/fits/*/step-00000010/state.json")):
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    victims = [p for p in psutil.Process(child.pid).children(recursive=True) if "RayTrainWorker" in title(p)]
    assert len(victims) == 2
    os.kill(victims[1].pid, signal.SIGKILL)
    code, _, err = driver.end(child, timeout=300)
    assert code == 0, err
    same(weights(driver.folder / "store"), wanted, 1e-6)


@pytest.mark.slow
def test_what_one_rank_alone_refuses_ends_the_training_with_its_reason(driver):
    driver.write(GRAPH.format(more="refuse_at: 7", workers=2))
    code, out, err = driver.run("--address", "local", timeout=300)
    assert code != 0
    assert "rank 1 does not like step 7" in out + err


FLOW = """
spec: {{sample_rate: 8000, n_fft: 256, hop_length: 64, win_length: 256, n_mels: 16, f_max: 4000}}
nodes:
  tone: {{read: toy.tones, config: {{count: 14}}}}
  mel: {{map: features.log_mel, in: {{wave: tone.wave}}}}
  model:
    fit: flow.affine
    in: {{log_mel: mel.log_mel, split: tone.split}}
    config:
      {{pitch: false, blocks: 3, split: 4, split_every: 2, hidden: 8, layers: 2, kernel: 3, noise: 0, dropout: 0, lr: 1e-3, warmup_steps: 2, max_steps: 8,
        max_frames: 200, checkpoint_interval: 4, val_check_interval: 4, accumulate: {parts}}}
    scale: {{workers: {workers}}}
"""


@pytest.mark.slow
def test_the_flow_on_two_workers_equals_that_on_one(driver):
    """Step by step, to rounding. Weights whose gradient is rounding alone (shifts after a norm) differ: Adam takes its sign."""
    alone(driver, FLOW.format(parts=1, workers=1))
    driver.write(FLOW.format(parts=2, workers=2))
    code, _, err = driver.run("--address", "local", timeout=300)
    assert code == 0, err
    one, two = (learned(driver.folder / store) for store in ("alone", "store"))
    assert len(one) == 8
    np.testing.assert_allclose(two, one, rtol=1e-4)


def learned(store: Path) -> list[tuple[float, float]]:
    """Loss and norm of the gradient of every step."""
    (folder,) = (store / "fits").iterdir()
    lines = curves(Store(store).files, f"fits/{folder.name}")
    return [(line["train/loss"], line["train/grad_norm"]) for line in lines if "train/loss" in line]
