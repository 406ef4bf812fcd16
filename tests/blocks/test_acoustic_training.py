"""`acoustic.parallel` trained: losses fall, a training resumes and grows, and what cannot be learnt is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from blocks.acoustic._inputs import Inputs
from blocks.acoustic.schema import Controlled, TrainItem
from blocks.base import BadItem
from blocks.common.conditions import Stream
from blocks.common.symbols import Symbols
from blocks.load import restore
from blocks.spec import AudioSpec
from runner.check import check, read_graph
from runner.fit.events import curves
from runner.graph import GraphError
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.work.executor import Observer
from tests.blocks.acoustic_model import SPEC, WHOLE, Parallel, model, said, stream
from tests.blocks.interruption import stopped_at_a_checkpoint

torch = pytest.importorskip("torch")


GRAPH = """
spec: {n_mels: 20}
nodes:
  spoken: {read: toy.sayings, config: {count: 16}}
  model:
    fit: acoustic.parallel
    in: &train
      phones: spoken.phones
      streams: {tag: spoken.tag}
      globals: {speaker: spoken.speaker}
      log_mel: spoken.log_mel
      durations: spoken.durations
      pitch: spoken.pitch
      energy: spoken.energy
      split: spoken.split
    config: &small {hidden: 16, wide: 32, encoder_layers: 1, decoder_layers: 1, kernel: 3, streams: {tag: {classes: 1}},
             globals: {speaker: {}}, lr: 0.01, warmup_steps: 4, max_steps: 12, max_frames: 120, val_check_interval: 6,
             checkpoint_interval: 3}
  said:
    map: acoustic.parallel
    model: model
    in: {phones: spoken.phones, streams: {tag: spoken.tag}, globals: {speaker: spoken.speaker}, durations: spoken.durations}
"""
MORE = """
  others: {read: toy.sayings, config: {count: 6, phones: [sil, ˈa, u, o], speakers: [ann, cat]}}
  tuned:
    fit: acoustic.parallel
    init: model
    in: {phones: others.phones, streams: {tag: others.tag, note: others.tag}, globals: {speaker: others.speaker},
         log_mel: others.log_mel, durations: others.durations, pitch: others.pitch, energy: others.energy}
    config: {<<: *small, streams: {tag: {classes: 1}, note: {}}, max_steps: 1, lr: 1.0e-9}
"""


def go(folder: Path, store: str, sets=(), text: str = GRAPH):
    path = folder / "graph.yaml"
    path.write_text(text)
    opened = Store(folder / store)
    plan = make_plan(check(read_graph(path, sets=sets)), opened)
    return plan, opened, LocalExecutor().run(plan, opened, Observer())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("acoustic")
    plan, store, outcome = go(folder, "store", text=GRAPH + MORE)
    assert outcome.error is None
    return folder, plan, store


def artifact(plan, store, node: str = "model") -> Path:
    return Path(store.find_artifact(plan.steps[node].digest))


def test_training_lowers_every_loss_and_durations_are_obeyed(trained):
    _, plan, store = trained
    lines = json.loads((artifact(plan, store) / "metrics.json").read_text())["curves"]
    first, last = (line for line in lines if "val/loss" in line)
    names = [f"val/loss_{name}" for name in ("mel", "duration", "pitch", "voicing", "energy")]
    assert last["val/loss"] < first["val/loss"]
    assert set(names) <= last.keys()
    asked, said = (store.find_table(plan.steps[name].digest) for name in ("spoken", "said"))
    assert said.ids == asked.ids
    for id in said.ids:
        wanted, found = asked.get(id, ["durations"])["durations"], said.get(id, ["log_mel", "durations"])
        assert abs(len(found["log_mel"]) - sum(wanted)) == 0
        np.testing.assert_array_equal(found["durations"], wanted)


def test_the_loss_falls_by_half(tmp_path):
    sets = ("model.max_steps=60", "model.val_check_interval=60", "model.checkpoint_interval=60", "spoken.count=4")
    plan, store, outcome = go(tmp_path, "store", sets)
    assert outcome.error is None
    losses = [
        line["train/loss"] for line in curves(store.files, f"fits/{plan.steps['model'].digest}") if "train/loss" in line
    ]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:2])


def test_what_it_says_is_shown_and_played(trained):
    folder, plan, _ = trained
    (board,) = (folder / "store/fits" / plan.steps["model"].digest / "tensorboard").iterdir()
    kept = board.read_bytes()
    assert [kept.count(f"samples/dev/{name}".encode()) for name in ("true", "pred")] == [1, 4], "2 pictures, 2 waves"


def test_parts_of_a_batch_teach_what_the_whole_does(tmp_path):
    still = ("model.dropout=0", "model.predictor_dropout=0", "model.lr=1e-4", "model.max_steps=4")
    losses = []
    for name, sets in (("whole", still), ("parts", (*still, "model.accumulate=2"))):
        plan, store, outcome = go(tmp_path, name, sets)
        assert outcome.error is None
        lines = curves(store.files, f"fits/{plan.steps['model'].digest}")
        losses.append([line["train/loss"] for line in lines if "train/loss" in line])
    assert len(losses[0]) == 4
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_half_precision_learns_alike(tmp_path, trained):
    _, plan, store = trained
    half, opened, outcome = go(tmp_path, "half", ("model.precision=bfloat16", "model.max_steps=12"))
    assert outcome.error is None
    found = []
    for one, kept in ((plan, store), (half, opened)):
        lines = curves(kept.files, f"fits/{one.steps['model'].digest}")
        found.append([line["val/loss"] for line in lines if "val/loss" in line][-1])
    assert found[0] != found[1]
    np.testing.assert_allclose(found[1], found[0], rtol=0.1)


def test_stopped_and_resumed_equals_the_unbroken_training(trained, monkeypatch):
    folder, plan, store = trained
    with stopped_at_a_checkpoint(monkeypatch):
        go(folder, "broken")
    digest, broken = plan.steps["model"].digest, Store(folder / "broken")
    assert list((folder / "broken" / "fits" / digest).glob("step-*3/state.json"))
    _, _, outcome = go(folder, "broken")
    assert outcome.error is None
    whole, again = ((artifact(plan, opened) / "model.safetensors").read_bytes() for opened in (store, broken))
    assert whole == again


def test_a_training_goes_on_with_new_phones_voices_and_streams(trained):
    _, plan, store = trained
    old, new = restore(artifact(plan, store)), restore(artifact(plan, store, "tuned"))
    assert list(new.inputs.phones)[: len(old.inputs.phones)] == list(old.inputs.phones)
    assert "u" in new.inputs.phones
    assert list(new.inputs.names["speaker"]) == ["ann", "ben", "cat"]
    asked = Controlled(phones=("sil", "ˈa", "o"), globals={"speaker": "ben"}, durations=np.array([2, 3, 4], "i4"))
    (before,), (after,) = old.apply([asked]), new.apply([asked])
    np.testing.assert_allclose(after.log_mel, before.log_mel, atol=1e-4)


def test_phones_may_be_held_longer_than_the_first_model_heard(trained):
    """What bounds the predicted durations follows the longest phone of both trainings."""
    _, plan, store = trained
    first = restore(artifact(plan, store))
    known = int(first.net.longest)
    for held in (3 * known, 1):
        frames = held + 1
        saying = train_item(
            streams={"tag": stream(1, 0)}, globals={"speaker": "ann"}, durations=np.array([1, held], "i4"),
            log_mel=np.zeros((frames, 20), "f4"), pitch=np.zeros(frames, "f4"), energy=np.zeros(frames, "f4"),
        )  # fmt: skip
        run = Memory(saying)
        run.init = artifact(plan, store)
        block = Parallel(first.config, first.spec)
        block._begin(run)
        assert int(block.net.longest) == max(known, held)


def test_an_artifact_of_another_spec_is_refused(trained):
    _, plan, store = trained
    with pytest.raises(ValueError, match="made for another audio spec: n_mels 20, not 80"):
        restore(artifact(plan, store), AudioSpec())


class Memory:
    """What `fit` sees before its first batch."""

    init = None

    def __init__(self, *items):
        self.items = items

    def survey(self):
        return self.items

    def key(self, step, name=""):
        return 0


def train_item(**given) -> TrainItem:
    parts = {
        "phones": ("a", "b"), "streams": {"a": stream(1, 0), "b": stream(2, 0)}, "globals": {"a": "ann", "b": "ben"}, "log_mel": np.zeros((5, 20), "f4"),
        "durations": np.array([2, 3], "i4"), "pitch": np.zeros(5, "f4"), "energy": np.zeros(5, "f4"),
    }  # fmt: skip
    return TrainItem(**parts | given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"durations": np.array([2, 4], "i4")}, r"item 1 to train on \(a b .*sum to 6 frames, but the log-mel has 5"),
        ({"pitch": None}, "no pitch, want them beside the phones: wire them, or set pitch, energy: false"),
        ({"durations": None, "energy": None}, "no durations and energy"),
        ({"globals": {"a": "ann"}}, "no global 'b'"),
        ({"phones": (), "streams": {}}, "no phones to say"),
    ],
)
def test_what_cannot_be_learnt_is_refused_before_the_training(given, message):
    with pytest.raises(ValueError, match=message):
        Parallel(WHOLE, SPEC)._begin(Memory(train_item(), train_item(**given)))


def test_a_declared_stream_that_is_not_wired_is_refused():
    with pytest.raises(ValueError, match=r"declare b, which no item to train on has: wire streams\.b"):
        Parallel(WHOLE, SPEC)._begin(Memory(train_item(streams={"a": stream(1, 0)})))


def test_silent_items_can_be_learnt_and_every_weight_learns():
    block = Parallel(WHOLE, SPEC)
    block._begin(Memory(train_item(), train_item()))
    loss = block._losses(block.net, [train_item(), train_item(streams={})], 8)["loss"]
    loss.backward()
    assert np.isfinite(float(loss.detach()))
    for name, weight in block.net.named_parameters():
        assert weight.grad is not None, f"{name} would stop a training on several workers"
        assert torch.isfinite(weight.grad).all()


def test_numbers_of_phones_that_exist_are_streams(tmp_path):
    """As they are, in their own dtype and unit; a declared scale brings them near 1."""
    path = tmp_path / "graph.yaml"
    path.write_text(GRAPH.replace("streams: {tag: spoken.tag}", "streams: {tag: spoken.durations}"))
    check(read_graph(path))
    other = "others: {read: toy.sayings, spec: {hop_length: 100}}\n  spoken: {read"
    elsewhere = GRAPH.replace("spoken: {read", other).replace(
        "streams: {tag: spoken.tag}", "streams: {tag: others.durations}", 1
    )
    path.write_text(elsewhere)
    with pytest.raises(GraphError, match=r"model\.streams\.tag <- others\.durations: wants hop_length 200, but"):
        check(read_graph(path))
    lengths, heights = np.array([2, 40], np.int32), np.array([0, 150], np.float32)
    asked = Controlled(phones=("a", "b"), streams={"length": lengths, "height": heights, "first": lengths < 3})
    streams = {"length": Stream(scale=10), "height": Stream(scale=100), "first": Stream(classes=1)}
    inputs = Inputs(streams, {}, phones=Symbols(["a", "b"]))
    inputs.check_request(asked)
    made = inputs.arrays([asked])
    np.testing.assert_allclose(made["streams.length"][0, :, 0], [0.2, 4.0])
    np.testing.assert_allclose(made["streams.height"][0, :, 0], [0.0, 1.5])
    np.testing.assert_array_equal(made["streams.first"][0], [1, 0])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            "streams: {tag: spoken.log_mel}",
            "wants stream of numbers(phones) or stream_vectors of numbers(phones, channels), but",
        ),
        ("streams: {tag: spoken.pitch}", "but spoken.pitch is pitch float32(frames) Hz"),
        ("streams: {tag: spoken.phones}", "but spoken.phones is phones"),
        ("streams: spoken.tag", "wants a mapping of names to edges"),
        (
            "globals: {speaker: spoken.phones}",
            "wants speaker or style or language or embedding float32(embedding), but spoken.phones is phones",
        ),
    ],
)
def test_wrong_wires_are_refused_before_the_run(tmp_path, wrong, message):
    name, _, _ = wrong.partition(":")
    right = next(line.strip() for line in GRAPH.splitlines() if line.strip().startswith(f"{name}:"))
    path = tmp_path / "graph.yaml"
    path.write_text(GRAPH.replace(right, wrong, 1))
    with pytest.raises(GraphError) as caught:
        check(read_graph(path))
    assert message in str(caught.value)


def test_bad_items_are_bad_items():
    with pytest.raises(BadItem, match="no phones"):
        model()._check_request(said(()))
