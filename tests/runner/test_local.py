"""Graphs of toy blocks, run for real: what is made, what is kept, what stops a run."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from blocks.load import find
from runner.check import check, read_graph
from runner.plan import PlanError, make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.store.artifact import write_manifest
from runner.work.executor import Observer
from tests.environment import ROOT, TOYS

GRAPH = """
about: tones through every verb
seed: 3
nodes:
  tone: {read: toy.tones, config: {count: 8, skip: [7]}}
  loud: {map: toy.gain, in: {wave: tone.wave}, config: {gain: 2}}
  odd: {pick: {wave: loud.wave}, where: {tone.speaker: odd}}
  even: {pick: {wave: loud.wave}, where: {tone.speaker: even}}
  both: {union: [odd, even]}
  pair: {expand: toy.pairs, in: {wave: both.wave}}
  level: {map: toy.level, in: {wave: pair.wave}}
  mean: {reduce: toy.mean, in: {level: level.level}}
"""


@pytest.fixture
def write(tmp_path):
    def _write(text: str) -> Path:
        path = tmp_path / "graph.yaml"
        path.write_text(text)
        return path

    return _write


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def go(path, store, observer=None, **slices):
    sets = slices.pop("sets", ())
    plan = make_plan(check(read_graph(path, sets=sets)), store, **slices)
    return plan, LocalExecutor().run(plan, store, observer or Observer())


def states(outcome):
    return {name: node.state for name, node in outcome.nodes.items()}


def test_every_verb_makes_its_table(write, store):
    plan, outcome = go(write(GRAPH), store)
    assert outcome.error is None
    rows = {name: node.rows for name, node in outcome.nodes.items()}
    assert rows == {"tone": 7, "loud": 7, "odd": 3, "even": 4, "both": 7, "pair": 6, "level": 6, "mean": 1}
    assert outcome.nodes["tone"].skipped == 1
    assert outcome.results["mean"]["level"] == pytest.approx(1 / 2**0.5, rel=1e-3)
    pair = store.find_table(plan.steps["pair"].digest)
    assert pair.ids[0] == "tone0001+tone0003"
    assert pair.get(pair.ids[0])["parents"] == ["tone0001", "tone0003"]
    assert pair.manifest["meta"]["licences"] == ["CC0-1.0"]


def test_a_second_run_makes_nothing(write, store):
    go(write(GRAPH), store)
    _, again = go(write(GRAPH), store)
    assert set(states(again).values()) == {"cached"}
    assert again.results["mean"]["level"] > 0


def test_a_changed_line_redoes_only_what_depends_on_it(write, store):
    go(write(GRAPH), store)
    _, outcome = go(write(GRAPH.replace("gain: 2", "gain: 3")), store)
    assert [name for name, state in states(outcome).items() if state == "cached"] == ["tone"]


def test_a_renamed_node_is_the_same_result(write, store):
    go(write(GRAPH), store)
    _, outcome = go(write(GRAPH.replace("loud", "louder")), store)
    assert set(states(outcome).values()) == {"cached"}


def test_the_seed_counts_only_where_it_is_used(write, store):
    go(write(GRAPH), store)
    _, outcome = go(write(GRAPH.replace("seed: 3", "seed: 4")), store)
    assert set(states(outcome).values()) == {"cached"}


def test_limit_reads_so_many_good_rows_and_is_another_result(write, store):
    _, outcome = go(write(GRAPH), store, limit=5)
    assert outcome.nodes["tone"].rows == 5
    _, whole = go(write(GRAPH), store)
    assert whole.nodes["tone"].state == "ran"


def test_slices(write, store):
    path = write(GRAPH)
    plan, _ = go(path, store, until="odd")
    assert list(plan.steps) == ["tone", "loud", "odd"]
    with pytest.raises(PlanError, match=r"what even makes must be in the store already"):
        # `odd` is there, but its sibling is not
        go(path, store, from_nodes=["odd"], to_nodes=["both"])
    go(path, store, to_nodes=["both"])
    plan, outcome = go(path, store, from_nodes=["both"])
    assert [name for name, state in states(outcome).items() if state == "ran"] == ["pair", "level", "mean"]
    with pytest.raises(PlanError, match=r"no node 'bot'; did you mean 'both'\?"):
        go(path, store, until="bot")


FAULTY = """
max_failed: {share}
nodes:
  tone: {{read: toy.tones, config: {{count: 10, fail: [2]}}}}
  loud: {{map: toy.gain, in: {{wave: tone.wave}}, config: {{bad: [tone0004]}}}}
"""


def test_failures_within_the_share_are_records(write, store):
    plan, outcome = go(write(FAULTY.format(share=0.2)), store)
    assert outcome.error is None
    assert (outcome.nodes["loud"].rows, outcome.nodes["loud"].failures) == (8, 1)
    (failure,) = store.find_table(plan.steps["loud"].digest).failures
    assert (failure.id, failure.reason) == ("tone0004", "told to be bad")


def test_failures_past_the_share_stop_the_run_and_say_how_to_go_on(write, store):
    _, outcome = go(write(FAULTY.format(share=0.01)), store)
    assert states(outcome) == {"tone": "failed", "loud": "waiting"}
    assert "tone: 1 of 10 items failed (more than max_failed 0.01 allows); the first is tone0002: told to fail" in str(
        outcome.error
    )
    _, cached = go(write(FAULTY.format(share=0.01)), store)
    assert cached.error is not None, "a table that is in the store already is held to the same share"
    _, outcome = go(write(FAULTY.format(share=0.2)), store)
    assert outcome.error is None


def test_what_failed_is_tried_again_after_a_run_was_given_up(write, store, tmp_path):
    """Many failures are of the machine, not of the items: a share gone away, a model that was not there yet."""
    text = f"""
nodes:
  tone: {{read: toy.tones, config: {{count: 130, seconds: 0.01}}}}
  loud:
    map: toy.gain
    in: {{wave: tone.wave}}
    config: {{bad: [tone0070, tone0071], wants: {tmp_path / "there"}, log: {tmp_path / "log"}}}
"""
    _, outcome = go(write(text), store)
    assert "2 of 130 items failed" in str(outcome.error)
    (tmp_path / "there").touch()
    (tmp_path / "log").unlink()
    _, outcome = go(write(text), store)
    assert outcome.error is None
    assert (outcome.nodes["loud"].rows, outcome.nodes["loud"].failures) == (130, 0)
    assert "tone0000" not in (tmp_path / "log").read_text(), "the shard that was whole is not made again"


def test_on_error_stop_ends_at_the_first_failure(write, store):
    _, outcome = go(write("on_error: stop\n" + FAULTY.format(share=0.5)), store)
    assert "on_error: stop" in str(outcome.error)


def test_no_rows_is_an_error_that_says_where_they_went(write, store):
    text = "nodes:\n  tone: {read: toy.tones}\n  none: {pick: {wave: tone.wave}, where: {tone.speaker: nobody}}\n"
    _, outcome = go(write(text), store)
    assert "none: no row is in every input and meets `where` (tone has 4)" in str(outcome.error)


def test_rows_lost_upstream_are_counted_where_tables_meet(write, store):
    text = """
max_failed: 0.5
nodes:
  tone: {read: toy.tones}
  loud: {map: toy.gain, in: {wave: tone.wave}, config: {bad: [tone0001]}}
  both: {pick: {a: tone.wave, b: loud.wave}}
"""
    _, outcome = go(write(text), store)
    assert outcome.nodes["both"].rows == 3
    assert outcome.nodes["both"].unmatched == {"loud": 1}


SHARING = """
nodes:
  tone: {read: toy.tones}
  loud: {map: toy.gain, in: {wave: tone.wave}, config: {gain: 2}}
  again: {map: toy.gain, in: {wave: loud.wave}, config: {gain: 2}}
  other: {map: toy.gain, in: {wave: again.wave}, config: {gain: 3}}
  last: {map: toy.gain, in: {wave: other.wave}, config: {gain: 2}}
"""


def test_nodes_that_differ_by_their_rows_alone_share_a_block(write, store, tmp_path, monkeypatch):
    set_up = []
    monkeypatch.setattr(find("toy.gain"), "setup", lambda block: set_up.append(block.config.gain))
    plan, _ = go(write(SHARING), store)
    assert set_up == [2, 3]
    alone = Store(tmp_path / "alone")
    go(write(SHARING), alone, to_nodes=["other"])
    go(write(SHARING), alone)
    assert set_up == [2, 3, 2, 3, 2]  # none waits for a node that is cached
    digest = plan.steps["last"].digest
    assert repr(list(store.find_table(digest).rows())) == repr(list(alone.find_table(digest).rows()))


def test_a_pick_may_keep_a_few_rows_spread_evenly(write, store):
    text = GRAPH.replace("tone.speaker: odd}", "tone.speaker: odd}, config: {limit: 2}")
    plan, whole = go(write(GRAPH), store)
    every = store.find_table(plan.steps["odd"].digest).ids
    plan, outcome = go(write(text), store)
    assert store.find_table(plan.steps["odd"].digest).ids == [every[0], every[len(every) // 2]]
    assert (states(outcome)["odd"], states(outcome)["even"]) == ("ran", "cached")
    for limit in (1, 100):
        plan, _ = go(write(text), store, sets=[f"odd.limit={limit}"])
        assert store.find_table(plan.steps["odd"].digest).ids == every[:limit]
    assert whole.nodes["odd"].rows == len(every) > 2


KILLABLE = """
nodes:
  tone: {{read: toy.tones, config: {{count: 320, seconds: 0.02}}}}
  loud: {{map: toy.gain, in: {{wave: tone.wave}}, config: {{pause_s: 0.008, log: {log}}}}}
  level: {{map: toy.level, in: {{wave: loud.wave}}}}
"""
RUN = [sys.executable, "-m", "runner", "run"]


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_is_completed_without_redoing_finished_shards(write, tmp_path, kill):
    log = tmp_path / "log"
    path = write(KILLABLE.format(log=log))
    command = [*RUN, str(path), "--store", str(tmp_path / "store")]
    child = subprocess.Popen(command, cwd=ROOT, env=TOYS, stderr=subprocess.PIPE, text=True)
    while not log.exists() or len(log.read_text().splitlines()) < 150:
        assert child.poll() is None, child.stderr.read()
        time.sleep(0.005)
    child.send_signal(kill)
    _, said = child.communicate()
    assert child.returncode == (-9 if kill == signal.SIGKILL else 130), said
    assert "Traceback" not in said
    done = subprocess.run(command, cwd=ROOT, env=TOYS, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    worked = log.read_text().splitlines()
    redone = len(worked) - len(set(worked))
    assert len(set(worked)) == 320
    assert redone < 64, "only the shard that was being made may be made again"


LOADED = """
nodes:
  tone: {read: toy.tones}
  model: {load: weights, as: toy.scale}
  out: {map: toy.scale, model: model, in: {wave: tone.wave}}
  level: {map: toy.level, in: {wave: out.wave}}
"""
TRAINED = LOADED.replace(
    "model: {load: weights, as: toy.scale}", "model: {fit: toy.scale, in: {wave: tone.wave}, released: weights}"
)


@pytest.fixture
def weights(tmp_path, spec):
    folder = tmp_path / "weights"
    folder.mkdir()
    block = find("toy.scale")(find("toy.scale").tiny, spec)
    block.fit(None)
    block.save(folder)
    write_manifest(folder, {"block": "toy.scale", "config": {"steps": 1}, "spec": spec.model_dump()})
    return folder


@pytest.mark.parametrize("text", [LOADED, TRAINED])
def test_a_loaded_artifact_runs(write, store, weights, text):
    plan = make_plan(check(read_graph(write(text)), released=True), store)
    outcome = LocalExecutor().run(plan, store, Observer())
    assert outcome.error is None
    assert outcome.nodes["level"].rows == 4
    table = store.find_table(plan.steps["level"].digest)
    assert table.get("tone0000")["level"] == pytest.approx(2 * 0.5 / 2**0.5, rel=1e-3)


def test_a_damaged_artifact_stops_the_run(write, store, weights):
    with (weights / "model.safetensors").open("ab") as file:
        file.write(b"x")
    _, outcome = go(write(LOADED), store)
    assert "model.safetensors: has" in str(outcome.error)


def test_a_source_that_nothing_was_asked_of_is_no_error(tmp_path):
    """A graph may have room for a user's own recordings, and run without them."""
    path = tmp_path / "graph.yaml"
    path.write_text(
        "nodes:\n  own: {read: corpus.folder, config: {path: ''}}\n"
        "  mel: {map: features.log_mel, in: {wave: own.wave}}\n  tone: {read: toy.tones}\n"
    )
    store = Store(tmp_path / "store")
    plan = make_plan(check(read_graph(path)), store)
    outcome = LocalExecutor().run(plan, store, Observer())
    assert outcome.error is None
    assert [outcome.nodes[name].rows for name in ("own", "mel", "tone")] == [0, 0, 4]


def test_a_row_with_the_id_of_another_fails_by_itself(write, store):
    config = "{count: 70, again: [2, 66], seconds: 0.01}"  # in the same shard as the first, and in a later one
    text = f"max_failed: 0.5\nnodes:\n  tone: {{read: toy.tones, config: {config}}}\n"
    plan, outcome = go(write(text), store)
    assert outcome.error is None
    table = store.find_table(plan.steps["tone"].digest)
    assert len(table.ids) == 68
    reason = "a row before has this id: want another for each"
    assert [(failure.id, failure.reason) for failure in table.failures] == [("tone0000", reason)] * 2


ECHOED = """
max_failed: 0.5
nodes:
  tone: {read: toy.tones, config: {count: 200, seconds: 0.01}}
  model: {load: weights, as: toy.echo}
  again: {expand: toy.echo, model: model, in: {wave: tone.wave}, config: {times: 2, bad: [tone0003], log: LOG}}
"""


@pytest.fixture
def echo(tmp_path, spec):
    """A graph whose expander streams, and the file it notes in what it has asked for."""
    cls, folder = find("toy.echo"), tmp_path / "weights"
    folder.mkdir()
    block = cls(cls.tiny, spec)
    block.fit(None)
    block.save(folder)
    write_manifest(folder, {"block": "toy.echo", "config": cls.tiny.model_dump(mode="json"), "spec": spec.model_dump()})
    return ECHOED.replace("LOG", str(tmp_path / "log")), tmp_path / "log"


def test_an_expander_that_streams_asks_for_items_as_it_goes(write, store, echo):
    text, log = echo
    asked = []

    class Watching(Observer):
        def shard_done(self, step, shard):
            if step.name == "again":
                asked.append(len(log.read_text().splitlines()))

    plan, outcome = go(write(text), store, Watching())
    assert outcome.error is None
    made = outcome.nodes["again"]
    assert (made.rows, made.failures) == (2 * 199, 1)
    assert asked[0] < 40, "a shard of 64 rows is made of 33 items"
    table = store.find_table(plan.steps["again"].digest)
    assert table.failures[0].id == "tone0003"
    assert table.get("tone0004/2")["parents"] == ["tone0004"]


def test_an_item_that_does_not_fit_an_expander_is_a_failure(write, store, monkeypatch):
    from runner.run import node

    make = node.make_item

    def unfit(schema, fields):
        return make(schema, fields | ({"wave": "none"} if fields["id"] == "tone0002" else {}))

    monkeypatch.setattr(node, "make_item", unfit)
    text = "max_failed: 0.5\nnodes:\n  tone: {read: toy.tones}\n  pair: {expand: toy.pairs, in: {wave: tone.wave}}\n"
    plan, outcome = go(write(text), store)
    assert outcome.error is None
    table = store.find_table(plan.steps["pair"].digest)
    assert table.ids == ["tone0000+tone0001", "tone0001+tone0003"]
    assert [failure.id for failure in table.failures] == ["tone0002"]


def test_made_up_parents_are_a_bug_of_the_block(write, store, monkeypatch):
    cls = find("toy.pairs")
    expand = cls.expand

    def strange(self, items):
        for row in expand(self, items):
            yield row.model_copy(update={"parents": ("nobody",)})

    strange.__annotations__ = expand.__annotations__
    monkeypatch.setattr(cls, "expand", strange)
    text = "nodes:\n  tone: {read: toy.tones}\n  pair: {expand: toy.pairs, in: {wave: tone.wave}}\n"
    _, outcome = go(write(text), store)
    assert "want parents among the rows given, got 'nobody'" in str(outcome.error)


def test_a_folder_that_was_moved_is_the_same_and_a_changed_one_is_not(write, store, tmp_path):
    rng = np.random.default_rng(0)
    (first := tmp_path / "first").mkdir()
    for name in "ab":
        sf.write(first / f"{name}.wav", rng.uniform(-0.5, 0.5, 8000), 16000)
    text = "spec: {{sample_rate: 16000}}\nnodes:\n  speech: {{read: corpus.folder, config: {{path: {path}, licence: CC0-1.0}}}}\n"

    def step(path):
        return make_plan(check(read_graph(write(text.format(path=path)))), store).steps["speech"]

    before = step(first)
    moved = first.rename(tmp_path / "second")
    assert step(moved).digest == before.digest
    assert step(moved).meta["path"] == {"path": str(moved)}
    sf.write(moved / "a.wav", rng.uniform(-0.5, 0.5, 8000), 16000)
    assert step(moved).digest != before.digest
