"""The aligner: its sums and its search against every path there is, its table of phones, and what it refuses to believe."""

import itertools
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from blocks.aligner.even import Even
from blocks.aligner.monotonic import Monotonic
from blocks.aligner.monotonic.search import best_path
from blocks.aligner.schema import Aligned, TrainItem, Utterance
from blocks.base import BadItem, Failure
from blocks.common.symbols import Symbols
from blocks.metric.boundary_error import BoundaryError, DurationPair
from blocks.metric.matched_boundary_error import Alignments, MatchedBoundaryError
from blocks.metric.speech_edges import SpeechEdges, Timed
from blocks.training import Batch, Run

torch = pytest.importorskip("torch")

PHONES = ("sil", "a", "s", "o", "m", "i")


# ---- every path there is ----


def paths(frames, phones, states, path=((0, 0),)):
    """All (phone, state) sequences that a path may take."""
    if len(path) == frames:
        yield from [path] if path[-1][0] == phones - 1 else []
        return
    phone, state = path[-1]
    steps = [(phone, state)] + [(phone, state + 1)] * (state + 1 < states) + [(phone + 1, 0)] * (phone + 1 < phones)
    for step in steps:
        yield from paths(frames, phones, states, (*path, step))


def score(path, scores, skip):
    states = scores.shape[2]
    total = sum(scores[t, phone, state] for t, (phone, state) in enumerate(path))
    ends = [here for here, after in itertools.pairwise(path) if here[0] != after[0]] + [path[-1]]
    return total - skip * sum(states - 1 - state for _, state in ends)


SIZES = [(5, 2, 3, 0.7), (6, 3, 2, 0.0), (4, 4, 3, 1.0), (7, 2, 2, 3.0), (3, 1, 3, 0.5), (6, 3, 1, 0.0), (1, 1, 3, 1.0)]


@pytest.mark.parametrize(("frames", "phones", "states", "skip"), SIZES)
def test_the_search_finds_the_best_of_all_paths(frames, phones, states, skip):
    for seed in range(5):
        scores = np.random.default_rng(seed).normal(size=(frames, phones, states))
        every = list(paths(frames, phones, states))
        best = max(every, key=lambda path: score(path, scores, skip))
        durations, total = best_path(scores, skip)
        assert durations.tolist() == np.bincount([phone for phone, _ in best], minlength=phones).tolist()
        assert durations.dtype == np.int32
        assert total == pytest.approx(score(best, scores, skip), abs=1e-12)


@pytest.mark.parametrize(("frames", "phones", "states", "skip"), SIZES)
def test_the_sum_is_that_over_all_paths_and_its_gradient_their_shares(frames, phones, states, skip):
    from blocks.aligner.monotonic.net import path_sum

    scores = np.random.default_rng(0).normal(size=(frames, phones, states))
    every = list(paths(frames, phones, states))
    each = np.array([score(path, scores, skip) for path in every])
    total = np.logaddexp.reduce(each)
    shares = np.zeros_like(scores)
    for path, share in zip(every, np.exp(each - total)):
        for t, (phone, state) in enumerate(path):
            shares[t, phone, state] += share
    # beside a longer item: what pads the shorter one may not count
    batch = torch.zeros(2, frames + 2, phones + 1, states, dtype=torch.float64)
    batch[0, :frames, :phones] = torch.from_numpy(scores)
    batch.requires_grad_()
    sums = path_sum(batch, torch.tensor([frames, frames + 2]), torch.tensor([phones, phones + 1]), skip)
    sums[0].backward()
    assert sums[0].item() == pytest.approx(total, abs=1e-12)
    np.testing.assert_allclose(batch.grad[0, :frames, :phones], shares, atol=1e-12)
    assert batch.grad[0].sum().item() == pytest.approx(frames)
    assert not batch.grad[1].any()


def test_equal_scores_stay_and_few_frames_are_refused():
    assert best_path(np.zeros((6, 3, 1)))[0].tolist() == [1, 1, 4]
    with pytest.raises(ValueError, match="2 frames for 3 phones"):
        best_path(np.zeros((2, 3, 1)))


# ---- training on a language whose phones are tones ----


def speak(phones, durations, seed, n_mels=80):
    """log_mel (T, mels): every phone a bump of its own, with noise."""
    centres = {phone: 10 + 12 * PHONES.index(phone) for phone in PHONES}
    rows = [np.exp(-(((np.arange(n_mels) - centres[p]) / 8) ** 2)) for p, d in zip(phones, durations) for _ in range(d)]
    noise = np.random.default_rng(seed).normal(size=(len(rows), n_mels))
    return (
        -5 + 6 * np.array(rows) * (np.array([p != "sil" for p in np.repeat(phones, durations)])[:, None]) + 0.3 * noise
    ).astype(np.float32)


def utterance(seed):
    """(item, true durations)"""
    rng = np.random.default_rng(seed)
    inner = [PHONES[at] for at in rng.integers(1, len(PHONES), 8)]
    phones = ("sil", *(b for a, b in itertools.pairwise(["", *inner]) if a != b), "sil")
    durations = rng.integers(2, 12, len(phones))
    return TrainItem(phones=phones, log_mel=speak(phones, durations, seed)), durations


class Memory(Run):
    """Batches of four from a list, in order; nothing is kept but the curve."""

    def __init__(self, config, items, seed=0, init=None):
        self.config, self.items, self.seed, self.init = config, items, seed, init
        self.rank, self.world, self.device = 0, 1, "cpu"
        self.curve, self.pictures = [], []

    def state(self, **parts):
        return SimpleNamespace(**parts)

    def batches(self, validate=None):
        for step in range(1, self.config.max_steps + 1):
            at = [(4 * step + k) % len(self.items) for k in range(4)]
            items = [self.items[k] for k in at]
            yield Batch(step, [str(k) for k in at], items, max(len(item.log_mel) for item in items) + 3, 4, 1.0)

    def backward(self, batch, loss):
        numbers = loss(batch)
        numbers["loss"].backward()
        return numbers | {"loss": float(numbers["loss"].detach())}

    def accepts(self, batch, loss):
        return bool(np.isfinite(loss))

    def report(self, step, **scalars):
        self.curve.append(scalars["loss"])

    def audio(self, step, name, wave):
        raise AssertionError("an aligner makes no audio")

    def image(self, step, name, values):
        self.pictures.append(values)

    def parallel(self, model):
        return model

    def key(self, step, name=""):
        return self.seed


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    from blocks.spec import AudioSpec

    block = Monotonic(
        Monotonic.Config(max_steps=60, val_check_interval=30, coefficients=8, min_score=-1e9, max_phone_seconds=1.5),
        AudioSpec(),
    )
    run = Memory(block.config, [utterance(seed)[0] for seed in range(24)])
    block.fit(run)
    folder = tmp_path_factory.mktemp("aligner")
    block.save(folder)
    return block, run, folder


def test_boundaries_are_learned_from_recordings_and_phones_alone(trained, spec):
    block, run, _ = trained
    assert run.curve[-1] < run.curve[0] - 5
    assert run.pictures[0].sum(axis=1).tolist() == [1.0] * len(run.pictures[0])
    unseen = [utterance(seed) for seed in range(100, 108)]
    spoken = [Utterance(phones=item.phones, log_mel=item.log_mel) for item, _ in unseen]
    pairs = [
        DurationPair(durations=made.durations, reference=true.astype(np.int32))
        for made, (_, true) in zip(block.apply(spoken), unseen)
    ]
    errors = [one.mean_ms for one in BoundaryError(BoundaryError.Config(), spec).apply(pairs)]
    assert np.mean(errors) < 5, "a frame is 12.5 ms"
    floor = [
        DurationPair(durations=made.durations, reference=true.astype(np.int32))
        for made, (_, true) in zip(Even(Even.Config(), spec).apply(spoken), unseen)
    ]
    assert np.mean([one.mean_ms for one in BoundaryError(BoundaryError.Config(), spec).apply(floor)]) > 25


def test_durations_sum_to_the_frames_and_neighbours_do_not_matter(trained):
    block, *_ = trained
    items = [Utterance(phones=u.phones, log_mel=u.log_mel) for u, _ in map(utterance, (7, 200, 201))]
    together = block.apply(items)
    for item, made in zip(items, together):
        assert type(made) is Aligned
        assert made.durations.sum() == len(item.log_mel)
        assert made.durations.min() >= 1
        alone = block.apply([item])[0]
        np.testing.assert_array_equal(alone.durations, made.durations)
        assert alone.score == made.score


def test_what_is_saved_is_loaded_with_its_table_of_phones(trained, spec):
    block, _, folder = trained
    again = Monotonic(block.config, spec)
    again.load(folder)
    assert (
        list(again.phones)
        == list(block.phones)
        == list(dict.fromkeys(p for n in range(24) for p in utterance(n)[0].phones))
    )
    item = Utterance(phones=utterance(9)[0].phones, log_mel=utterance(9)[0].log_mel)
    np.testing.assert_array_equal(again.apply([item])[0].durations, block.apply([item])[0].durations)
    assert again.apply([item])[0].score == block.apply([item])[0].score


def test_new_phones_are_appended_when_training_goes_on(trained, spec):
    block, _, folder = trained
    item, _ = utterance(3)
    foreign = TrainItem(phones=("sil", "ʒ", *item.phones[2:]), log_mel=item.log_mel)
    tuned = Monotonic(Monotonic.Config(max_steps=1, coefficients=8, lr=1e-9), spec)
    tuned.fit(Memory(tuned.config, [foreign], init=folder))
    assert list(tuned.phones) == [*block.phones, "ʒ"]
    old = block.net.table.detach()
    torch.testing.assert_close(tuned.net.table.detach()[: len(old)], old, atol=1e-6, rtol=0)


def test_a_foreign_artifact_is_refused_with_the_difference(trained, spec, tmp_path):
    block, _, folder = trained
    with pytest.raises(ValueError, match=r"(?s)0 of 3 weights fit.*table is \(7, 3, 2, 16\), want \(7, 3, 2, 8\)"):
        Monotonic(Monotonic.Config(coefficients=4), spec).load(folder)
    block.save(tmp_path)
    table = tmp_path / "symbols.json"
    phones = json.loads(table.read_text())["tables"]["phones"]
    swapped = [*phones[:2], phones[3], phones[2], *phones[4:], "x"]
    table.write_text(json.dumps({"version": 2, "tables": {"phones": swapped}}))
    message = f"row 3 is {phones[3]!r}, want {phones[2]!r}; row 4 is {phones[2]!r}, want {phones[3]!r}; row 7 is 'x', want missing"
    with pytest.raises(ValueError, match=f"not the phones that the weights were trained with: {message}"):
        Monotonic(block.config, spec).load(tmp_path)


def test_phones_that_are_met_later_come_last():
    table = Symbols(["b", "a"])
    table.extend(["a", "10", "2"])
    assert [(name, table.row(name)) for name in table] == [("b", 1), ("a", 2), ("10", 3), ("2", 4)]
    assert table.row("c") == 0


# ---- what is not believed ----


def test_what_cannot_be_aligned_fails_with_its_reason(trained):
    block, *_ = trained
    item, _ = utterance(5)
    failed = block.apply(
        [
            Utterance(phones=("sil", "ʒ", "a", "ʔ", "ʒ"), log_mel=item.log_mel),
            Utterance(phones=item.phones, log_mel=item.log_mel[: len(item.phones) - 1]),
            Utterance(phones=(), log_mel=item.log_mel),
            Utterance(phones=item.phones, log_mel=item.log_mel),
        ]
    )
    assert [type(one) for one in failed] == [Failure, Failure, Failure, Aligned]
    assert "not trained on: 'ʒ', 'ʔ'; it knows sil" in failed[0].reason
    assert f"{len(item.phones) - 1} frames for {len(item.phones)} phones" in failed[1].reason
    assert "no phones to align" in failed[2].reason


def test_a_phone_that_it_never_met_is_placed_as_a_near_one(trained):
    block, *_ = trained
    item, _ = utterance(5)
    other = tuple("ˈa" if phone == "a" else phone for phone in item.phones)
    assert other != item.phones
    assert "ˈa" not in block.phones
    plain, stressed = block.apply([item, Utterance(phones=other, log_mel=item.log_mel)])
    np.testing.assert_array_equal(stressed.durations, plain.durations)


def test_a_wrong_text_has_a_low_score_and_is_refused(trained, spec):
    block, _, folder = trained
    item, _ = utterance(5)
    right = Utterance(phones=item.phones, log_mel=item.log_mel)
    wrong = Utterance(
        phones=("sil", *("m", "i", "s") * 3, "sil"), log_mel=speak(("sil", "a", "o", "a", "o", "sil"), [9] * 6, 1)
    )
    good, bad = block.apply([right, wrong])
    assert 0 > good.score > bad.score + 1
    strict = Monotonic(block.config.model_copy(update={"min_score": bad.score + 0.5}), spec)
    strict.load(folder)
    accepted, refused = strict.apply([right, wrong])
    assert accepted.score == good.score
    assert f"does not fit its phones: score {bad.score:.2f}, want {bad.score + 0.5:g}" in refused.reason


def test_too_much_silence_endless_and_squeezed_phones_are_refused(trained):
    block, *_ = trained
    quiet = Utterance(phones=("sil", "a", "sil"), log_mel=speak(("sil", "a", "sil"), (60, 5, 60), 1))
    endless = Utterance(phones=("sil", "a", "s", "sil"), log_mel=speak(("sil", "a", "s", "sil"), (40, 150, 5, 40), 1))
    unsaid = Utterance(phones=("sil", *("a", "s") * 12, "sil"), log_mel=speak(("sil", "a", "sil"), (5, 20, 5), 1))
    first, second, third = block.apply([quiet, endless, unsaid])
    assert "96 % of the recording were aligned to silence, want at most 80 %" in first.reason
    assert re.match(r"the phone 'a' \(number 2\) would last 1\.8\d s, want at most 1\.5 s", second.reason)
    assert third.reason.startswith("96 % of the phones found no more than one frame, want at most 20 % (max_squeezed)")


def test_a_single_phone_of_a_short_word_may_be_squeezed(trained):
    block, *_ = trained
    word = Utterance(phones=("sil", "a", "s", "sil"), log_mel=np.zeros((28, 80), np.float32))
    block._is_believed(word, np.array([9, 9, 1, 9]), 0.0)
    with pytest.raises(BadItem, match="100 % of the phones found no more than one frame"):
        block._is_believed(word, np.array([2, 1, 1, 2]), 0.0)


def test_level_and_colour_of_a_recording_do_not_matter(trained):
    block, *_ = trained
    item, _ = utterance(9)
    tilted = item.log_mel + np.linspace(-3, 2, 80, dtype=np.float32)
    here, there = block.apply([Utterance(phones=item.phones, log_mel=mel) for mel in (item.log_mel, tilted)])
    np.testing.assert_array_equal(here.durations, there.durations)
    assert there.score == pytest.approx(here.score, abs=1e-3)


def test_items_with_more_phones_than_frames_are_left_out_of_the_loss_and_counted(trained):
    block, *_ = trained
    item, _ = utterance(5)
    short = TrainItem(phones=item.phones, log_mel=item.log_mel[:3])
    both = block.validate([item, short])
    assert both["more_phones_than_frames"] == 0.5
    assert both["loss"] == pytest.approx(block.validate([item])["loss"], abs=1e-4)
    assert block.validate([short]) == {"loss": 0.0, "more_phones_than_frames": 1.0}


def test_even_shares_the_frames_out(spec):
    item = Utterance(phones=("a",) * 4, log_mel=np.zeros((10, 80), np.float32))
    assert Even(Even.Config(), spec).apply([item])[0].durations.tolist() == [2, 3, 2, 3]
    with pytest.raises(BadItem, match="3 frames for 4 phones"):
        Even(Even.Config(), spec).apply([item.model_copy(update={"log_mel": item.log_mel[:3]})])


# ---- the metric ----


def test_boundary_error_by_hand(spec):
    pair = DurationPair(durations=np.array([4, 6, 10], np.int32), reference=np.array([5, 9, 6], np.int32))
    (found,) = BoundaryError(BoundaryError.Config(), spec).apply([pair])
    assert (found.median_ms, found.mean_ms) == (31.25, 31.25)  # one frame and four of 12.5 ms
    assert (found.within_20_ms, found.within_50_ms) == (50.0, 100.0)


def test_boundaries_of_words_alone(spec):
    pair = DurationPair(
        durations=np.array([2, 3, 4, 1], np.int32),
        reference=np.array([3, 5, 1, 1], np.int32),
        word_of_phone=np.array([-1, 0, 0, 1], np.int32),
    )
    block = BoundaryError(BoundaryError.Config(), spec)
    (found,) = block.apply([pair])
    assert (found.median_ms, found.mean_ms) == (6.25, 6.25)  # 12.5 and 0 ms; 37.5 ms lie inside the word
    one = block.apply([pair.model_copy(update={"word_of_phone": np.zeros(4, np.int32)})])[0]
    assert "no word begins or ends inside these 4 phones" in one.reason


def test_boundaries_of_two_phonemisations_where_they_agree(spec):
    pair = Alignments(
        phones=("sil", "t", "o", ",", "p", "ˈa", "s", "sil"),
        durations=np.array([2, 2, 2, 2, 2, 2, 2, 2], np.int32),
        reference_phones=("sil", "t", "ɐ", "p", "ˈa", "z", "sil"),
        reference=np.array([2, 3, 1, 2, 4, 2, 2], np.int32),
    )
    block = MatchedBoundaryError(MatchedBoundaryError.Config(), spec)
    (found,) = block.apply([pair])
    assert found.compared == 50.0  # after sil, t and p of six
    assert (found.median_ms, found.mean_ms) == (12.5, pytest.approx((0 + 12.5 + 25) / 3))
    assert (found.within_20_ms, found.within_50_ms) == (pytest.approx(200 / 3), 100.0)
    wrong = [
        {"reference": pair.reference[:-1]},
        {"durations": pair.durations + 1},
        {"reference_phones": tuple("bdɡvzmn")},
    ]
    one, two, three = block.apply([pair.model_copy(update=each) for each in wrong])
    assert "7 phones and 6 durations" in one.reason
    assert "sum to [24] frames, the reference to [16]" in two.reason
    assert "no two neighbours among 8 and 7 phones are alike" in three.reason


def test_edges_of_speech_by_level(spec):
    energy = np.full(20, -70, np.float32)
    energy[4:15] = -20
    item = Timed(phones=("sil", "a", ",", "o", "."), durations=np.array([6, 2, 1, 5, 6], np.int32), energy=energy)
    block = SpeechEdges(SpeechEdges.Config(), spec)
    (found,) = block.apply([item])
    assert (found.begin_ms, found.end_ms) == (25.0, 12.5)
    one, two = block.apply(
        [item.model_copy(update={"durations": item.durations + 1}), item.model_copy(update={"phones": (",",) * 5})]
    )
    assert "5 durations of 25 frames in all for 5 phones and 20 frames" in one.reason
    assert "no phone was said" in two.reason


def test_boundary_error_refuses_what_has_no_boundary_or_is_of_another_length(spec):
    pairs = [
        DurationPair(durations=np.array([4], np.int32), reference=np.array([4], np.int32)),
        DurationPair(durations=np.array([4, 4], np.int32), reference=np.array([4, 5], np.int32)),
    ]
    one, other = BoundaryError(BoundaryError.Config(), spec).apply(pairs)
    assert "at least two" in one.reason
    assert "sum to 8 frames, the reference to 9" in other.reason
    with pytest.raises(ValueError, match="phones is 2, but 3"):
        DurationPair(durations=np.array([4, 4, 1], np.int32), reference=np.array([4, 5], np.int32))
