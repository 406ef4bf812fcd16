"""Sentences spliced while an acoustic model trains: parts of two recordings, told by a tag, the draws those of seed and step."""

from types import SimpleNamespace

import numpy as np
import pytest

from blocks.acoustic._splices import Splice, Splices
from blocks.acoustic.schema import TrainItem
from blocks.arrays import Span
from blocks.base import BadItem
from blocks.load import restore
from runner.check import check, read_graph
from runner.fit.events import curves
from runner.graph import GraphError
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.work.executor import Observer
from tests.blocks.interruption import stopped_at_a_checkpoint

pytest.importorskip("torch")


def recording(number: int, words: int, speaker: str = "ann", **more) -> TrainItem:
    """Two phones a word, three frames a phone, a silence at the end; each frame tells whose it is and where."""
    phones = (*(f"{number}.{word}{half}" for word in range(words) for half in "ab"), "sil")
    durations = np.full(len(phones), 3, np.int32)
    values = 100 * number + np.arange(durations.sum(), dtype=np.float32)
    made = {
        "phones": phones,
        "streams": {"note": np.arange(len(phones), dtype=np.float32) + 100 * number},
        "globals": {"speaker": speaker},
        "log_mel": np.repeat(values[:, None], 4, 1),
        "durations": durations,
        "pitch": values,
        "energy": values,
        "spans": (Span(label="NP", first=0, last=1), Span(label="VP", first=1, last=words)),
        "word_of_phone": np.array([*np.repeat(np.arange(words), 2), -1], np.int32),
    }
    return TrainItem(**made | more)


def splices(items, seed: int = 0, **settings) -> Splices:
    made = Splices(Splice(**{"share": 1.0} | settings), seed)
    for item in items:
        made.meet(item)
    return made.of(items)


TWO = [recording(1, 2), recording(2, 4)]


def test_one_constituent_gives_way_to_another_and_all_is_joined_as_one():
    found = {made.phones: made for step in range(30) for made in splices(TWO).drawn(TWO[:1], step)}
    assert len(found) == 2, "its NP or its VP of the other"
    made = next(made for phones, made in found.items() if phones[0] == "1.0a")
    assert made.phones == ("1.0a", "1.0b", "2.1a", "2.1b", "2.2a", "2.2b", "2.3a", "2.3b", "sil")
    wanted = [*range(100, 106), *range(206, 224), *range(112, 115)]
    for values in (made.log_mel[:, 0], made.pitch, made.energy):
        np.testing.assert_array_equal(values, wanted)
    np.testing.assert_array_equal(made.streams["note"], [100, 101, *range(202, 208), 104])
    np.testing.assert_array_equal(np.flatnonzero(made.streams["joined"]), [2, 8])
    assert made.durations.sum() == len(made.log_mel)


def test_draws_are_those_of_seed_and_step():
    def phones(seed, step):
        return [made.phones for made in splices(TWO, seed).drawn(TWO * 4, step)]

    assert phones(0, 3) == phones(0, 3)
    assert len({tuple(phones(seed, step)) for seed in (0, 1) for step in range(1, 6)}) == 10


def test_a_share_is_heard_as_it_is():
    drawn = [made for step in range(200) for made in splices(TWO, share=0.3).drawn(TWO, step)]
    assert np.mean(["joined" in made.streams for made in drawn]) == pytest.approx(0.3, abs=0.05)
    assert all(made in TWO for made in drawn if "joined" not in made.streams)


def test_voices_do_not_mix_and_what_finds_no_partner_stays():
    three = [*TWO, recording(3, 3, "ben")]
    for step in range(20):
        ann, ben = splices(three).drawn([three[0], three[2]], step)
        assert ben is three[2]
        assert all(phone[0] in "12s" for phone in ann.phones)


def test_joins_may_go_untold():
    (made,) = splices(TWO, tag=None).drawn(TWO[:1], 1)
    assert made.streams.keys() == {"note"}


@pytest.mark.parametrize(
    ("more", "message"),
    [({"spans": None}, "no spans"), ({"spans": (Span(label="NP", first=0, last=9),)}, "NP ends at word 9 of 2: is it")],
)
def test_what_cannot_be_spliced_is_refused(more, message):
    with pytest.raises(BadItem, match=message):
        splices([recording(1, 2, **more)])


GRAPH = """
spec: {n_mels: 20}
nodes:
  spoken: {read: toy.sayings, config: {count: 12}}
  model:
    fit: KIND
    in:
      phones: spoken.phones
      globals: {speaker: spoken.speaker}
      log_mel: spoken.log_mel
      durations: spoken.durations
      pitch: spoken.pitch
      energy: spoken.energy
      spans: spoken.spans
      word_of_phone: spoken.word_of_phone
    config: {hidden: 8, wide: 8, encoder_layers: 1, decoder_layers: 1, kernel: 3, heads: 1, streams: {joined: {}}, globals: {speaker: {}},
             splice: {}, max_steps: 4, max_frames: 120, checkpoint_interval: 2}
  said: {map: KIND, model: model, in: {phones: spoken.phones, globals: {speaker: spoken.speaker}}}
"""


def planned(folder, store: str, text: str, sets=()) -> SimpleNamespace:
    path = folder / "graph.yaml"
    path.write_text(text)
    opened = Store(folder / store)
    plan = make_plan(check(read_graph(path, sets=sets)), opened)
    return SimpleNamespace(store=opened, plan=plan, run=lambda: LocalExecutor().run(plan, opened, Observer()))


def losses(made: SimpleNamespace) -> list[float]:
    lines = curves(made.store.files, f"fits/{made.plan.steps['model'].digest}")
    return [line["train/loss"] for line in lines if "train/loss" in line]


@pytest.mark.parametrize("kind", ["parallel", "attention"])
def test_a_training_splices_and_goes_on_with_the_same_draws(tmp_path, monkeypatch, kind):
    text = GRAPH.replace("KIND", f"acoustic.{kind}")
    whole, halted = planned(tmp_path, "whole", text), planned(tmp_path, "halted", text)
    assert whole.run().error is None
    with stopped_at_a_checkpoint(monkeypatch):
        halted.run()
    assert halted.run().error is None
    np.testing.assert_array_equal(losses(whole), losses(halted))
    plain = planned(tmp_path, "plain", text, ["model.splice.share=1.0e-9"])
    assert plain.run().error is None
    assert losses(plain)[0] != losses(whole)[0]
    folder = whole.store.find_artifact(whole.plan.steps["model"].digest)
    assert restore(folder).config.splice == Splice()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("      spans: spoken.spans\n", "", "model.splice: no spans is wired to splice by"),
        ("streams: {joined: {}}", "streams: {}", "declare it, as in streams: {joined: {}}"),
    ],
)
def test_a_graph_without_what_splicing_wants_is_refused(tmp_path, old, new, message):
    with pytest.raises(GraphError) as raised:
        planned(tmp_path, "store", GRAPH.replace("KIND", "acoustic.parallel").replace(old, new))
    assert message in str(raised.value)
