"""Attentions of `acoustic.attention` as their papers write them, its losses, and numbers of its health."""

import numpy as np
import pytest

from blocks.acoustic.attention import Config, Dynamic, Location
from blocks.acoustic.attention.health import health
from blocks.acoustic.schema import TrainItem
from tests.blocks import plain_attention as plain
from tests.blocks.attention_models import (
    TINY,
    TOGETHER,
    fitted,
    utterance,
)

torch = pytest.importorskip("torch")


def weights_of(module):
    return {name: value.detach().numpy().astype(np.float64) for name, value in module.named_parameters()}


def draw(B=2, N=7, E=5, Q=4, seed=0):
    """Queries of three steps, memory, and padding: the second item is shorter, with rubbish beyond its end."""
    rng = np.random.default_rng(seed)
    queries, memory = rng.standard_normal((3, B, Q), np.float32), rng.standard_normal((B, N, E), np.float32)
    padding = np.arange(N) >= np.array([[N], [N - 3]])
    return queries, memory, padding


@pytest.mark.parametrize("kernel", [5, 31])
def test_location_sensitive_attention_is_the_plain_one(kernel):
    from blocks.acoustic.attention.attend import LocationSensitive

    torch.manual_seed(0)
    queries, memory, padding = draw()
    module = LocationSensitive(query=4, memory=5, width=6, filters=3, kernel=kernel)
    state = module.start(torch.from_numpy(memory), torch.from_numpy(padding))
    last = [np.zeros((~row).sum()) for row in padding]
    total = [np.zeros((~row).sum()) for row in padding]
    for query in queries:
        with torch.inference_mode():
            made, state = module(torch.from_numpy(query), state)
        for b, real in enumerate(~padding):
            last[b] = plain.location_sensitive(weights_of(module), query[b], memory[b, real], last[b], total[b])
            total[b] = total[b] + last[b]
            np.testing.assert_allclose(made[b, real], last[b], **TOGETHER)
            assert not made[b, ~real].any()


def test_dynamic_convolution_attention_is_the_plain_one():
    from blocks.acoustic.attention.attend import DynamicConvolution

    torch.manual_seed(0)
    queries, memory, padding = draw()
    sizes = Dynamic(width=6)
    assert (sizes.static, sizes.dynamic, sizes.kernel, sizes.taps, sizes.alpha, sizes.beta) == (8, 8, 21, 11, 0.1, 0.9)
    module = DynamicConvolution(4, **sizes.model_dump(exclude={"kind"}))
    chances = plain.prior(11, 0.1, 0.9)
    assert chances.sum() == pytest.approx(1)
    assert chances @ np.arange(11) == pytest.approx(1), "a phone a step"
    state = module.start(torch.from_numpy(memory), torch.from_numpy(padding))
    last = [np.eye((~row).sum())[0] for row in padding]
    for query in queries:
        with torch.inference_mode():
            made, state = module(torch.from_numpy(query), state)
        for b, real in enumerate(~padding):
            last[b] = plain.dynamic_convolution(weights_of(module), query[b], last[b], chances)
            np.testing.assert_allclose(made[b, real], last[b], **TOGETHER)
            assert not made[b, ~real].any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"attention": {"kind": "dynamic", "kernel": 9}}, "taps 11: a kernel of 9 sees as many as 5 back"),
        ({"attention": {"kind": "location", "kernel": 8}}, "kernel of 8 has no middle, want an odd number"),
        ({"attention": {"kind": "hard"}}, "'location', 'dynamic'"),
        ({"hidden": 10}, "hidden 10 is not a multiple of 2 heads"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Config(**settings)


def test_the_guided_loss_is_the_plain_one():
    from blocks.acoustic.attention.attend import guided

    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.ones(6), (2, 9))
    centres, widths = rng.uniform(0, 5, (2, 9)), np.array([1.5, 0.7])
    made = guided(*map(torch.from_numpy, (weights, centres, widths)))
    for b in (0, 1):
        np.testing.assert_allclose(made[b], plain.guided(weights[b], centres[b], widths[b]), **TOGETHER)


def test_attention_is_guided_along_durations_or_the_diagonal():
    from blocks.acoustic.attention.losses import diagonals, shares

    item = TrainItem(phones=("a",) * 5, log_mel=np.zeros((20, 12), np.float32))
    led = item.model_copy(update={"durations": np.array([9, 2, 2, 3, 4], np.int32)})
    centres, widths = diagonals([item], steps=12, config=Config(guided_width=0.4))
    np.testing.assert_allclose(centres[0, :10], np.arange(1, 21, 2) / 20 * 5 - 0.5)
    assert widths.tolist() == [2.0]
    made = shares([item, led], frames=24, phones=6, group=2, device="cpu").numpy()
    assert not made[0].any()
    assert not made[1, 10:].any()
    assert made[1, :10].argmax(1).tolist() == [0, 0, 0, 0, 0, 1, 2, 3, 4, 4]
    np.testing.assert_allclose(made[1, :10].sum(1), 1)
    np.testing.assert_allclose(2 * made[1].sum(0), [*led.durations, 0])
    assert made[1, 4, :2].tolist() == [0.5, 0.5], "a step of two phones"


@pytest.mark.parametrize("kind", ["dynamic", "location"])
def test_teacher_forced_steps_together_are_those_taken_one_by_one(tmp_path, kind):
    """What a step would listen to after durations, computed in one pass, is what it listens to in a loop along them."""
    attention = Dynamic(width=6) if kind == "dynamic" else Location(width=6, filters=2, kernel=5)
    items = [utterance(seed, durations=True) for seed in (0, 3)]
    config = TINY.model_copy(update={"prenet_dropout": 0.0, "attention": attention, "teacher_forced_steps": 2})
    block, _ = fitted(tmp_path, config, items)
    with torch.inference_mode():
        made, train_item = block._teacher_forced(block.net, items, max(len(item.log_mel) for item in items), 1)
        led = train_item.shares
        memory, _, _, there, _ = block.net.encoded(train_item.given)
        padding = ~there
        last = torch.nn.functional.pad(train_item.target[:, 1::2], (0, 0, 1, 0))[:, :-1]
        frames_in = block.net.prenet(last)
        hidden, context, state = block.net._start(memory, padding)
        for step in range(led.shape[1]):
            hidden = block.net._stepped(block.net.listener, (frames_in[:, step], context), hidden)
            weights, _ = block.net.attention(hidden[0], state)
            torch.testing.assert_close(made.weights[:, step], weights, atol=1e-5, rtol=1e-5)
            context = (led[:, step, None] @ memory)[:, 0]
            now = led[:, step]
            state = (padding, now) if kind == "dynamic" else (*state[:2], now, state[3] + now)


# ---- health ----


def of(path, phones, sharp=1.0):
    """Weights (S, N) on a path; what is not `sharp` is spread evenly."""
    return sharp * np.eye(phones)[list(path)] + (1 - sharp) / phones


@pytest.mark.parametrize(
    ("path", "phones", "expected"),
    [
        ([0, 0, 1, 2, 2, 3], 4, dict(focus=1, coverage=1, skips=0, repeats=0, early_stop=0, late_stop=0.025)),
        ([0, 0, 2, 3], 4, dict(coverage=0.75, skips=1, repeats=0, early_stop=0)),
        ([0, 1, 2, 1, 2, 0, 1, 2, 3], 4, dict(coverage=1, skips=0, repeats=2, early_stop=0)),
        ([0, 1, 1], 4, dict(coverage=0.5, skips=0, repeats=0, early_stop=2, late_stop=0)),
        ([0, 1, 2, 3, 3, 3, 3], 4, dict(early_stop=0, late_stop=0.1)),
        ([0, 3, 1, 3], 4, dict(coverage=0.75, skips=1, repeats=1)),
    ],
)
def test_health_of_alignments_made_by_hand(path, phones, expected):
    numbers = health(of(path, phones), step_s=0.025)
    assert {name: numbers[name] for name in expected} == pytest.approx(expected)
    assert numbers["blurred"] == 0


def test_an_attention_that_is_everywhere_covers_nothing():
    numbers = health(of([0, 1, 2, 3, 4], 5, sharp=0.1), step_s=0.025)
    assert numbers["focus"] == pytest.approx(0.1 + 0.9 / 5)
    assert (numbers["blurred"], numbers["coverage"], numbers["early_stop"]) == (1, 0, 5)


def test_health_where_phones_were_decided_is_of_these():
    numbers = health(of([0, 0, 0, 3, 3], 4, sharp=0.6), 0.025, where=np.array([0, 1, 2, 2, 3]))
    assert numbers["focus"] == pytest.approx(0.7)
    assert (numbers["coverage"], numbers["skips"], numbers["repeats"], numbers["early_stop"]) == (1, 0, 0, 0)
    assert numbers["late_stop"] == pytest.approx(0.025)
    assert health(of([0] * 3, 4), 0.025, where=np.array([0, 1, 1]))["early_stop"] == 2
