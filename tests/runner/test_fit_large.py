"""Training on many rows: what is known of them without reading them, the batches, a resume, and a capped validation."""

import uuid
from typing import Annotated

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from blocks.arrays import Array, Language, Phones, Seconds, Speaker
from blocks.base import NewRow
from runner.check import check, read_graph
from runner.fit import index, windows
from runner.fit.data import trained_on
from runner.fit.node import FitWork
from runner.fit.reading import items_of
from runner.fit.windows import WindowPlan
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.run.node import NodeRun
from runner.store import Store, StoreError
from runner.store.columns import text_column
from runner.store.ids import Ids, together
from runner.store.outline import Outline
from runner.store.staged import Staged
from runner.store.table import read_batch
from runner.work.ancestry import Ancestry
from runner.work.executor import NodeResult, Observer

pytest.importorskip("torch")

# Tables that lack rows of each other, a view of two parts, a field of another row, one of a group.
GRAPH = """
max_failed: 0.5
nodes:
  tone: {read: toy.tones, config: {count: 40, fail: [3], skip: [7]}}
  soft: {map: toy.gain, in: {wave: tone.wave}, config: {bad: [tone0004, tone0010]}}
  odd: {pick: {wave: soft.wave}, where: {tone.speaker: odd}}
  even: {pick: {wave: soft.wave}, where: {tone.speaker: even}}
  both: {union: [odd, even]}
  model:
    fit: toy.tuned
    in: {wave: both.wave, split: tone.split, speaker: tone.speaker}
    config: {max_steps: 20, max_frames: 5000, checkpoint_interval: 5, val_check_interval: 10, balance: 0.5}
"""


@pytest.fixture
def many(monkeypatch):
    """Five rows are many, and windows small."""
    for module in ("runner.store.table", "runner.store.writer", "runner.fit.node"):
        monkeypatch.setattr(f"{module}.MANY", 4)
    monkeypatch.setattr(windows, "RUN", 4)
    monkeypatch.setattr(windows, "WINDOW", 16)


@pytest.fixture
def go(tmp_path, many):
    def _go(text=GRAPH, store="store", sets=()):
        path = tmp_path / "graph.yaml"
        path.write_text(text)
        opened = Store(store if "://" in store else tmp_path / store)
        plan = make_plan(check(read_graph(path, sets=sets)), opened)
        return plan, opened, LocalExecutor().run(plan, opened, Observer())

    return _go


def weights(plan, store):
    return load_file(f"{store.find_artifact(plan.steps['model'].digest)}/model.safetensors")


def work_of(plan, store) -> FitWork:
    step = plan.steps["model"]
    return NodeRun(plan, step, store, Observer(), NodeResult(step.digest, "waiting")).fit_work()


def test_the_index_holds_what_the_block_says_of_every_item(go):
    plan, store, outcome = go()
    assert outcome.error is None
    work = work_of(plan, store)
    found = index.Index.read(store.files, work.folder)
    block = work.checked.cls(work.checked.config, work.checked.spec)
    items = list(items_of(work))
    assert list(found.ids) == list(work.rows.ids)
    assert len(items) == 36
    assert found.lengths.tolist() == [block.length(item) for item in items]
    assert found.dev.tolist() == [item.split == "dev" for item in items]
    groups = [block.group(item) for item in items]
    assert len({*zip(groups, found.groups.tolist())}) == 2, "one number for each voice"


def test_what_was_trained_on_is_counted_as_of_few_rows(go, monkeypatch):
    plan, store, _ = go()
    work = work_of(plan, store)
    ancestry, train = Ancestry(store, work.tables.values()), index.Index.read(store.files, work.folder)
    ids = train.ids.where(~train.dev)
    counted = trained_on(ancestry, ids, [])
    assert counted == trained_on(ancestry, list(ids), [])
    assert list(counted["speakers"]) == list(trained_on(ancestry, list(ids), [])["speakers"])


def test_lengths_may_be_numbers_of_numpy(go, monkeypatch):
    from blocks.toy.tuned import Tuned

    monkeypatch.setattr(Tuned, "length", lambda self, item: np.int64(item.wave.shape[0] // 2))
    plan, store, outcome = go()
    assert outcome.error is None
    assert set(index.Index.read(store.files, work_of(plan, store).folder).lengths.tolist()) == {800}


def test_a_block_that_looks_at_values_is_asked_about_the_items(go, monkeypatch):
    from blocks.toy.tuned import Tuned

    monkeypatch.setattr(Tuned, "length", lambda self, item: 100 + int(100 * np.abs(item.wave).max()))
    plan, store, outcome = go()
    assert outcome.error is None
    work = work_of(plan, store)
    found = index.Index.read(store.files, work.folder)
    assert found.lengths.tolist() == [100 + int(100 * np.abs(item.wave).max()) for item in items_of(work)]


def test_the_greatest_of_all_items_is_told_without_reading_one(go, monkeypatch):
    from blocks.toy.tuned import Tuned

    asked, fit = {}, Tuned.fit

    def asking(self, run):
        read = []
        make = run.items.make
        monkeypatch.setattr(run.items, "make", lambda id: read.append(id) or make(id))
        asked["longest"] = run.greatest(lambda item: len(item.wave) / 2), len(read)
        asked["last"] = run.greatest(lambda item: {"odd": 2, "even": 1}[item.speaker]), len(read)
        asked["loudest"] = run.greatest(lambda item: float(np.abs(item.wave).max())), len(read)
        want = [make(id) for id in run.items.ids]
        asked["want"] = max(len(item.wave) for item in want) / 2, max(float(np.abs(item.wave).max()) for item in want)
        return fit(self, run)

    monkeypatch.setattr(Tuned, "fit", asking)
    assert go()[2].error is None
    assert asked["longest"] == (asked["want"][0], 0)
    assert asked["last"] == (2, 0)
    assert asked["loudest"][0] == asked["want"][1]
    assert asked["loudest"][1] > 20, "of what only the values tell, all are read"


def test_a_training_on_many_rows_goes_on_as_the_unbroken_one(go, monkeypatch):
    from runner.fit.checkpoints import Checkpoints

    plan, whole, outcome = go(store="whole")
    assert outcome.error is None
    save = Checkpoints.save

    def full(self, step, parts, facts):
        if step == 10:
            raise OSError(28, "No space left on device")
        save(self, step, parts, facts)

    monkeypatch.setattr(Checkpoints, "save", full)
    assert "that of step 5 is intact" in str(go(store="broken")[2].error)
    monkeypatch.setattr(Checkpoints, "save", save)
    _, broken, outcome = go(store="broken")
    assert outcome.error is None
    for name, value in weights(plan, whole).items():
        np.testing.assert_array_equal(value, weights(plan, broken)[name])


def test_a_training_from_afar_makes_the_same_weights(go, tmp_path, monkeypatch):
    monkeypatch.setenv("VOXBLOCKS_CACHE", str(tmp_path / "cache"))
    plan, here, _ = go()
    _, there, outcome = go(store=f"fsspec+memory:///{uuid.uuid4().hex}")
    assert outcome.error is None
    for name, value in weights(plan, here).items():
        np.testing.assert_array_equal(value, weights(plan, there)[name])
    assert len(list((tmp_path / "cache" / "staged").rglob("*.arrow"))) == 2, "the shards of both tables"


def test_a_checkpoint_of_other_batches_is_refused(go, monkeypatch):
    broken = GRAPH.replace("max_steps: 20", "max_steps: 20, break_at: 12")
    assert "step 12" in str(go(broken)[2].error)
    monkeypatch.setattr("runner.fit.node.MANY", 1000)
    assert "puts batches together otherwise" in str(go(broken)[2].error)


def test_reserved_and_missing_splits_are_refused_as_ever(go):
    assert "tone0005 is reserved" in str(go(sets=["tone.reserved=[5]"])[2].error)


def test_a_validation_scores_as_many_items_as_asked(go, monkeypatch):
    from blocks.toy.tuned import Tuned

    seen = []
    validate = Tuned.validate
    monkeypatch.setattr(Tuned, "validate", lambda self, items: seen.append(len(items)) or validate(self, items))
    assert go(sets=["model.val_items=3", "model.max_frames=100000"])[2].error is None
    assert seen == [3, 3]


def test_a_setting_that_is_not_set_is_no_part_of_a_digest(go):
    plan, _, _ = go()
    assert "val_items" not in plan.steps["model"].meta["config"]


# ---- ids ----


@given(st.lists(st.text(min_size=1, max_size=4), unique=True, min_size=1, max_size=40), st.data())
def test_ids_read_as_a_list_does(texts, data):
    ids = Ids(text_column(texts))
    assert (len(ids), list(ids), ids[-1], list(ids[1:3])) == (len(texts), texts, texts[-1], texts[1:3])
    assert [ids.number(text) for text in texts] == list(range(len(texts)))
    assert "longer than any" not in ids
    others = data.draw(st.permutations([*texts, "longer than any"]))
    assert ids.numbers(Ids(text_column(others))).tolist() == [
        texts.index(text) if text in texts else -1 for text in others
    ]


def test_ids_of_several_tables_are_counted_once():
    every = [["a", "b"], ["b", "c", "d"]]
    assert together(every) == together([Ids(text_column(texts)) for texts in every]) == 4


# ---- outlines ----


class Said(NewRow):
    pitch: Annotated[np.ndarray, Array("pitch", "float32", "frames")] | None
    phones: Phones
    speaker: Speaker


def test_an_outline_tells_shapes_and_rows_that_hold_each_text(tmp_path, monkeypatch):
    rows = [
        Said(
            id=f"{n}",
            pitch=None if n == 2 else np.zeros(n, np.float32),
            phones=tuple("ab" if n < 6 else "bc"),
            speaker="ann" if n < 3 else "ben",
        )
        for n in range(8)
    ]
    writer = Store(tmp_path).write_table("d", Said, {})
    for shard in (0, 1):
        some = rows[4 * shard : 4 * shard + 4]
        writer.write(shard, [row.id for row in some], some)
    table = writer.publish()
    found = table.outline()
    (tmp_path / "file").write_bytes(found.encoded())
    for told in (found, Outline.decoded(read_batch("file", str(tmp_path / "file"), None))):
        assert told.shapes["pitch"].ravel().tolist() == [0, 1, -1, 3, 4, 5, 6, 7]
        assert told.shapes["phones"].ravel().tolist() == [2] * 8
        assert [told.values["speaker"][code] for code in told.codes["speaker"]] == [row.speaker for row in rows]
        assert told.first("speaker", np.ones(8, bool)).tolist() == [0, 3]
        assert told.first("phones", np.ones(8, bool)).tolist() == [0, 0, 6]
        assert told.first("phones", np.arange(8) > 3).tolist() == [4, 4, 6], "of the rows that count"
        assert told.first("phones", np.arange(8) > 5).tolist() == [6, 6]
    monkeypatch.setattr("runner.store.outline._ROWS", 2)
    assert table.outline().first("phones", np.arange(8) > 3) is None, "only the first rows are noted of a text"


# ---- batches ----

lengths = st.lists(st.integers(1, 900), min_size=1, max_size=120).map(lambda found: np.array(found, np.int32))


def small(lengths, seed=1, **named) -> WindowPlan:
    return WindowPlan(lengths, seed, budget=2000, most=16, **named)


@pytest.fixture(scope="module", autouse=True)
def _small_windows():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "RUN", 4)
        patch.setattr(windows, "WINDOW", 16)
        yield


@settings(deadline=None)
@given(lengths, st.integers(0, 5), st.integers(1, 4))
def test_an_epoch_holds_every_item_once_for_any_number_of_ranks(lengths, seed, world):
    plan, alone, seen = small(lengths, seed), small(lengths, seed), []
    for step in range(1, plan.steps_per_epoch + 1):
        parts = [plan.part(step, rank, world) for rank in range(world)]
        assert sum(part.share for part in parts) == pytest.approx(world)
        assert len({part.length for part in parts}) == 1
        together = [index for part in parts if part.share for index in part.indices]
        assert sorted(together) == sorted(alone.part(step).indices)
        for part in parts:
            assert part.indices, "every rank takes part in every step"
            assert len(part.indices) <= part.size
            assert lengths[list(part.indices)].max() <= part.length
        assert parts[0].length * len(together) <= 2000
        seen += together
    assert sorted(seen) == list(range(len(lengths)))


@settings(deadline=None)
@given(lengths, st.integers(1, 200))
def test_a_step_is_found_without_walking_to_it(lengths, step):
    whole, again = small(lengths, 3), small(lengths, 3)
    walked = [whole.part(n) for n in range(1, step + 1)]
    assert again.part(step) == walked[-1]


def test_the_items_of_a_window_lie_in_a_few_runs_of_the_table():
    plan = small(np.full(400, 100, np.int32))
    firsts = [plan.part(step).indices for step in (1, 2)]
    places = {at // 4 for indices in firsts for at in indices}
    assert len(places) <= 10, "of 100 runs"


@pytest.mark.parametrize("balance", [0.5, 1.0])
def test_balance_draws_groups_as_often_as_it_says(balance):
    groups = np.repeat([0, 1, 2], [2, 80, 18])
    plan = small(np.random.default_rng(0).integers(20, 400, 100), groups=groups, balance=balance)
    steps = [step for step in range(1, 800) if plan.epoch_of(step) < 40]
    found = groups[[at for step in steps for at in plan.part(step).indices]]
    wanted = np.array([2.0, 80, 18]) ** (1 - balance)
    np.testing.assert_allclose(np.bincount(found) / len(found), wanted / wanted.sum(), atol=0.02)


def test_an_item_longer_than_a_batch_is_named():
    with pytest.raises(ValueError, match="b is 3000 frames long, but max_frames is 2000"):
        small(np.array([10, 3000], np.int32), names=["a", "b"])


def test_columns_of_a_slice_are_its_own():
    assert Ids(pa.array(["a", "b", "c"]).slice(1)).numbers(Ids(text_column(["c", "x"]))).tolist() == [1, -1]


class Spoken(NewRow):
    speaker: Speaker
    language: Language | None
    seconds: Seconds


def test_who_spoke_what_is_counted_as_of_few_rows(tmp_path):
    told = [("ann", "en"), ("ben", "en"), ("ben", "fr"), ("cid", None), ("ben", "en")] * 2
    rows = [Spoken(id=f"{n}", speaker=name, language=code, seconds=n) for n, (name, code) in enumerate(told)]
    store = Store(tmp_path)
    writer = store.write_table("d", Spoken, {})
    writer.write(0, [row.id for row in rows], rows)
    ids = [*writer.publish().ids, "of no table"]
    few, many = (trained_on(Ancestry(store, ["d"]), each, []) for each in (ids, Ids(text_column(ids))))
    assert few == many
    assert few["speaker_languages"] == {"ben": {"en": 4, "fr": 2}, "ann": {"en": 2}}
    assert [list(found[key]) for found in (few, many) for key in ("speakers", "languages")] == [
        ["ben", "ann", "cid"],
        ["en", "fr"],
    ] * 2


def test_the_files_of_a_large_remote_table_are_listed_once(monkeypatch):
    store = Store(f"fsspec+memory:///{uuid.uuid4().hex}")
    writer = store.write_table("d", Spoken, {})
    for n in range(3):
        writer.write(n, [f"{n}"], [Spoken(id=f"{n}", speaker="ann", language=None, seconds=1)])
    writer.publish()
    listed = []
    monkeypatch.setattr(store.files, "listed", lambda folder: listed.append(folder) or [])
    with pytest.raises(StoreError, match="missing"):
        store.find_table("d")
    monkeypatch.undo()
    monkeypatch.setattr("runner.store.store.LISTED", 2)
    assert store.find_table("d").get("1")["speaker"] == "ann"
    monkeypatch.setattr(store.files, "listed", lambda folder: listed.append(folder) or [])
    assert store.find_table("d").get("1")["speaker"] == "ann"
    assert len(listed) == 1


def test_staged_shards_hold_the_columns_that_are_wanted_and_keep_a_limit(tmp_path, monkeypatch):
    store = Store(f"fsspec+memory:///{uuid.uuid4().hex}")
    writer = store.write_table("d", Said, {})
    for n in range(40):
        row = Said(id=f"{n}", pitch=np.full(2000, n, np.float32), phones=("a",), speaker="ann")
        writer.write(n, [row.id], [row])
    table = writer.publish()
    slim = Staged(store.files, tmp_path / "slim").table(table, ["speaker"])
    assert slim.get("7", ["speaker"]) == {"id": "7", "speaker": "ann"}
    assert sum(path.stat().st_size for path in tmp_path.rglob("slim/**/*.arrow")) < 2000
    monkeypatch.setenv("VOXBLOCKS_STAGED_GB", "0.0001")
    staged = Staged(store.files, tmp_path / "small").table(table, ["pitch"])
    for _ in range(2):
        for n in range(40):
            np.testing.assert_array_equal(staged.get(f"{n}", ["pitch"])["pitch"], np.full(2000, n, np.float32))
    assert 50_000 < sum(path.stat().st_size for path in tmp_path.rglob("small/**/*.arrow")) < 120_000
