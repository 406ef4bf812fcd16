"""acoustic.attention: attentions as their papers write them, numbers of its health, a small language learned, and its ends."""

import itertools
import json
import re

import numpy as np
import pytest

from blocks.acoustic.attention import AttendedPrediction, Attention, Config, Dynamic, Location
from blocks.acoustic.attention.health import health
from blocks.acoustic.schema import Request, TrainItem
from blocks.base import Failure
from blocks.common.conditions import Global, Stream
from blocks.spec import AudioSpec
from runner.fit.checkpoints import Checkpoints
from runner.fit.events import Events, curves
from runner.fit.local_run import Items, LocalRun, Stopped
from runner.store import Store
from tests.blocks import plain_attention as plain

torch = pytest.importorskip("torch")

PHONES = ("sil", "a", "s", "o", "m", "i")
SPEC = AudioSpec(n_mels=12)
TOGETHER = dict(rtol=1e-5, atol=1e-5)
WHOLE = Attention.tiny.model_copy(update={"streams": {}, "globals": {}, "references": {}})
TINY = WHOLE.model_copy(update={"pitch": False, "energy": False})  # most train_items here have neither


# ---- the parts, against plain NumPy ----


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


def test_attention_is_led_along_durations_or_the_diagonal():
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
def test_led_steps_together_are_those_taken_one_by_one(tmp_path, kind):
    """What a step would listen to after durations, told in one pass, is what it listens to in a loop along them."""
    attention = Dynamic(width=6) if kind == "dynamic" else Location(width=6, filters=2, kernel=5)
    items = [utterance(seed, durations=True) for seed in (0, 3)]
    config = TINY.model_copy(update={"prenet_dropout": 0.0, "attention": attention, "teacher_forced_steps": 2})
    block, _ = fitted(tmp_path, config, items)
    with torch.inference_mode():
        made, train_item = block._taught(block.net, items, max(len(item.log_mel) for item in items), 1)
        led = train_item.shares
        memory, _, there, _ = block.net.encoded(train_item.given)
        padding = ~there
        last = torch.nn.functional.pad(train_item.target[:, 1::2], (0, 0, 1, 0))[:, :-1]
        heard = block.net.prenet(last)
        hidden, context, state = block.net._start(memory, padding)
        for step in range(led.shape[1]):
            hidden = block.net._stepped(block.net.listener, (heard[:, step], context), hidden)
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
    ("path", "phones", "told"),
    [
        ([0, 0, 1, 2, 2, 3], 4, dict(focus=1, coverage=1, skips=0, repeats=0, early_stop=0, late_stop=0.025)),
        ([0, 0, 2, 3], 4, dict(coverage=0.75, skips=1, repeats=0, early_stop=0)),
        ([0, 1, 2, 1, 2, 0, 1, 2, 3], 4, dict(coverage=1, skips=0, repeats=2, early_stop=0)),
        ([0, 1, 1], 4, dict(coverage=0.5, skips=0, repeats=0, early_stop=2, late_stop=0)),
        ([0, 1, 2, 3, 3, 3, 3], 4, dict(early_stop=0, late_stop=0.1)),
        ([0, 3, 1, 3], 4, dict(coverage=0.75, skips=1, repeats=1)),
    ],
)
def test_health_of_alignments_made_by_hand(path, phones, told):
    numbers = health(of(path, phones), step_s=0.025)
    assert {name: numbers[name] for name in told} == pytest.approx(told)
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


# ---- training on a language whose phones are tones ----


def utterance(seed, durations=False, **more):
    rng = np.random.default_rng(seed)
    inner = [PHONES[at] for at in rng.integers(1, len(PHONES), 4)]
    phones = ("sil", *(b for a, b in itertools.pairwise(["", *inner]) if a != b), "sil")
    frames = rng.integers(3, 7, len(phones)).astype(np.int32)
    bumps = [np.exp(-(((np.arange(12) - 2 * PHONES.index(phone)) / 1.5) ** 2)) for phone in phones]
    log_mel = (-5 + 5 * np.repeat(bumps, frames, axis=0)).astype(np.float32)
    return TrainItem(phones=phones, log_mel=log_mel, durations=frames if durations else None, **more)


def asked(item: TrainItem) -> Request:
    return Request(phones=item.phones, streams=item.streams, globals=item.globals)


def training(folder, config, items, dev=(), init=None, on_step=None):
    """A run as the runner makes one, with its curves."""
    named, files = {f"u{n}": item for n, item in enumerate(items)}, Store(folder).files
    checkpoints = Checkpoints(files, "fit")
    events = Events(files, "fit", SPEC.sample_rate, max(checkpoints.steps(), default=0))
    lengths = [len(item.log_mel) for item in items]
    run = LocalRun(
        config, 0, Items(list(named), named.__getitem__), Items([f"d{n}" for n in range(len(dev))], lambda id: dev[int(id[1:])]),
        lengths, checkpoints, events, init, lambda item: len(item.log_mel), on_step or (lambda batch, scalars: None),
    )  # fmt: skip
    return run, events, files


def fitted(folder, config, items, **more):
    run, events, files = training(folder, config, items, **more)
    block = Attention(config, SPEC)
    try:
        block.fit(run)
    finally:
        events.close()
    return block, curves(files, "fit")


SMALL = dict(
    hidden=24, wide=48, encoder_layers=1, decoder_layers=2, dropout=0.0, prenet=24, recurrent=40, recurrent_dropout=0.0,
    lr=1e-2, warmup_steps=10, max_items=8, checkpoint_interval=1000,
)  # fmt: skip


@pytest.fixture(scope="module", params=["dynamic", "location"])
def trained(request, tmp_path_factory):
    attention = Dynamic(width=16) if request.param == "dynamic" else Location(width=16, filters=4, kernel=9)
    folder = tmp_path_factory.mktemp(request.param)
    items = [utterance(seed, durations=seed % 2 == 0) for seed in range(4)]
    config = Config(**SMALL, attention=attention, max_steps=80, val_check_interval=40)
    block, told = fitted(folder / "store", config, items, dev=items[:2])
    block.save(folder)
    return block, told, folder, items


def curve(told, name):
    """{step: number} of one name."""
    return {line["step"]: line[name] for line in told if name in line}


def test_a_few_utterances_are_learned_and_their_health_is_told_from_the_first_step(trained):
    block, told, _, items = trained
    loss, dev, focus = (curve(told, name) for name in ("train/loss", "val/loss", "train/focus"))
    assert loss[80] < loss[1] / 2
    assert dev[80] < dev[40]
    assert focus[80] > focus[1] + 0.2
    for name in ("coverage", "skips", "repeats", "early_stop", "late_stop"):
        assert curve(told, f"train/{name}").keys() == loss.keys()
    made = block.apply([asked(item) for item in items])
    assert all(type(one) is AttendedPrediction for one in made), made
    assert np.mean([one.coverage for one in made]) > 0.8
    for one, item in zip(made, items):
        assert one.durations.shape == (len(item.phones),)
        assert one.durations.sum() == len(one.log_mel)
        assert abs(len(one.log_mel) - len(item.log_mel)) < 0.5 * len(item.log_mel)


def test_critics_join_at_their_step(tmp_path):
    items = [utterance(seed, durations=True) for seed in range(2)]
    told = fitted(tmp_path, TINY.model_copy(update={"teacher_forced_steps": 3}), items)[1]
    for name in ("discriminator", "adversarial", "feature"):
        assert curve(told, f"train/loss_{name}").keys() == {3, 4}
    assert curve(told, "train/loss_mel").keys() == {1, 2, 3, 4}


def toned(item: TrainItem, seed: int) -> TrainItem:
    """With pitch and energy frame by frame; the log-mel is as much louder as the energy says."""
    rng, frames = np.random.default_rng(seed), item.durations
    loud = np.repeat(rng.uniform(-20, 0, len(frames)), frames).astype(np.float32)
    pitch = np.repeat(rng.choice([0.0, 120.0, 200.0], len(frames)), frames).astype(np.float32)
    log_mel = (item.log_mel + loud[:, None] / 5).astype(np.float32)
    return item.model_copy(update={"pitch": pitch, "energy": loud, "log_mel": log_mel})


def test_what_is_written_hears_pitch_and_energy_and_the_attention_does_not(tmp_path):
    items = [toned(utterance(seed, durations=True), seed) for seed in range(3)]
    block, told = fitted(tmp_path, WHOLE.model_copy(update={"teacher_forced_steps": 3}), items, dev=items[:1])
    for name in ("pitch", "voicing", "energy"):
        assert curve(told, f"train/loss_{name}").keys() == {1, 2, 3, 4}
        assert curve(told, f"val/loss_{name}").keys() == {2, 4}
    request = asked(items[0])
    before, heard, *_ = next(block._decode([request]))
    for predictor, bias in ((block.net.energy, 0), (block.net.pitch, 0)):
        with torch.no_grad():
            predictor.out.bias[bias] += 3
        after, again, *_ = next(block._decode([request]))
        np.testing.assert_array_equal(again, heard)
        assert np.abs(after - before).max() > 1e-3
        before = after


def test_what_is_told_of_pitch_and_energy_need_not_be_guessed(tmp_path):
    items = [toned(utterance(seed, durations=True), seed) for seed in range(20)]
    errors = {}
    for told in (True, False):
        config = Config(
            **SMALL,
            attention=Dynamic(width=16),
            max_steps=150,
            teacher_forced_steps=150,
            val_check_interval=150,
            pitch=told,
            energy=told,
        )
        _, curves = fitted(tmp_path / str(told), config, items[:16], dev=items[16:])
        errors[told] = curve(curves, "val/loss_mel")[150]
    assert errors[True] < 0.8 * errors[False], errors


def test_two_together_equal_each_alone_and_the_seed_draws_the_dropout(trained):
    block, _, folder, items = trained
    requests = [asked(item) for item in (*items[:3], utterance(100))]
    together = block.apply(requests)
    for request, one in zip(requests, together):
        (alone,) = block.apply([request])
        np.testing.assert_allclose(alone.log_mel, one.log_mel, **TOGETHER)
        np.testing.assert_array_equal(alone.durations, one.durations)
        assert alone.focus == pytest.approx(one.focus, abs=1e-5)
    other = Attention(block.config, SPEC, seed=1)
    other.load(folder)
    made = other.apply(requests[:1])[0]
    assert abs(made.focus - together[0].focus) > 1e-5


def test_it_goes_on_when_it_more_likely_than_not_would_have_gone_on(trained):
    block, _, _, items = trained
    requests = [asked(item) for item in (*items, utterance(100))]
    for request, (_, weights, where, _) in zip(requests, block._decode(requests)):
        want, phone, stays = [], 0, 1.0
        for step, chances in enumerate(weights):
            stays *= 1 - chances[phone + 1 :].sum() if step else 1.0
            if stays <= 0.5 and phone < len(request.phones) - 1:
                phone, stays = phone + 1, 1.0
            want.append(phone)
        assert where.tolist() == want
        assert len(set(where)) > 2


def test_a_phone_that_holds_it_is_left_after_a_while_and_no_text_ends_before_its_last(trained):
    block, _, folder, items = trained
    held = Attention(block.config.model_copy(update={"linger_s": 0.1}), SPEC)
    held.load(folder)
    with torch.no_grad():
        held.net.stop.bias.fill_(1e4)  # it would end at once
        held.net.attention.score.weight.zero_()
        prior = getattr(held.net.attention, "prior", None)
        if prior is not None:  # a prior that never goes on
            prior.zero_()[len(prior) // 2] = 1
    phones = items[0].phones
    ((_, _, where, ended),) = held._decode([asked(items[0])])
    assert ended
    assert sorted(set(where.tolist())) == list(range(len(phones)))
    (one,) = held.apply([asked(items[0])])
    assert (one.early_stop, one.skips) == (0, 0)
    if prior is not None:
        assert one.durations.tolist() == [8] * (len(phones) - 1) + [2]
        assert one.lingers == len(phones) - 1


def test_what_is_saved_is_loaded_bit_for_bit(trained):
    block, _, folder, items = trained
    again = Attention(block.config, SPEC)
    again.load(folder)
    request = [asked(item) for item in items[:2]]
    for mine, theirs in zip(block.apply(request), again.apply(request)):
        for name in type(mine).model_fields:
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))


def test_a_runaway_ends_as_a_failure_that_says_how_it_went(trained):
    block, _, folder, items = trained
    deaf = Attention(block.config.model_copy(update={"linger_s": 1e6, "longest_phone_s": 0.1}), SPEC)
    deaf.load(folder)
    with torch.no_grad():
        deaf.net.stop.bias.fill_(-1e4)
    (record,) = deaf.apply([asked(items[0])])
    assert type(record) is Failure
    seconds = 1 + 0.1 * len(items[0].phones)
    found = re.match(
        r"a runaway: no end after ([\d.]+) s for (\d+) phones.*focus [\d.]+, .*late_stop [\d.]+", record.reason
    )
    assert found, record.reason
    assert float(found[1]) == pytest.approx(seconds, abs=0.1)
    assert int(found[2]) == len(items[0].phones)
    kept = Attention(deaf.config.model_copy(update={"runaways": "keep"}), SPEC)
    kept.net, kept.inputs = deaf.net, deaf.inputs
    (said,) = kept.apply([asked(items[0])])
    assert said.runaway == 1
    assert len(said.log_mel) == said.durations.sum() == pytest.approx(seconds * SPEC.frame_rate, abs=4)
    lingering = Attention(block.config.model_copy(update={"linger_s": 0.1}), SPEC)
    lingering.load(folder)
    with torch.no_grad():
        lingering.net.stop.bias.fill_(-1e4)
    (ended,) = lingering.apply([asked(items[0])])
    assert type(ended) is AttendedPrediction, "its last phone was reached, and that is waited for no longer"
    assert 0.1 <= ended.late_stop < 0.3


def test_what_cannot_be_said_fails_with_its_reason_and_its_neighbours_are_said(trained):
    block, _, _, items = trained
    good = asked(items[0])
    made = block.apply(
        [
            Request(phones=("sil", "ʒ", "sil")),
            good,
            Request(phones=()),
            good.model_copy(update={"speaking_rate": 2.0}),
            Request(phones=good.phones, globals={"speaker": "joe"}),
        ]
    )
    reasons = [one.reason if type(one) is Failure else "" for one in made]
    wanted = (
        "'ʒ'; it knows sil",
        "",
        "no phones to say",
        "speaking_rate 2.*acoustic.parallel",
        "global 'speaker' that the",
    )
    for reason, want in zip(reasons, wanted, strict=True):
        assert re.search(want, reason)
    assert type(made[1]) is AttendedPrediction
    with pytest.raises(ValueError, match="no weights yet: fit it, or load"):
        Attention(block.config, SPEC).apply([good])


def test_a_foreign_artifact_is_refused_with_the_difference(trained, tmp_path):
    block, _, folder, _ = trained
    with pytest.raises(ValueError, match=r"(?s)of \d+ weights fit.*frames\.bias is \(24,\), want \(36,\)"):
        Attention(block.config.model_copy(update={"reduction_factor": 3}), SPEC).load(folder)
    block.save(tmp_path)
    table = json.loads((tmp_path / "symbols.json").read_text())
    table["tables"]["phones"][:2] = table["tables"]["phones"][1::-1]
    (tmp_path / "symbols.json").write_text(json.dumps(table))
    with pytest.raises(ValueError, match="not the phones that the weights were trained with: row 1"):
        Attention(block.config, SPEC).load(tmp_path)


# ---- what is declared, what goes on, what is refused ----


def test_frames_that_are_dropped_tell_nothing_while_it_learns(tmp_path):
    still = {"prenet_dropout": 0.0, "dropout": 0.0, "recurrent_dropout": 0.0}
    item, frames = utterance(0), torch.tensor([20])
    others = torch.randn(8, 1, 20, 12, generator=torch.Generator().manual_seed(0))
    for share, deaf in ((0.0, False), (0.9999, True)):
        block, _ = fitted(tmp_path / str(share), TINY.model_copy(update=still | {"frame_dropout": share}), [item])
        apart = []
        for learns in (True, False):
            block.net.train(learns)
            with torch.inference_mode():
                made = [block.net(block._tensors([item]), mels, frames).coarse for mels in others]
            apart.append(float(torch.stack(made).std(0).max()))
        assert (apart[0] < 1e-6) == deaf
        assert apart[1] > 1e-4, "when it speaks, it hears all"


def test_padding_changes_no_loss_and_a_silent_stream_nothing(tmp_path):
    items = [utterance(0), utterance(3)]
    block, _ = fitted(tmp_path, TINY.model_copy(update={"prenet_dropout": 0.0}), items)
    each = [block.validate([item]) for item in items]
    both = block.validate(items)
    frames = [len(item.log_mel) for item in items]
    for name in ("loss", "loss_mel", "loss_coarse", "loss_stop", "loss_guided"):
        assert both[name] == pytest.approx(np.average([one[name] for one in each], weights=frames), abs=1e-5)


@pytest.mark.parametrize("stepwise", [True, False])
def test_what_it_says_step_by_step_is_what_it_would_have_been_taught(tmp_path, stepwise):
    """Given its own frames, the decoder that learns makes those of the one that speaks, and listens alike."""
    item = utterance(0)
    changes = {"prenet_dropout": 0.0, "linger_s": 1e6, "stepwise": stepwise}
    block, _ = fitted(tmp_path, TINY.model_copy(update=changes), [item])
    with torch.no_grad():
        block.net.stop.bias.fill_(-1e4)
        ((log_mel, heard, where, ended),) = block._decode([asked(item)])
        frames, own = torch.tensor([len(log_mel)]), torch.zeros(1, *log_mel.shape)
        led = torch.nn.functional.one_hot(torch.from_numpy(where), len(item.phones)).float()[None]
        given = block._tensors([asked(item)], [{"durations": 2 * np.bincount(where, minlength=len(item.phones))}])
        for _ in range(len(heard)):  # each time one more step has heard its own frames before it
            made = block.net(given, own, frames, led if stepwise else None)
            own = made.coarse
        said = block.net.unscaled(made.fine)
    assert not ended
    np.testing.assert_allclose(said[0], log_mel, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(made.weights[0], heard, **TOGETHER)
    assert stepwise or where.tolist() == heard.argmax(1).tolist()


def test_streams_and_globals_of_a_training_that_starts_from_another(tmp_path):
    plainly, _ = fitted(tmp_path / "a", TINY, [utterance(0), utterance(1)])
    plainly.save(tmp_path)
    told = TINY.model_copy(
        update={
            "streams": {"tag": Stream(classes=2), "note": Stream()},
            "globals": {"speaker": Global()},
            "lr": 1e-9,
            "max_steps": 1,
        }
    )
    item = utterance(0)
    silent = {"tag": np.zeros(len(item.phones), np.float32), "note": np.zeros(len(item.phones), np.float32)}
    spoken = item.model_copy(
        update={"phones": ("sil", "ʒ", *item.phones[2:]), "streams": silent, "globals": {"speaker": "joe"}}
    )
    grown, _ = fitted(tmp_path / "b", told, [spoken], init=tmp_path)
    assert list(grown.inputs.phones) == [*plainly.inputs.phones, "ʒ"]
    assert list(grown.inputs.names["speaker"]) == ["joe"]
    with torch.inference_mode():
        arrays = grown._tensors([Request(phones=item.phones, streams=silent, globals={"speaker": "joe"})])
        mine, *_ = grown.net.encoded(arrays)
        theirs, *_ = plainly.net.encoded(plainly._tensors([Request(phones=item.phones)]))
    torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=0)
    loud = {"tag": silent["tag"] + 1, "note": silent["note"]}
    with torch.no_grad():
        grown.net.embed.streams["of_tag"].weight[1] += 1.0
        heard, *_ = grown.net.encoded(
            grown._tensors([Request(phones=item.phones, streams=loud, globals={"speaker": "joe"})])
        )
    assert (heard - theirs).abs().max() > 1e-3


def test_a_training_without_prosody_starts_from_a_model_that_says_it(tmp_path):
    item = toned(utterance(0, durations=True), 0)
    first, _ = fitted(tmp_path / "a", TINY.model_copy(update={"pitch": True, "energy": True, "max_steps": 1}), [item])
    first.save(tmp_path)
    plain = TINY.model_copy(update={"pitch": False, "energy": False, "lr": 1e-9, "max_steps": 1})
    second, _ = fitted(tmp_path / "b", plain, [item], init=tmp_path)
    assert second.net.pitch is None
    assert second.net.energy_in is None
    torch.testing.assert_close(second.net.mel.weight, first.net.mel.weight, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", [Dynamic(width=6, static=2, dynamic=2), Location(width=6, filters=2, kernel=3)])
def test_half_precision_learns_alike(tmp_path, kind):
    items = [toned(utterance(seed, durations=True), seed) for seed in range(4)]
    base = WHOLE.model_copy(
        update={"attention": kind, "max_steps": 12, "teacher_forced_steps": 6, "prenet_dropout": 0.0}
    )
    losses = {}
    for precision in ("float32", "bfloat16"):
        config = base.model_copy(update={"precision": precision})
        block, told = fitted(tmp_path / precision, config, items, dev=items[:1])
        losses[precision] = np.array(list(curve(told, "train/loss").values()))
        assert {value.dtype for value in block.net.state_dict().values()} == {torch.float32}
    assert not np.array_equal(*losses.values())
    np.testing.assert_allclose(losses["bfloat16"], losses["float32"], rtol=0.02)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_training_that_was_stopped_goes_on_bit_for_bit(tmp_path, precision):
    items = [utterance(seed) for seed in range(4)]
    config = TINY.model_copy(update={"max_items": 2, "precision": precision})
    whole, _ = fitted(tmp_path / "whole", config, items, dev=items[:1])
    run, events, _ = training(tmp_path / "parts", config, items, dev=items[:1])
    run.on_step = lambda batch, scalars: run.stop_asked.set() if batch.step == 3 else None
    with pytest.raises(Stopped):
        Attention(config, SPEC).fit(run)
    events.close()
    resumed, _ = fitted(tmp_path / "parts", config, items, dev=items[:1])
    for name, value in whole.net.state_dict().items():
        assert torch.equal(value, resumed.net.state_dict()[name]), name


def test_pitch_and_energy_want_to_be_wired_with_durations(tmp_path):
    item = toned(utterance(0, durations=True), 0)
    for missing in ("durations", "pitch", "energy"):
        with pytest.raises(
            ValueError, match=f"item 0 to train on .*no {missing}, want them beside the phones: wire them"
        ):
            fitted(tmp_path / missing, WHOLE, [item.model_copy(update={missing: None})])


def test_lessons_that_do_not_fit_are_refused_with_their_number(tmp_path):
    good = utterance(0, durations=True)
    short = good.model_copy(update={"durations": good.durations - 1})
    with pytest.raises(
        ValueError,
        match=r"item 1 to train on \(sil .*the durations sum to \d+ frames, but the log-mel has \d+: want as many",
    ):
        fitted(tmp_path, TINY, [good, short])
    broken = good.model_copy(update={"log_mel": np.full_like(good.log_mel, np.nan)})
    with pytest.raises(ValueError, match=r"item 0 .*NaN"):
        fitted(tmp_path, TINY, [broken])
    with pytest.raises(ValueError, match=r"item 0 .*no phones"):
        fitted(tmp_path, TINY, [good.model_copy(update={"phones": (), "durations": None})])
