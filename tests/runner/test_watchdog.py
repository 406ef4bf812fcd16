"""A rank that hangs ends itself and says where it was; one that is only slow to begin does not. As real processes."""

import signal
import subprocess
import sys
import time

import pytest

from runner.fit.watchdog import AT_REST, Ranks, forget, hang, patience
from runner.store.files import Files
from runner.work.executor import NodeFailed
from tests.environment import ROOT

RANK = """
import sys, time
from blocks.training import Batch
from runner.fit.watchdog import Watchdog
from runner.store.files import Files

rank, world, patience, *seconds = map(float, sys.argv[2:])
with Watchdog(Files(sys.argv[1]), "fits/some", int(rank), int(world), patience) as watchdog:
    for step, spent in enumerate(seconds, 1):
        batch = Batch(step, [f"item{step}"], [], 8, 1, 1.0)
        watchdog.begins(batch)
        time.sleep(spent)
        watchdog.ended(batch, {"loss": step / 2})
"""


@pytest.fixture
def rank(tmp_path):
    """Start a rank whose steps take so many seconds."""
    children = []

    def _rank(number: int, world: int, patience: float, *seconds: float) -> subprocess.Popen:
        words = map(str, [tmp_path, number, world, patience, *seconds])
        children.append(
            subprocess.Popen([sys.executable, "-c", RANK, *words], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        )
        return children[-1]

    yield _rank
    for child in children:
        child.kill()
        child.communicate()


def test_a_step_that_does_not_end_is_ended_and_said(rank, tmp_path):
    child = rank(0, 1, 0.5, 0, 60)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 1
    assert "The training hangs: nothing happened for 1 s (VOXBLOCKS_FIT_PATIENCE_S is 0.5): rank 0 has been at" in err
    assert "at step 2 (item2) for 1 s, in <string>:" in err
    files = Files(tmp_path)
    assert hang(files, "fits/some") in err
    forget(files, "fits/some", 1)
    assert (hang(files, "fits/some"), str(Ranks(files, "fits/some", 1))) == ("", "no rank had begun")


def test_before_the_first_step_is_done_and_between_two_there_is_more_time(rank):
    assert AT_REST * 0.2 > 1.4
    child = rank(0, 1, 0.2, 1.4, 0)
    _, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (0, "")


def test_a_stopped_process_is_told_from_one_that_waits(rank, tmp_path):
    stopped = rank(1, 2, 60, 0, 60)
    files = Files(tmp_path)
    while (files.read_json("fits/some/rank-1.json") or {"step": 0})["step"] < 2:
        assert stopped.poll() is None
        time.sleep(0.05)
    stopped.send_signal(signal.SIGSTOP)
    waiting = rank(0, 2, 4, 0, 60)
    _, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 1
    assert "rank 0 has been at step 2 (item2) for" in err
    assert "rank 1 is silent for" in err
    assert "last at step 2 (item2)" in err


@pytest.mark.parametrize("said", ["soon", "0", "-1", "nan", "inf"])
def test_a_patience_that_is_none_is_refused(monkeypatch, said):
    monkeypatch.setenv("VOXBLOCKS_FIT_PATIENCE_S", said)
    with pytest.raises(NodeFailed, match="want the seconds a step may take"):
        patience()


def test_the_patience_can_be_set(monkeypatch):
    monkeypatch.setenv("VOXBLOCKS_FIT_PATIENCE_S", "7.5")
    assert patience() == 7.5
    monkeypatch.delenv("VOXBLOCKS_FIT_PATIENCE_S")
    assert patience() == 120
