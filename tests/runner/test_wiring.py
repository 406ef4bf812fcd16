"""What may stand on an input beside a field of the same row: constants, fields of other rows."""

import json

import pytest

from runner.check import check, read_graph
from runner.plan import PlanError, make_plan
from runner.report.draw import flows, svg
from runner.report.lineage import edges
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


# ---- a field of another row ----

LOOKUPS = """
max_failed: 0.5
nodes:
  tone: {read: toy.tones, config: {count: 4}}
  level: {map: toy.level, in: {wave: tone.wave}}
  other: {map: toy.other, in: {wave: tone.wave}, config: {further: 1}}
  told:
    map: toy.told
    in:
      gain: {row: level.level, at: other.other}
      globals: {own: tone.speaker, theirs: {row: tone.speaker, at: other.other}, fixed: {row: tone.speaker, at: {value: tone0001}}}
"""


def test_each_row_gets_the_field_of_the_row_it_names(run):
    _, outcome, rows = run(LOOKUPS)
    assert outcome.error is None
    for number, (own, theirs) in enumerate([("even", "odd"), ("odd", "even"), ("even", "odd")]):
        gain = rows["level"][f"tone{number + 1:04d}"]["level"]
        assert rows["told"][f"tone{number:04d}"]["text"] == (
            f"gain {gain!r}; globals.own {own!r}; globals.theirs {theirs!r}; globals.fixed 'odd'"
        )


def test_a_value_that_names_no_row_is_a_failure_of_that_row(run):
    plan, outcome, rows = run(LOOKUPS)
    table = run.store.find_table(plan.steps["told"].digest)
    assert list(rows["told"]) == ["tone0000", "tone0001", "tone0002"]
    assert [(f.id, f.reason) for f in table.failures] == [
        ("tone0003", "level has no row 'tone0004'; did you mean 'tone0003'?")
    ]
    assert (outcome.nodes["told"].failures, outcome.nodes["told"].unmatched) == (1, {})


def test_past_the_share_the_run_stops_with_the_reason(run):
    _, outcome, _ = run(LOOKUPS.replace("max_failed: 0.5", "max_failed: 0.1"))
    assert (
        "told: 1 of 4 items failed (more than max_failed 0.1 allows); the first is tone0003: level has no row"
        in str(outcome.error)
    )


def test_a_row_that_was_lost_where_it_is_looked_for_tells_why(run):
    text = (
        LOOKUPS.replace(
            "level: {map: toy.level, in: {wave: tone.wave}}",
            "loud: {map: toy.gain, in: {wave: tone.wave}, config: {bad: [tone0001]}}\n  level: {map: toy.level, in: {wave: loud.wave}}",
        )
        .replace("row: level.level", "row: loud.wave")
        .replace("gain: {row", "wave: {row")
    )
    plan, _, _ = run(text)
    failures = run.store.find_table(plan.steps["told"].digest).failures
    assert failures[0].reason == "loud has no row 'tone0001', which was lost there: told to be bad"


def test_rows_named_twice_and_tables_that_share_no_ids(run):
    text = """
nodes:
  tone: {read: toy.tones, config: {count: 4}}
  voice: {read: toy.tones, config: {count: 2, prefix: ""}}
  same: {map: toy.other, in: {wave: tone.wave}, config: {further: 0}}
  told: {map: toy.told, in: {wave: tone.wave, globals: {a: {row: voice.speaker, at: {value: "0001"}}, b: {row: tone.speaker, at: same.other}}}}
"""
    _, outcome, rows = run(text)
    assert outcome.error is None
    assert ["globals.a 'odd'" in row["text"] for row in rows["told"].values()] == [True] * 4
    assert ["globals.b 'odd'" in row["text"] for row in rows["told"].values()] == [False, True, False, True]


def test_what_is_looked_up_is_part_of_the_digest(run):
    texts = [
        LOOKUPS,
        LOOKUPS.replace("value: tone0001", "value: tone0000"),
        LOOKUPS.replace("further: 1", "further: 2"),
        LOOKUPS.replace("gain: {row: level.level, at: other.other}", "gain: level.level"),
    ]
    digests = [run(text)[0].steps["told"].digest for text in texts]
    assert len(set(digests)) == 4


@pytest.mark.parametrize(
    "verb",
    [
        "reduce: toy.mean, in: {level: {row: level.level, at: other.other}}",
        "expand: toy.pairs, in: {wave: {row: level.wave, at: other.other}}",
        "fit: toy.leveled, in: {wave: {row: level.wave, at: other.other}}",
    ],
)
def test_what_takes_the_whole_table_stops_at_a_row_that_is_not_there(run, verb):
    text = LOOKUPS.partition("  told:")[0] + f"  last: {{{verb}}}\n"
    if "level.wave" in verb:
        text = text.replace("map: toy.level", "map: toy.gain")
    _, outcome, _ = run(text)
    assert "last: level has no row 'tone0004'; did you mean 'tone0003'?" in str(outcome.error)


def test_a_slice_in_memory_looks_up_as_a_run_does(run):
    text = LOOKUPS.replace("row: level.level, at: other.other", "row: far.level, at: other.other").replace(
        "  told:",
        "  more: {read: toy.tones, config: {count: 3}}\n  far: {map: toy.level, in: {wave: more.wave}}\n  told:",
    )
    plan, _, rows = run(text)
    live = Live(plan.checked, "tone", "told", run.store)
    *found, lost, _ = [*live.run(list(rows["tone"].values())), None]
    assert found[:2] == list(rows["told"].values())[:2]
    assert (lost.id, lost.node) == ("tone0003", "told")
    assert lost.reason.startswith("far has no row 'tone0004'")
    with pytest.raises(PlanError, match="far is not in the store; first: voxblocks run"):
        Live(plan.checked, "tone", "told", Store(run.store.files.at("") + "-empty"))


def test_an_ablation_changes_one_side_of_a_lookup(run):
    run(LOOKUPS)
    over = "base: graph.yaml\nnodes:\n  told:\n    in: {gain: {value: 3}, globals: {theirs: {at: {value: tone0000}}, own: {row: tone.speaker, at: other.other}}}\n"
    _, _, rows = run(over, "over")
    assert rows["told"]["tone0000"]["text"] == "gain 3.0; globals.own 'odd'; globals.theirs 'even'; globals.fixed 'odd'"


def test_lookups_are_told_in_record_and_picture(run):
    plan, outcome, _ = run(LOOKUPS)
    record = json.loads(json.dumps(make_record(plan, outcome, now())))
    assert record["nodes"]["told"]["inputs"]["gain"] == {"row": "level.level", "at": "other.other"}
    assert record["nodes"]["told"]["inputs"]["globals"]["fixed"] == {"row": "tone.speaker", "at": {"value": "tone0001"}}
    assert list(edges(record["nodes"]["told"]["inputs"])) == [
        ("gain", ("level", "level")),
        ("own", ("tone", "speaker")),
        ("theirs", ("tone", "speaker")),
        ("fixed", ("tone", "speaker")),
    ]
    assert flows(plan.checked)["level", "told"][1] == ["float at other"]
