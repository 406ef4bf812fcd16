"""Training on Ray workers: two equal one, and a worker that dies costs only the steps since the last checkpoint."""

import contextlib
import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from safetensors.numpy import load_file

from runner.store import Store

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

GRAPH = """
nodes:
  tone: {{read: toy.tones, config: {{count: 14}}}}
  model:
    fit: toy.tuned
    in: {{wave: tone.wave, split: tone.split}}
    config: {{noise: 0, max_steps: 40, max_frames: 8000, checkpoint_interval: 5, val_check_interval: 10, pause_s: {pause}}}
    scale: {{workers: {workers}}}
"""


def weights(folder: Path) -> dict[str, np.ndarray]:
    (found,) = folder.glob("artifacts/*/model.safetensors")
    return load_file(found)


@pytest.fixture
def alone(driver):
    """The weights that one process makes."""
    driver.write(GRAPH.format(pause=0, workers=1))
    code, _, err = driver.run("--store", str(driver.folder / "alone"))
    assert code == 0, err
    return weights(driver.folder / "alone")


def test_two_workers_equal_one_at_the_same_global_batch(driver, alone):
    driver.write(GRAPH.format(pause="0, accumulate: 2", workers=2))
    code, _, err = driver.run("--address", "local", timeout=200)
    assert code == 0, err
    for name, value in weights(driver.folder / "store").items():
        np.testing.assert_allclose(value, alone[name], atol=1e-6)


@pytest.mark.slow
def test_a_killed_worker_is_started_again_and_goes_on(driver, alone):
    driver.write(GRAPH.format(pause=0.1, workers=2))
    child = driver.start("--address", "local")
    store = Store(driver.folder / "store")
    deadline = time.monotonic() + 150
    while not list(driver.folder.glob("store/fits/*/step-00000010/state.json")):
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    killed = time.monotonic()
    victims = [p for p in psutil.Process(child.pid).children(recursive=True) if "RayTrainWorker" in title(p)]
    assert len(victims) == 2
    os.kill(victims[1].pid, signal.SIGKILL)
    code, _, err = driver.end(child, timeout=200)
    assert code == 0, err
    print(f"finished {time.monotonic() - killed:.1f} s after the kill")
    for name, value in weights(driver.folder / "store").items():
        np.testing.assert_allclose(value, alone[name], atol=1e-6)
    assert not store.files.listed("claims")


def title(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


@pytest.mark.slow
def test_a_nan_ends_the_training_of_all_workers_at_its_step(driver):
    driver.write(GRAPH.format(pause="0, break_at: 13", workers=2))
    code, _, err = driver.run("--address", "local", timeout=200)
    assert code != 0
    said = " ".join(err.split())
    assert "step 13: the loss is nan" in said
    assert "the last good checkpoint is of step 10" in said


@pytest.mark.slow
def test_two_workers_on_many_rows_equal_one(driver):
    graph = GRAPH.replace("count: 14", "count: 34000, seconds: 0.001").replace("max_frames: 8000", "max_frames: 500")
    driver.write(graph.format(pause=0, workers=1))
    code, _, err = driver.run("--store", str(driver.folder / "alone"), timeout=200)
    assert code == 0, err
    driver.write(graph.format(pause=0, workers=2))
    code, _, err = driver.run("--address", "local", timeout=250)
    assert code == 0, err
    found, wanted = (weights(driver.folder / store) for store in ("store", "alone"))
    for name, value in found.items():
        np.testing.assert_allclose(value, wanted[name], atol=1e-6)
    best = [
        json.loads(next((driver.folder / store).glob("artifacts/*/metrics.json")).read_text())["best"]
        for store in ("store", "alone")
    ]
    assert best[0]["step"] == best[1]["step"]
    assert best[0]["score"] == pytest.approx(best[1]["score"], rel=1e-5)
