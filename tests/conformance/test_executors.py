"""Every executor gives the same graph the same meaning: states, digests, results, failure records, bytes."""

import json
import sys
from subprocess import run

import pytest

from blocks.load import find
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.store.artifact import write_manifest
from runner.work.ancestry import TrainedOn
from tests.clusters import go, record, tables
from tests.environment import ROOT

VERBS = """
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
WIRED = """
about: constants, fields of other rows and of groups where edges could stand
max_failed: 0.5
nodes:
  tone: {read: toy.tones, config: {count: 8}}
  logs: {map: toy.logs, in: {wave: tone.wave, gain: {value: 2}, two: {value: [1, 2]}, globals: {a: {value: ann}, b: tone.speaker}}}
  other: {map: toy.other, in: {wave: tone.wave}}
  level: {map: toy.level, in: {wave: {row: tone.wave, at: other.other}}, scale: {workers: 2}}
  voice: {reduce: toy.profile, by: tone.speaker, in: {level: level.level}, config: {least: 4}}
  near: {map: toy.logs, in: {wave: tone.wave, gain: voice.level, times: {row: voice.count, at: {value: even}}}, scale: {workers: 2}}
"""
SHARDS = """
about: several shards, some bad items, more workers than one
max_failed: 0.5
nodes:
  tone: {read: toy.tones, config: {count: 200, seconds: 0.02, fail: [3, 70], skip: [71]}}
  loud: {map: toy.gain, in: {wave: tone.wave}, config: {bad: [tone0004, tone0130], nan: [tone0131]}, scale: {workers: 2, batch_size: 7}}
  again: {map: toy.gain, in: {wave: tone.wave}, config: {gain: 3}, scale: {workers: 2}}
  both: {pick: {a: loud.wave, b: again.wave}}
"""
FAULTY = """
on_error: %s
max_failed: %s
nodes:
  tone: {read: toy.tones, config: {count: 10}}
  loud: {map: toy.gain, in: {wave: tone.wave}, config: {bad: [tone0004, tone0002]}}
  level: {map: toy.level, in: {wave: loud.wave}}
"""
LOADED = """
nodes:
  tone: {read: toy.tones}
  model: {load: weights, as: toy.scale}
  out: {map: toy.scale, model: model, in: {wave: tone.wave}}
  back: {map: toy.scale, method: undo, model: model, in: {scaled: out.wave}}
  level: {map: toy.level, in: {wave: out.wave}}
  scores: {reduce: metric.table, in: {scores: {it: {level: level.level}}}}
"""
ECHOED = """
max_failed: 0.5
nodes:
  tone: {read: toy.tones, config: {count: 90, seconds: 0.02}}
  model: {fit: toy.echo, in: {wave: tone.wave}}
  loaded: {load: echo, as: toy.echo}
  again: {expand: toy.echo, model: model, in: {wave: tone.wave}, config: {bad: [tone0002, tone0080]}}
  once: {expand: toy.echo, model: loaded, in: {wave: again.wave}, config: {times: 1}}
  level: {map: toy.level, in: {wave: once.wave}}
"""
RELEASED = LOADED.replace(
    "model: {load: weights, as: toy.scale}", "model: {fit: toy.scale, in: {wave: tone.wave}, released: weights}"
)
CASES = {
    "every verb": (VERBS, {}),
    "what is wired": (WIRED, {}),
    "limit": (VERBS, {"limit": 5}),
    "until": (VERBS, {"until": "loud"}),
    "to nodes": (VERBS, {"to_nodes": ["odd", "even"]}),
    "shards and failures": (SHARDS, {}),
    "too many failures": (FAULTY % ("quarantine", 0.01), {}),
    "stop at the first": (FAULTY % ("stop", 1), {}),
    "nothing left": (
        "nodes:\n  tone: {read: toy.tones}\n  none: {pick: {wave: tone.wave}, where: {tone.speaker: nobody}}\n",
        {},
    ),
    "every item bad": (
        "max_failed: 1\nnodes:\n  tone: {read: toy.tones, config: {count: 2}}\n"
        "  loud: {map: toy.gain, in: {wave: tone.wave}, config: {bad: [tone0000, tone0001]}}\n",
        {},
    ),
    "weights": (LOADED, {}),
    "rows of weights": (ECHOED, {}),
    "released weights": (RELEASED, {"released": True}),
}


@pytest.fixture(params=["process", pytest.param("ray", marks=pytest.mark.ray)])
def executor(request):
    if request.param == "process":
        return LocalExecutor()
    from runner.cluster.executor import RayExecutor

    return RayExecutor(request.getfixturevalue("ray_here"))


@pytest.fixture
def place(tmp_path, spec):
    """A folder with weights that a graph in it can load."""
    for name, block in (("weights", "toy.scale"), ("echo", "toy.echo")):
        cls, folder = find(block), tmp_path / name
        folder.mkdir()
        made = cls(cls.tiny, spec)
        made.fit(None)
        made.save(folder)
        TrainedOn.of(["tone0001"]).write(folder)
        about = {"block": block, "config": cls.tiny.model_dump(mode="json"), "spec": spec.model_dump()}
        write_manifest(folder, about)
    return tmp_path


@pytest.mark.parametrize("case", CASES)
def test_a_graph_means_the_same(executor, place, case):
    text, slices = CASES[case]
    path = place / "graph.yaml"
    path.write_text(text)
    want, have = Store(place / "want"), Store(place / "have")
    _, wanted = go(LocalExecutor(), path, want, **slices)
    _, made = go(executor, path, have, **slices)
    assert record(made) == record(wanted)
    assert tables(have) == tables(want)
    _, again = go(executor, path, have, **slices)
    assert record(again)["results"] == record(wanted)["results"]
    if wanted.error is None:
        assert {node.state for node in again.nodes.values()} == {"cached"}


def test_scores_of_rows_that_a_model_heard_are_marked_alike(executor, place):
    (place / "graph.yaml").write_text(LOADED)
    store = Store(place / "store")
    plan, outcome = go(executor, place / "graph.yaml", store)
    assert {name: node.seen_in_training for name, node in outcome.nodes.items() if node.seen_in_training} == {
        "scores": {"model": 1}
    }
    assert store.find_table(plan.steps["scores"].digest).manifest["meta"]["seen_in_training"] == {"model": 1}


def test_a_slice_that_starts_late_makes_only_what_follows(executor, place):
    path, store = place / "graph.yaml", Store(place / "have")
    path.write_text(VERBS)
    go(LocalExecutor(), path, store, to_nodes=["both"])
    _, outcome = go(executor, path, store, from_nodes=["both"])
    assert outcome.error is None
    assert [name for name, node in outcome.nodes.items() if node.state == "ran"] == ["pair", "level", "mean"]


@pytest.mark.ray
def test_json_has_the_same_shape_and_stands_alone_on_stdout(ray_here, ray_environment, place):
    (place / "graph.yaml").write_text(VERBS)
    command = [sys.executable, "-m", "runner", "run", str(place / "graph.yaml"), "--json", "--store"]
    records = []
    for store, address in (("want", []), ("have", ["--address", ray_here])):
        words = [*command, str(place / store), *address]
        done = run(words, cwd=ROOT, env=ray_environment, capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, done.stderr
        records.append(json.loads(done.stdout))
    want, have = records
    assert _shape(have) == _shape(want)
    assert have["results"] == want["results"]


def _shape(value):
    if isinstance(value, dict):
        return {key: _shape(inner) for key, inner in value.items()}
    return [_shape(inner) for inner in value] if isinstance(value, list) else type(value).__name__
