"""What may stand on an input beside a field of the same row: constants."""

import json

import pytest

from runner.check import check, read_graph
from runner.plan import make_plan
from runner.report.draw import svg
from runner.run.local import LocalExecutor
from runner.run.record import make_record, now
from runner.speak.live import Live
from runner.store import Store
from runner.work.executor import Observer

CONSTANTS = """
nodes:
  tone: {read: toy.tones, config: {count: 4}}
  told:
    map: toy.told
    in:
      gain: {value: 2}
      times: {value: 3}
      negative: {value: true}
      split: {value: dev}
      two: {value: [3, 4]}
      globals:
        speaker: {value: allison}
        voice: {value: [0.6, 0.8, 0]}
        own: tone.speaker
"""


@pytest.fixture
def run(tmp_path):
    """Write and run a graph; gives its plan, its outcome and the rows of each of its tables."""
    store = Store(tmp_path / "store")

    def run(text: str, name: str = "graph", **slices):
        path = tmp_path / f"{name}.yaml"
        path.write_text(text)
        plan = make_plan(check(read_graph(path)), store, **slices)
        outcome = LocalExecutor().run(plan, store, Observer())
        found = {name: store.find_table(step.digest) for name, step in plan.steps.items()}
        rows = {name: {row["id"]: row for row in table.rows()} for name, table in found.items() if table}
        return plan, outcome, rows

    run.store = store
    return run


# ---- constants ----


def test_a_constant_goes_to_every_row_as_its_port_wants_it(run):
    _, outcome, rows = run(CONSTANTS)
    assert outcome.error is None
    assert [row["text"] for row in rows["told"].values()] == [
        "gain 2.0; times 3; negative True; split 'dev'; two float32(2,) 3.5355; "
        f"globals.speaker 'allison'; globals.voice float32(3,) 0.5774; globals.own {who!r}"
        for who in ("even", "odd", "even", "odd")
    ]


def test_a_constant_is_part_of_the_digest(run):
    digests = [
        run(CONSTANTS.replace("allison", name).replace("0.8", number))[0].steps["told"].digest
        for name, number in (("allison", "0.8"), ("nsh", "0.8"), ("allison", "0.9"), ("allison", "0.8"))
    ]
    assert len(set(digests)) == 3
    assert digests[0] == digests[3]


def test_an_ablation_replaces_an_edge_by_a_constant_and_back(run):
    run(CONSTANTS)
    over = "base: graph.yaml\nnodes:\n  told:\n    in: {globals: {speaker: tone.speaker, own: {value: nsh}, voice: null}}\n"
    _, _, rows = run(over, "over")
    assert {row["text"].partition("globals")[2] for row in rows["told"].values()} == {
        f".speaker {who!r}; globals.own 'nsh'" for who in ("even", "odd")
    }


def test_a_slice_in_memory_has_the_constants_of_a_run(run):
    plan, _, rows = run(CONSTANTS)
    found = Live(plan.checked, "tone", "told", run.store).run(list(rows["tone"].values()))
    assert found == list(rows["told"].values())


def test_constants_are_told_in_record_and_picture(run):
    plan, outcome, _ = run(CONSTANTS)
    inputs = json.loads(json.dumps(make_record(plan, outcome, now())))["nodes"]["told"]["inputs"]
    assert inputs["globals"]["speaker"] == {"value": "allison"}
    assert inputs["two"] == {"value": [3, 4]}
    picture = svg(plan.checked)
    assert "speaker := allison" in picture
    assert "voice := a list of 3" in picture
