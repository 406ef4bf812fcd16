"""What may stand on an input beside a field of the same row: constants, fields of other rows; and groups of rows."""

import io
import json
from functools import wraps
from pathlib import Path

import pytest
from rich.console import Console

from blocks.load import find
from runner.check import check, read_graph
from runner.plan import PlanError, make_plan
from runner.report.draw import flows, svg
from runner.report.lineage import edges
from runner.report.page import render
from runner.run.local import LocalExecutor
from runner.run.record import make_record, now
from runner.run.summary import print_results
from runner.speak.live import Live
from runner.store import Store
from runner.work.executor import Observer

CONSTANTS = """
nodes:
  tone: {read: toy.tones, config: {count: 4}}
  logs:
    map: toy.logs
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
    assert [row["text"] for row in rows["logs"].values()] == [
        "gain 2.0; times 3; negative True; split 'dev'; two float32(2,) 3.5355; "
        f"globals.speaker 'allison'; globals.voice float32(3,) 0.5774; globals.own {who!r}"
        for who in ("even", "odd", "even", "odd")
    ]


def test_a_constant_is_part_of_the_digest(run):
    digests = [
        run(CONSTANTS.replace("allison", name).replace("0.8", number))[0].steps["logs"].digest
        for name, number in (("allison", "0.8"), ("nsh", "0.8"), ("allison", "0.9"), ("allison", "0.8"))
    ]
    assert len(set(digests)) == 3
    assert digests[0] == digests[3]


def test_an_ablation_replaces_an_edge_by_a_constant_and_back(run):
    run(CONSTANTS)
    over = "base: graph.yaml\nnodes:\n  logs:\n    in: {globals: {speaker: tone.speaker, own: {value: nsh}, voice: null}}\n"
    _, _, rows = run(over, "over")
    assert {row["text"].partition("globals")[2] for row in rows["logs"].values()} == {
        f".speaker {who!r}; globals.own 'nsh'" for who in ("even", "odd")
    }


def test_a_slice_in_memory_has_the_constants_of_a_run(run):
    plan, _, rows = run(CONSTANTS)
    found = Live(plan.checked, "tone", "logs", run.store).run(list(rows["tone"].values()))
    assert found == list(rows["logs"].values())


def test_constants_are_told_in_record_and_picture(run):
    plan, outcome, _ = run(CONSTANTS)
    inputs = json.loads(json.dumps(make_record(plan, outcome, now())))["nodes"]["logs"]["inputs"]
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
  logs:
    map: toy.logs
    in:
      gain: {row: level.level, at: other.other}
      globals: {own: tone.speaker, theirs: {row: tone.speaker, at: other.other}, fixed: {row: tone.speaker, at: {value: tone0001}}}
"""


def test_each_row_gets_the_field_of_the_row_it_names(run):
    _, outcome, rows = run(LOOKUPS)
    assert outcome.error is None
    for number, (own, theirs) in enumerate([("even", "odd"), ("odd", "even"), ("even", "odd")]):
        gain = rows["level"][f"tone{number + 1:04d}"]["level"]
        assert rows["logs"][f"tone{number:04d}"]["text"] == (
            f"gain {gain!r}; globals.own {own!r}; globals.theirs {theirs!r}; globals.fixed 'odd'"
        )


def test_a_value_that_names_no_row_is_a_failure_of_that_row(run):
    plan, outcome, rows = run(LOOKUPS)
    table = run.store.find_table(plan.steps["logs"].digest)
    assert list(rows["logs"]) == ["tone0000", "tone0001", "tone0002"]
    assert [(f.id, f.reason) for f in table.failures] == [
        ("tone0003", "level has no row 'tone0004'; did you mean 'tone0003'?")
    ]
    assert (outcome.nodes["logs"].failures, outcome.nodes["logs"].unmatched) == (1, {})


def test_past_the_share_the_run_stops_with_the_reason(run):
    _, outcome, _ = run(LOOKUPS.replace("max_failed: 0.5", "max_failed: 0.1"))
    assert (
        "logs: 1 of 4 items failed (more than max_failed 0.1 allows); the first is tone0003: level has no row"
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
    failures = run.store.find_table(plan.steps["logs"].digest).failures
    assert failures[0].reason == "loud has no row 'tone0001', which was lost there: told to be bad"


def test_rows_named_twice_and_tables_that_share_no_ids(run):
    text = """
nodes:
  tone: {read: toy.tones, config: {count: 4}}
  voice: {read: toy.tones, config: {count: 2, prefix: ""}}
  same: {map: toy.other, in: {wave: tone.wave}, config: {further: 0}}
  logs: {map: toy.logs, in: {wave: tone.wave, globals: {a: {row: voice.speaker, at: {value: "0001"}}, b: {row: tone.speaker, at: same.other}}}}
"""
    _, outcome, rows = run(text)
    assert outcome.error is None
    assert ["globals.a 'odd'" in row["text"] for row in rows["logs"].values()] == [True] * 4
    assert ["globals.b 'odd'" in row["text"] for row in rows["logs"].values()] == [False, True, False, True]


def test_what_is_looked_up_is_part_of_the_digest(run):
    texts = [
        LOOKUPS,
        LOOKUPS.replace("value: tone0001", "value: tone0000"),
        LOOKUPS.replace("further: 1", "further: 2"),
        LOOKUPS.replace("gain: {row: level.level, at: other.other}", "gain: level.level"),
    ]
    digests = [run(text)[0].steps["logs"].digest for text in texts]
    assert len(set(digests)) == 4


@pytest.mark.parametrize(
    "verb",
    [
        "reduce: toy.mean, in: {level: {row: level.level, at: other.other}}",
        "fit: toy.leveled, in: {wave: {row: level.wave, at: other.other}}",
    ],
)
def test_what_takes_the_whole_table_stops_at_a_row_that_is_not_there(run, verb):
    text = LOOKUPS.partition("  logs:")[0] + f"  last: {{{verb}}}\n"
    if "level.wave" in verb:
        text = text.replace("map: toy.level", "map: toy.gain")
    _, outcome, _ = run(text)
    assert "last: level has no row 'tone0004'; did you mean 'tone0003'?" in str(outcome.error)


def test_a_slice_in_memory_looks_up_as_a_run_does(run):
    text = LOOKUPS.replace("row: level.level, at: other.other", "row: far.level, at: other.other").replace(
        "  logs:",
        "  more: {read: toy.tones, config: {count: 3}}\n  far: {map: toy.level, in: {wave: more.wave}}\n  logs:",
    )
    plan, _, rows = run(text)
    live = Live(plan.checked, "tone", "logs", run.store)
    *found, lost, _ = [*live.run(list(rows["tone"].values())), None]
    assert found[:2] == list(rows["logs"].values())[:2]
    assert (lost.id, lost.node) == ("tone0003", "logs")
    assert lost.reason.startswith("far has no row 'tone0004'")
    with pytest.raises(PlanError, match="far is not in the store; first: voxblocks run"):
        Live(plan.checked, "tone", "logs", Store(run.store.files.at("") + "-empty"))


def test_an_ablation_changes_one_side_of_a_lookup(run):
    run(LOOKUPS)
    over = "base: graph.yaml\nnodes:\n  logs:\n    in: {gain: {value: 3}, globals: {theirs: {at: {value: tone0000}}, own: {row: tone.speaker, at: other.other}}}\n"
    _, _, rows = run(over, "over")
    assert rows["logs"]["tone0000"]["text"] == "gain 3.0; globals.own 'odd'; globals.theirs 'even'; globals.fixed 'odd'"


def test_lookups_are_told_in_record_and_picture(run):
    plan, outcome, _ = run(LOOKUPS)
    record = json.loads(json.dumps(make_record(plan, outcome, now())))
    assert record["nodes"]["logs"]["inputs"]["gain"] == {"row": "level.level", "at": "other.other"}
    assert record["nodes"]["logs"]["inputs"]["globals"]["fixed"] == {"row": "tone.speaker", "at": {"value": "tone0001"}}
    assert list(edges(record["nodes"]["logs"]["inputs"])) == [
        ("gain", ("level", "level")),
        ("own", ("tone", "speaker")),
        ("theirs", ("tone", "speaker")),
        ("fixed", ("tone", "speaker")),
    ]
    assert flows(plan.checked)["level", "logs"][1] == ["float at other"]


# ---- groups ----

GROUPS = """
max_failed: 0.5
nodes:
  tone: {read: toy.tones, config: {count: 5}}
  clip: {pick: {wave: tone.wave, speaker: tone.speaker}}
  level: {map: toy.level, in: {wave: clip.wave}}
  voice: {reduce: toy.profile, by: clip.speaker, in: {level: level.level}}
  logs: {map: toy.logs, in: {wave: clip.wave, gain: voice.level, times: voice.count, globals: {own: tone.speaker, voice: voice.embedding}}}
"""


def test_a_reduce_by_a_field_has_one_row_a_group(run):
    _, outcome, rows = run(GROUPS)
    assert outcome.error is None
    levels = {
        name: [rows["level"][f"tone{n:04d}"]["level"] for n in ns]
        for name, ns in (("even", (0, 2, 4)), ("odd", (1, 3)))
    }
    assert list(rows["voice"]) == ["even", "odd"]
    for name, expected in levels.items():
        assert rows["voice"][name]["level"] == pytest.approx(sum(expected) / len(expected), rel=1e-12)
        assert rows["voice"][name]["count"] == len(expected)


def test_its_rows_join_every_row_of_their_group(run):
    _, _, rows = run(GROUPS)
    assert list(rows["logs"]) == list(rows["tone"])
    for id, row in rows["logs"].items():
        own = rows["tone"][id]["speaker"]
        voice = rows["voice"][own]
        assert (
            row["text"]
            .partition("; ")[2]
            .startswith(f"gain {voice['level']!r}; times {voice['count']}; globals.own {own!r}")
        )


def test_what_is_made_of_groups_joins_as_they_do(run):
    text = GROUPS.partition("  logs:")[0] + (
        "  big: {pick: {level: voice.level, count: voice.count}, where: {voice.count: {min: 3}}}\n"
        "  note: {map: toy.logs, in: {gain: big.level, times: voice.count}}\n"
        "  logs: {map: toy.logs, in: {wave: tone.wave, said: {note: note.text}}}\n"
        "  only: {map: toy.logs, in: {gain: big.level, globals: {own: tone.speaker}, wave: tone.wave}}\n"
    )
    _, outcome, rows = run(text)
    assert list(rows["note"]) == list(rows["big"]) == ["even"]
    assert ["said" in row["text"] for row in rows["logs"].values()] == [True, False, True, False, True]  # a gap
    assert list(rows["only"]) == ["tone0000", "tone0002", "tone0004"]
    assert outcome.nodes["only"].unmatched == {"big": 2}


def test_conditions_of_groups_choose_rows_and_those_of_rows_come_before_groups(run):
    text = GROUPS.partition("  logs:")[0] + (
        "  many: {pick: {wave: tone.wave}, where: {voice.count: {min: 3}}}\n"
        "  dev: {reduce: toy.profile, by: tone.speaker, in: {level: level.level}, where: {tone.speaker: odd, voice.count: 2}}\n"
    )
    _, _, rows = run(text)
    assert list(rows["many"]) == ["tone0000", "tone0002", "tone0004"]
    assert list(rows["dev"]) == ["odd"]


def test_another_group_is_a_lookup(run):
    text = GROUPS.partition("  logs:")[0] + (
        "  logs: {map: toy.logs, in: {wave: tone.wave, times: {row: voice.count, at: tone.speaker}}}\n"
        "  pair: {expand: toy.pairs, in: {wave: tone.wave}}\n"
        "  far: {map: toy.logs, in: {wave: pair.wave, times: {row: voice.count, at: {value: odd}}}}\n"
    )
    _, outcome, rows = run(text)
    assert outcome.error is None
    assert [row["text"].partition("; ")[2] for row in rows["logs"].values()] == [f"times {n}" for n in (3, 2, 3, 2, 3)]
    assert [row["text"].partition("; ")[2] for row in rows["far"].values()] == ["times 2"] * 4


def test_a_group_that_cannot_be_made_is_a_failure_of_its_own(run):
    text = GROUPS.replace("in: {level: level.level}}", "in: {level: level.level}, config: {least: 3}}")
    text += "  named: {map: toy.logs, in: {times: {row: voice.count, at: tone.speaker}}}\n"
    plan, outcome, _ = run(text)
    failures = run.store.find_table(plan.steps["voice"].digest).failures
    assert [(f.id, f.reason) for f in failures] == [("odd", "2 rows, want 3")]
    assert outcome.nodes["logs"].unmatched == {"voice": 2}
    lost = run.store.find_table(plan.steps["named"].digest).failures
    assert lost[0].reason == "voice has no row 'odd', which was lost there: 2 rows, want 3"


def test_groups_fill_several_shards_and_a_broken_run_goes_on_from_them(run, monkeypatch):
    text = """
nodes:
  tone: {read: toy.tones, config: {count: 130, seconds: 0.02}}
  other: {map: toy.other, in: {wave: tone.wave}, config: {further: 0}}
  level: {map: toy.level, in: {wave: tone.wave}}
  each: {reduce: toy.profile, by: other.other, in: {level: level.level}}
"""
    cls = find("toy.profile")
    calls, reduce = [], cls.reduce

    @wraps(reduce)
    def breaks(self, items):
        calls.append(len(items))
        if len(calls) == 100:
            raise MemoryError
        return reduce(self, items)

    monkeypatch.setattr(cls, "reduce", breaks)
    with pytest.raises(MemoryError):
        run(text)
    _, outcome, rows = run(text)
    assert outcome.error is None
    assert list(rows["each"]) == list(rows["tone"])
    assert len(calls) == 100 + 130 - 64


def test_by_is_part_of_the_digest_and_a_pick_of_it_is_not(run):
    texts = [
        GROUPS,
        GROUPS.replace("by: clip.speaker", "by: tone.split"),
        GROUPS.replace("by: clip.speaker, ", ""),
        GROUPS.replace("gain: voice.level", "gain: {row: voice.level, at: tone.speaker}"),
    ]
    steps = [run(text)[0].steps for text in texts]
    assert len({each["voice"].digest for each in steps}) == 3
    assert len({each["logs"].digest for each in steps}) == 4


def test_a_slice_in_memory_joins_groups_as_a_run_does(run):
    plan, _, rows = run(GROUPS)
    live = Live(plan.checked, "tone", "logs", run.store)
    assert live.run(list(rows["tone"].values())) == list(rows["logs"].values())
    (lost,) = live.run([rows["tone"]["tone0001"] | {"speaker": "nobody"}])
    assert (lost.node, lost.reason) == ("logs", "voice has no row 'nobody'")


def test_groups_are_told_in_record_terminal_picture_and_report(run):
    plan, outcome, rows = run(GROUPS)
    record = json.loads(json.dumps(make_record(plan, outcome, now())))
    assert record["nodes"]["voice"]["by"] == "clip.speaker"
    made = record["results"]["voice"]
    assert made["by"] == "clip.speaker"
    assert made["groups"]["odd"] == {"level": rows["voice"]["odd"]["level"], "count": 2, "embedding": "float32(2)"}
    console = Console(width=80, record=True, file=io.StringIO())
    print_results(console, record["results"])
    lines = [line.split() for line in console.export_text().splitlines()]
    assert ["voice:", "a", "row", "for", "each", "speaker"] in lines
    assert ["odd", f"{rows['voice']['odd']['level']:.4g}", "2", "float32(2)"] in lines
    found = flows(plan.checked)
    assert found["clip", "voice"][:2] == ("where", ["by"])
    assert found["voice", "logs"][1] == ["float by speaker", "int by speaker", "embedding by speaker"]
    page = render(run.store, record, None, 12)
    assert '<th scope="row"><bdi>odd</bdi></th>' in page
    assert "by speaker" in svg(plan.checked)


def test_tables_of_scores_may_be_grouped(run):
    text = """
nodes:
  tone: {read: toy.tones, config: {count: 6}}
  level: {map: toy.level, in: {wave: tone.wave}}
  loud: {map: toy.gain, in: {wave: tone.wave}}
  soft: {map: toy.level, in: {wave: loud.wave}}
  scores:
    reduce: metric.table
    by: tone.speaker
    config: {resamples: 20, permutations: 20}
    in: {scores: {tone: {level: level.level}, loud: {level: soft.level}}}
"""
    plan, outcome, _ = run(text)
    record = json.loads(json.dumps(make_record(plan, outcome, now())))
    assert [mean["n"] for mean in record["results"]["scores"]["groups"]["odd"]["means"]] == [3, 3]
    console = Console(width=80, record=True, file=io.StringIO())
    print_results(console, record["results"])
    assert "scores, odd: mean over 3 utterances" in console.export_text()
    assert "<h3>scores, even</h3>" in render(run.store, record, None, 12)


CONVERSION = """
seed: 5
nodes:
  tone: {read: toy.tones, config: {count: 5}}
  level: {map: toy.level, in: {wave: tone.wave}}
  voice: {reduce: toy.profile, by: tone.speaker, in: {level: level.level}}
  pair: {expand: pairs.targets, in: {speaker: tone.speaker, split: tone.split}}
  logs:
    map: toy.logs
    in:
      wave: {row: tone.wave, at: pair.source}
      gain: {row: level.level, at: pair.source}
      times: {row: voice.count, at: pair.target}
      split: pair.split
      globals: {speaker: pair.target, voice: {row: voice.embedding, at: pair.target}, fixed: {row: voice.embedding, at: {value: even}}}
"""


def test_each_recording_in_the_voice_of_another(run):
    _, outcome, rows = run(CONVERSION)
    assert outcome.error is None
    assert list(rows["logs"]) == [f"tone{n:04d}-as-{'even' if n % 2 else 'odd'}" for n in range(5)]
    for row in rows["logs"].values():
        (pair,) = (pair for id, pair in rows["pair"].items() if id == row["id"])
        assert f"times {rows['voice'][pair['target']]['count']}; " in row["text"]
        assert f"split {rows['tone'][pair['source']]['split']!r}; " in row["text"]
        assert f"globals.speaker {pair['target']!r}" in row["text"]


def test_a_field_of_a_row_s_group_may_name_another_row(run):
    text = GROUPS.partition("  logs:")[0] + (
        "  next: {map: toy.other, in: {wave: tone.wave}, config: {further: 0}}\n"
        "  first: {reduce: toy.first, by: tone.speaker, in: {other: next.other}}\n"
        "  logs: {map: toy.logs, in: {wave: tone.wave, globals: {first: {row: tone.speaker, at: first.other}}}}\n"
    )
    _, outcome, rows = run(text)
    assert outcome.error is None
    assert {name: row["other"] for name, row in rows["first"].items()} == {"even": "tone0000", "odd": "tone0001"}
    logs = [row["text"].partition("; ")[2] for row in rows["logs"].values()]
    assert logs == [f"globals.first {'odd' if n % 2 else 'even'!r}" for n in range(5)]


def test_a_training_takes_constants_other_rows_and_groups(run):
    text = GROUPS.partition("  logs:")[0] + (
        "  same: {map: toy.other, in: {wave: tone.wave}, config: {further: 0}}\n"
        "  model:\n"
        "    fit: toy.leveled\n"
        "    in: {wave: {row: tone.wave, at: same.other}, split: {value: train}}\n"
        "    where: {voice.count: {min: 3}}\n"
        "    config: {max_steps: 2, max_frames: 3200, checkpoint_interval: 2, val_check_interval: 2}\n"
    )
    plan, outcome, _ = run(text)
    assert outcome.error is None
    metrics = json.loads((Path(run.store.find_artifact(plan.steps["model"].digest)) / "metrics.json").read_text())
    assert (metrics["items"], metrics["dev_items"]) == (3, 0)
