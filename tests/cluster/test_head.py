"""The head of a cluster goes away: the driver says so, ends, and leaves a store to go on with."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

from runner.run.local import LocalExecutor
from runner.store import Store
from tests.clusters import MEMORY, go, tables
from tests.environment import ROOT

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SLOW = """
about: shards enough for twenty seconds
nodes:
  tone: {{read: toy.tones, config: {{count: 640, seconds: 0.02}}}}
  at: {{map: toy.where, in: {{wave: tone.wave}}, config: {{pause_s: 0.03, log: {log}}}}}
"""


@pytest.fixture
def head(ray_environment):
    """``ray start --head`` as a process of its own; gives its address and its pid."""
    ray = Path(sys.executable).with_name("ray")
    command = [ray, "start", "--head", "--port=0", "--num-cpus=1", "--include-dashboard=false", "--block"]
    folder = tempfile.mkdtemp(prefix="vb")  # short, for the sockets in it, and away from what others start here
    command += [f"--object-store-memory={MEMORY}", "--dashboard-agent-listen-port=0", f"--temp-dir={folder}"]
    child = subprocess.Popen(command, cwd=ROOT, env=ray_environment, stdout=subprocess.PIPE, text=True)
    try:
        address = next(found[1] for line in child.stdout if (found := re.search(r"--address='(\S+?)'", line)))
        yield address, child.pid
    finally:
        for pid in [*offspring(child.pid), child.pid]:
            kill(pid)
        child.communicate(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


def offspring(pid: int) -> list[int]:
    """Children, and theirs."""
    below = [int(found) for found in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return below + [deep for found in below for deep in offspring(found)]


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("dies", ["gcs_server", ""], ids=["its control process", "the whole machine"])
def test_a_head_that_goes_away_ends_the_run_with_a_message(driver, head, dies):
    address, pid = head
    path = driver.write(SLOW.format(log=driver.log))
    child = driver.start("--address", address)
    driver.wait(lambda lines: len(lines) > 70, child, timeout=90)
    for one in offspring(pid):
        if dies in Path(f"/proc/{one}/cmdline").read_text():
            kill(one)
    started = time.monotonic()
    code, out, err = driver.end(child, timeout=60)
    seconds = time.monotonic() - started
    print(f"{seconds:.1f} s from the loss to the end of the driver")
    assert (code, out) == (1, ""), err
    assert f"the head of the Ray cluster at {address} does not answer any more" in err
    assert "Traceback" not in err
    assert seconds < 40, "10 s of silence, and Ray's own leave-taking"
    for one in offspring(pid):
        kill(one)
    before = len(driver.lines())
    assert driver.run()[0] == 0, "in process it goes on"
    assert len(driver.lines()) - before <= 640 - 64, "with what was finished"
    want = Store(driver.folder / "want")
    go(LocalExecutor(), path, want)
    assert tables(Store(driver.store)) == tables(want)
