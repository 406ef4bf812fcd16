"""What the record of a run says of how it stands, however it ended."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from runner.run.record import kept, now
from runner.store import Store
from runner.store.formats import versions_of
from runner.store.runs import newest_finished, said, state_of
from tests.environment import ROOT, TOYS

GRAPH = """
nodes:
  tone: {{read: toy.tones, config: {{count: {count}, seconds: 0.02}}}}
  loud: {{map: toy.gain, in: {{wave: tone.wave}}, config: {{pause_s: {pause}}}}}
  level: {{map: toy.level, in: {{wave: loud.wave}}}}
"""
RUN = [sys.executable, "-m", "runner"]


@pytest.fixture
def graph(tmp_path):
    (tmp_path / "graph.yaml").write_text(GRAPH.format(count=3, pause=0))
    return tmp_path / "graph.yaml"


def called(*words):
    return subprocess.run([*RUN, *map(str, words)], cwd=ROOT, env=TOYS, capture_output=True, text=True)


def test_a_run_that_was_stopped_does_not_hide_the_last_that_ended(graph, tmp_path):
    store, page = tmp_path / "store", tmp_path / "page.html"
    assert "no run of graph that ended" in called("report", graph, "--store", store).stderr
    assert called("run", graph, "--store", store).returncode == 0
    graph.write_text(GRAPH.format(count=300, pause=0.05))
    stopped = subprocess.Popen(
        [*RUN, "run", str(graph), "--store", str(store)], cwd=ROOT, env=TOYS, stderr=subprocess.PIPE
    )
    while len(Store(store).runs()) < 2:
        time.sleep(0.05)
    assert state_of(Store(store).runs()[0]) == "running"
    os.kill(stopped.pid, signal.SIGINT)
    stopped.communicate()
    later, ended = Store(store).runs()
    assert (later["state"], ended["state"]) == ("interrupted", "finished")
    made = called("report", graph, "--store", store, "--out", page)
    assert made.returncode == 0, made.stderr
    assert f"A run of {later['started']} is interrupted." in page.read_text("utf-8")
    assert "Finished in" in page.read_text("utf-8")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_was_asked_to_end_is_interrupted(graph, tmp_path, number):
    store = tmp_path / "store"
    graph.write_text(GRAPH.format(count=300, pause=0.05))
    asked = subprocess.Popen(
        [*RUN, "run", str(graph), "--store", str(store)], cwd=ROOT, env=TOYS, stderr=subprocess.PIPE
    )
    while not Store(store).runs():
        time.sleep(0.05)
    os.kill(asked.pid, number)
    _, said = asked.communicate()
    assert (asked.returncode, Store(store).runs()[0]["state"]) == (130, "interrupted"), said


def test_a_run_that_was_killed_has_crashed_at_once(graph, tmp_path):
    store = tmp_path / "store"
    graph.write_text(GRAPH.format(count=300, pause=0.05))
    killed = subprocess.Popen(
        [*RUN, "run", str(graph), "--store", str(store)], cwd=ROOT, env=TOYS, stderr=subprocess.PIPE
    )
    while not Store(store).runs():
        time.sleep(0.05)
    killed.kill()
    killed.communicate()
    (run,) = Store(store).runs()
    assert (run["state"], state_of(run)) == ("running", "crashed")
    assert (
        f": a run of {run['started']} is crashed; first: voxblocks run"
        in called("report", graph, "--store", store).stderr
    )


def test_a_store_that_does_not_answer_for_a_while_ends_no_signs_of_life(tmp_path, monkeypatch):
    store, write, failed = Store(tmp_path), Store.record_run, []

    def record_run(self, run, name=None):
        if run["state"] == "running" and name and not failed:
            failed.append(name)
            raise OSError("no route to host")
        return write(self, run, name)

    monkeypatch.setattr(Store, "record_run", record_run)
    with kept(store, {"graph": "g", "nodes": {}}, beat_s=0.02):
        while not failed:
            time.sleep(0.01)
        store.files.write_json(f"runs/{failed[0]}.json", {"seen": "lost"})
        while store.runs()[0]["seen"] == "lost":
            time.sleep(0.01)


def test_signs_of_life_are_given_until_the_end(tmp_path):
    store = Store(tmp_path)
    with kept(store, {"graph": "g", "nodes": {}}, beat_s=0.05) as name:
        first = store.runs()[0]
        assert state_of(first) == "running"
        store.record_run(first | {"seen": "lost"}, name)
        while store.runs()[0]["seen"] == "lost":
            time.sleep(0.02)
    with pytest.raises(RuntimeError), kept(store, {"graph": "h", "nodes": {}}):
        raise RuntimeError("broke")
    assert state_of(store.runs()[0]) == "crashed"


def test_who_is_silent_for_long_has_crashed():
    ended = {"state": "finished", "nodes": {}}
    silent = {"state": "running", "seen": (now() - timedelta(minutes=5)).isoformat(), "nodes": {}}
    old = {"error": None, "nodes": {"tone": {"state": "waiting"}}}
    assert [state_of(run) for run in (ended, silent, old)] == ["finished", "crashed", "crashed"]
    assert state_of(old | {"nodes": {"tone": {"state": "ran"}}}) == "finished"
    failed = {"state": "failed", "started": "now", "error": "tone: it broke.\nlong", "nodes": {}}
    assert newest_finished([old, silent, ended, failed]) == (ended, [old, silent])
    assert newest_finished([failed, ended]) == (ended, [failed]), "a run that failed hides no good one"
    assert newest_finished([silent, failed]) == (failed, [silent])
    assert newest_finished([silent]) == (None, [silent])
    assert said(failed) == "A run of now failed: tone: it broke."
    assert said(silent | {"started": "then"}) == "A run of then is crashed."


def test_what_other_versions_made_is_told_and_can_be_made_anew(graph, tmp_path):
    store = Store(tmp_path / "store")
    assert called("run", graph, "--store", tmp_path / "store").returncode == 0
    nodes = store.runs()[0]["nodes"]
    path = f"tables/{nodes['loud']['digest']}/table.json"
    store.files.write_json(
        path, store.files.read_json(path) | {"versions": {"python": sys.version.split()[0], "numpy": "1.0"}}
    )
    again = called("run", graph, "--store", tmp_path / "store")
    line = "1 cached node was made by other versions (numpy 1.0): loud; --redo-versions makes them anew"
    assert line in again.stderr
    assert "by python" in called("store", "why", nodes["loud"]["digest"][:8], "--store", tmp_path / "store").stdout
    planned = called("run", graph, "--store", tmp_path / "store", "--redo-versions", "--dry-run").stdout
    assert [line.split()[:2] for line in planned.splitlines()] == [
        ["cached", "tone"],
        ["run", "loud"],
        ["run", "level"],
    ]
    redone = called("run", graph, "--store", tmp_path / "store", "--redo-versions", "--json")
    states = {name: node["state"] for name, node in store.runs()[0]["nodes"].items()}
    assert (redone.returncode, states) == (0, {"tone": "cached", "loud": "ran", "level": "ran"})
    assert line not in called("run", graph, "--store", tmp_path / "store").stderr


def test_what_failed_is_tried_again_when_it_is_asked_for(graph, tmp_path):
    there = tmp_path / "there"
    text = GRAPH.format(count=3, pause=0).replace("pause_s: 0", f"bad: [tone0001], wants: {there}")
    graph.write_text("max_failed: 0.5\n" + text)
    words = ("run", graph, "--store", tmp_path / "store", "--json")
    rows = [json.loads(called(*words).stdout)["nodes"]["level"]["rows"]]
    there.touch()
    rows.append(json.loads(called(*words).stdout)["nodes"]["level"]["rows"])
    again = json.loads(called(*words, "--retry-failed").stdout)["nodes"]
    assert [*rows, again["level"]["rows"]] == [2, 2, 3]
    assert {name: node["state"] for name, node in again.items()} == {"tone": "cached", "loud": "ran", "level": "ran"}


def test_what_a_living_run_uses_is_not_taken_away(graph, tmp_path):
    graph.write_text("max_failed: 0.5\n" + GRAPH.format(count=3, pause=0).replace("pause_s: 0", "nan: [tone0001]"))
    words, store = ("run", graph, "--store", tmp_path / "store"), Store(tmp_path / "store")
    assert called(*words).returncode == 0
    nodes = {"level": {"digest": store.runs()[0]["nodes"]["level"]["digest"]}}
    with kept(store, {"graph": "other", "nodes": nodes, "started": "2026-01-01"}) as name:
        told = called(*words, "--retry-failed")
    assert (told.returncode, told.stderr) == (
        2,
        "a run of 2026-01-01 is using level: make these anew when it has ended\n",
    )
    store.record_run({"graph": "other", "nodes": nodes, "state": "finished"}, name)
    assert called(*words, "--retry-failed").returncode == 0
    assert not [info for info in store.files.listed("claims") if info.is_file]


def test_a_damaged_table_is_one_line(graph, tmp_path):
    assert called("run", graph, "--store", tmp_path / "store").returncode == 0
    shard = next((tmp_path / "store" / "tables").glob("*/shard-00000.arrow"))
    shard.write_bytes(shard.read_bytes()[:100])
    told = called("run", graph, "--store", tmp_path / "store")
    (line,) = told.stderr.splitlines()
    assert told.returncode == 1
    assert line.startswith(f"{shard}: has 100 bytes, want ")


def test_versions_of_what_a_block_needs_are_told_by_their_distributions():
    found = versions_of(("sklearn.covariance", "numpy", "no_such_module"))
    assert set(found) == {"scikit-learn", "numpy"}
    assert all(found.values())
