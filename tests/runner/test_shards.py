"""An item that takes its process down is found, blamed and left behind; one unlucky death blames nobody."""

import subprocess
import sys

import pytest

from runner.store import Store
from runner.store.claims import Claim, Claims
from runner.work.shards import Trial
from tests.environment import ROOT, TOYS

GRAPH = """
max_failed: 0.5
nodes:
  tone: {{read: toy.tones, config: {{count: 40}}}}
  loud: {{map: toy.gain, in: {{wave: tone.wave}}, config: {{deadly: [tone0020], log: {log}}}, scale: {{batch_size: 8}}}}
"""


def test_a_deadly_item_is_blamed_at_its_third_death_and_the_rest_survives(tmp_path):
    (tmp_path / "graph.yaml").write_text(GRAPH.format(log=tmp_path / "log"))
    command = [sys.executable, "-m", "runner", "run", str(tmp_path / "graph.yaml"), "--store", str(tmp_path / "store")]
    codes = [subprocess.run(command, cwd=ROOT, env=TOYS, capture_output=True).returncode for _ in range(4)]
    assert codes == [-6, -6, -6, 0]
    store = Store(tmp_path / "store")
    digest = next(made["nodes"]["loud"]["digest"] for made in store.runs())
    table = store.find_table(digest)
    assert len(table) == 39
    (failure,) = table.failures
    assert (failure.id, failure.reason) == ("tone0020", "the worker process died 3 times while it worked on this item")
    assert not store.files.listed("claims")


@pytest.fixture
def begin(tmp_path):
    """A claim by a process that is new each time, and dies at once."""
    store = Store(tmp_path)

    def begin(run: str = "", mine: str = "") -> tuple[Trial, Claim]:
        dead = subprocess.Popen(["true"])
        claims = Claims(store.files, beat_s=60)
        claims._owner |= {"pid": dead.pid, "started": "long ago"}
        dead.wait()
        claim = claims.take("shard", run)
        return Trial(claim, mine), claim

    return begin


def test_a_batch_is_taken_apart_only_after_its_second_death(begin):
    for careful in (False, False, True):
        trial, _ = begin()
        assert trial.careful(16) == careful
        assert not trial.careful(0)
        trial.note(16)


def test_what_is_finished_leaves_no_suspicion(begin):
    begin()[0].note(0)
    trial, claim = begin()
    with claim:
        trial.note(0)
    assert not begin()[0].batches


def test_on_a_cluster_deaths_of_other_drivers_count_against_no_item(begin):
    for _ in range(2):
        begin("one")[0].note(0)
    assert begin("two", "two")[0].batches[0] == 0
    assert begin("one", "one")[0].batches[0] == 2


def test_a_block_is_warmed_once_with_an_item_of_each_padded_length(tmp_path):
    text = """
nodes:
  short: {{read: toy.tones, config: {{count: 70, seconds: 0.01}}}}
  long: {{read: toy.tones, config: {{count: 3, seconds: 0.1, prefix: long}}}}
  both: {{union: [short, long]}}
  out: {{map: toy.warmed, in: {{wave: both.wave}}, config: {{log: {log}}}}}
"""
    (tmp_path / "graph.yaml").write_text(text.format(log=tmp_path / "log"))
    command = [sys.executable, "-m", "runner", "run", str(tmp_path / "graph.yaml"), "--store", str(tmp_path / "store")]
    subprocess.run(command, cwd=ROOT, env=TOYS, capture_output=True, check=True)
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert line.partition(" ")[2] == "[160, 1600]"
