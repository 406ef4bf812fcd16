"""A slice in memory says what a run writes, loses no more than it, and holds nothing that it does not need."""

import json

import numpy as np
import pytest

from blocks.base import BadItem
from blocks.load import find
from runner.check import check, read_graph
from runner.plan import PlanError
from runner.speak.live import Live, Lost
from runner.store import Store
from runner.store.artifact import write_manifest
from tests.serving.conftest import TEXTS, made


def rows(*texts: str, **more) -> list[dict]:
    return [{"text": text, "language": "en-US", "speaker": "ann", "speaking_rate": 1.0} | more for text in texts]


# ---- the tiny graph that speaks ----


def test_values_are_those_of_a_run(tiny, store, live):
    texts = f"script.texts={json.dumps(TEXTS)}"
    plan = made(tiny, store, ['script.text=""', texts, "script.speaker=ben"])
    table = store.find_table(plan.steps["voice"].digest)
    found = live.run(rows(*TEXTS, speaker="ben"))
    assert len(table) == len(TEXTS)
    for id, row in zip(table.ids, found, strict=True):
        want = table.get(id)["wave"]
        assert row["wave"].dtype == want.dtype
        assert row["wave"].tobytes() == want.tobytes()


def test_what_a_row_leaves_out_is_as_in_the_settings(live):
    (short,), (whole,) = live.run([{"text": TEXTS[0], "speaker": "ann"}]), live.run(rows(TEXTS[0]))
    np.testing.assert_array_equal(short["wave"], whole["wave"])


def test_a_bad_row_costs_itself_alone(live):
    given = rows(TEXTS[0], "wörld 7", TEXTS[1]) + rows(TEXTS[0], speaker="nobody") + [{"text": 3}]
    found = live.run(given)
    assert [isinstance(row, Lost) for row in found] == [False, True, False, True, True]
    assert (found[1].node, found[3].node, found[4].node) == ("words", "mels", "script")
    assert "'7'" in found[1].reason
    assert "knows no speaker 'nobody'" in found[3].reason
    assert "text" in found[4].reason
    np.testing.assert_array_equal(found[2]["wave"], live.run(rows(TEXTS[1]))[0]["wave"])


def test_ids_are_kept_and_must_differ(live):
    found = live.run([row | {"id": id} for id, row in zip("ab", rows(TEXTS[0], "7 7"), strict=True)])
    assert [found[0]["id"], found[1].id] == ["a", "b"]
    with pytest.raises(ValueError, match="2 rows have 1 ids"):
        live.run([row | {"id": "a"} for row in rows(*TEXTS[:2])])
    assert live.run([]) == []


def test_a_stream_is_the_wave_in_pieces(live):
    (row,) = rows(TEXTS[1], speaking_rate=0.5)
    (whole,) = live.run([row])
    pieces = list(live.stream(row))
    assert len(pieces) > 2
    assert len(pieces[0]) == pytest.approx(0.3 * live.sample_rate, abs=200)
    np.testing.assert_allclose(np.concatenate(pieces), whole["wave"], atol=1e-3)
    (ready,) = live.prepare([row])
    assert ready.samples == len(whole["wave"])


def test_a_warm_slice_meets_no_new_length(tiny, store):
    fresh = Live(check(read_graph(tiny)), store=store)
    assert not fresh.warm({"text": "§"})
    assert fresh.warm({"text": TEXTS[1], "speaking_rate": 0.5})
    compiled = fresh.block("voice")._compiled.func
    met = compiled._cache_size()
    for rate in (0.45, 0.6, 0.9, 1.3, 2.0, 3.0, 4.0):
        assert len(list(fresh.stream({"text": TEXTS[1], "speaking_rate": rate}))) > 0
    assert compiled._cache_size() == met


def test_a_stream_of_what_cannot_be_said_tells_why(live):
    with pytest.raises(BadItem, match=r"words: .*'§'"):
        list(live.stream(rows("§")[0]))
    lost, ready = live.prepare(rows("§", "Hello."))
    assert isinstance(lost, Lost)
    assert sum(map(len, live.waves(ready))) == ready.samples


def more(tiny, store, name: str, node: str) -> Live:
    """The tiny graph with one more node."""
    path = tiny.with_name(f"{name}.yaml")
    path.write_text(f"{tiny.read_text()}  {name}: {node}\n")
    return Live(check(read_graph(path)), until=name, store=store)


def test_a_block_that_does_not_stream_gives_the_wave_whole(tiny, store):
    slow = more(tiny, store, "slow", "{map: vocoder.griffin_lim, in: {log_mel: mels.log_mel}}")
    (wave,) = slow.stream(rows(TEXTS[0])[0])
    np.testing.assert_array_equal(wave, slow.run(rows(TEXTS[0]))[0]["wave"])


def test_a_pick_of_the_wave_streams_as_well(tiny, store, live):
    out = more(tiny, store, "out", "{pick: {wave: voice.wave, text: script.text}}")
    pieces, want = list(out.stream(rows(TEXTS[0])[0])), list(live.stream(rows(TEXTS[0])[0]))
    assert [piece.tobytes() for piece in pieces] == [piece.tobytes() for piece in want]
    assert out.run(rows(TEXTS[0]))[0]["text"] == TEXTS[0]


def test_models_off_the_way_are_not_asked_for(tiny, store):
    assert list(Live(check(read_graph(tiny)), until="mels", store=store).weights) == ["acoustic"]


# ---- which slices there are ----

TONES = """
nodes:
  tone: {read: toy.tones, config: {count: 5}}
  level: {map: toy.level, in: {wave: tone.wave}}
  mean: {reduce: toy.mean, in: {level: level.level}}
  even: {pick: {wave: tone.wave}, where: {tone.speaker: even}}
  odd: {map: toy.gain, in: {wave: tone.wave}, where: {tone.speaker: odd}, config: {gain: 0.5}}
  odd_one: {pick: {wave: odd.wave}}
  both: {union: [even, odd_one]}
  loud: {map: toy.gain, in: {wave: both.wave}, config: {gain: 1.5}}
  centred: {map: toy.gain, in: {wave: loud.wave}, where: {mean.level: {min: 0.1}}, config: {gain: 0.9}}
  pair: {expand: toy.pairs, in: {wave: tone.wave}}
  model: {load: weights, as: toy.scale}
  twice: {map: toy.scale, model: model, in: {wave: tone.wave}}
  back: {map: toy.scale, method: undo, model: model, in: {scaled: twice.wave}}
"""


@pytest.fixture
def tones(tmp_path, spec):
    path, folder, block = tmp_path / "tones.yaml", tmp_path / "weights", find("toy.scale")(find("toy.scale").tiny, spec)
    path.write_text(TONES)
    folder.mkdir()
    block.fit(None)
    block.save(folder)
    write_manifest(folder, {"block": "toy.scale", "config": {"steps": 1}, "spec": spec.model_dump()})
    return path


@pytest.mark.parametrize("until", ["even", "odd", "both", "loud", "centred", "back"])
def test_joins_conditions_and_unions_are_those_of_a_run(tones, tmp_path, until):
    store = Store(tmp_path / "store")
    plan = made(tones, store, until=until)
    given = list(store.find_table(plan.steps["tone"].digest).rows())
    want = {row["id"]: row for row in store.find_table(plan.steps[until].digest).rows()}
    found = Live(check(read_graph(tones)), "tone", until, store).run(given)
    for row, came in zip(given, found, strict=True):
        if row["id"] in want:
            assert came.keys() == want[row["id"]].keys()
            np.testing.assert_equal(came, want[row["id"]])
        else:
            assert came == Lost("the row does not meet `where`", row["id"], until)


@pytest.mark.parametrize(
    ("source", "until", "message"),
    [
        ("tone", "nothing", "no node 'nothing'"),
        ("level", "loud", "tones.yaml:.*level is a map, want a read; there is tone"),
        ("tone", "mean", "tones.yaml:.*mean has no rows of tone, only of one row for all"),
        ("tone", "pair", "pair has no rows of tone, only of pair"),
        ("tone", "centred", "mean is not in the store; first: voxblocks run .*tones.yaml --until mean"),
    ],
)
def test_a_slice_that_cannot_be_is_refused(tones, source, until, message):
    with pytest.raises(PlanError, match=message):
        Live(check(read_graph(tones)), source, until)


def test_what_is_not_trained_is_told(tiny, tmp_path):
    with pytest.raises(PlanError, match=r"acoustic is not trained; first: voxblocks run .*tiny.yaml --until acoustic"):
        Live(check(read_graph(tiny)), store=Store(tmp_path / "empty"))
