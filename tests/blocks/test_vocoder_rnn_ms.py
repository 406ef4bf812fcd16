"""`vocoder.rnn_ms`: plain NumPy's logits, draws and gradients; crops that predict the next sample; pieces that fit together."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks.base import BadItem, check_item
from blocks.common.mel import log_mel
from blocks.load import find
from blocks.spec import PRESETS, AudioSpec
from blocks.vocoder.rnn_ms import SIZES, Fold, Request, samples
from runner.check import check, read_graph
from runner.fit.events import curves
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.work.executor import Observer
from tests.blocks import plain_rnn_ms as plain
from tests.blocks.interruption import stopped_at_a_checkpoint
from tests.blocks.signals import speechlike

jax = pytest.importorskip("jax")
jnp = jax.numpy
net = pytest.importorskip("blocks.vocoder.rnn_ms.net")
synthesis = pytest.importorskip("blocks.vocoder.rnn_ms.synthesis")
cost = pytest.importorskip("blocks.vocoder.rnn_ms.cost")
recurrent = pytest.importorskip("blocks.vocoder.rnn_ms.gru")

SPEC = AudioSpec(sample_rate=8000, n_fft=256, hop_length=20, win_length=160, n_mels=12)
CLOSE = dict(rtol=1e-4, atol=1e-4)
BLOCK = find("vocoder.rnn_ms")


@functools.cache
def made(seed=0, **settings_):
    """A block with random weights, larger than those of a start, so that every part counts."""
    block = BLOCK(BLOCK.tiny.model_copy(update=settings_), SPEC, seed)
    rng = np.random.default_rng(7)
    shapes = jax.eval_shape(lambda: net.start(block._net(), jax.random.key(0)))
    block.variables = jax.tree.map(lambda a: 0.5 * rng.standard_normal(a.shape, np.float32), shapes)
    return block


def mel(frames, seed=0):
    return np.random.default_rng(seed).normal(-5, 2, (frames, SPEC.n_mels)).astype(np.float32)


def spoken(seconds, seed=0):
    wave = speechlike(SPEC, seconds=seconds, seed=seed)
    return log_mel(wave, SPEC), wave


# ---- the parts ----


def test_the_recurrent_unit_has_the_gradient_of_autodiff():
    rng = np.random.default_rng(0)
    shapes = (7, 15, 3), (15, 5), (5, 1), (5, 3)
    given_ = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]

    def looped(gates, w, last, h):
        states = []
        for now in gates:
            h, _ = recurrent.step(h, now, w, last)
            states.append(h)
        return jnp.stack(states)

    def gradient(unit):
        return jax.jit(jax.grad(lambda *a: jnp.sin(unit(*a)).sum(), argnums=(0, 1, 2, 3)))(*given_)

    for ours, theirs in zip(gradient(recurrent.gru), gradient(looped)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("count", [5, 2 * 6 + 1])
def test_the_cost_in_pieces_has_the_gradient_of_autodiff(monkeypatch, count):
    monkeypatch.setattr(cost, "PIECE", 6)
    rng = np.random.default_rng(count)
    x, w, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((count, 3), (3, 4), (4,)))
    truth, weight = rng.integers(0, 4, count), np.arange(count, dtype=np.float32)

    def whole(x, w, b, truth, weight):
        each = -jax.nn.log_softmax(x @ w + b)[jnp.arange(count), truth]
        return (each * weight).sum() / weight.sum()

    def both(mean):
        value, slopes = jax.jit(jax.value_and_grad(lambda *a: 3 * mean(*a), argnums=(0, 1, 2)))(x, w, b, truth, weight)
        return [value, *slopes]

    for ours, theirs in zip(both(cost.mean_nats), both(whole)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        (cost.nats(x, w, b, truth) * weight).sum() / weight.sum(), whole(x, w, b, truth, weight), rtol=1e-5
    )


def test_a_training_step_adds_no_gradient_of_weights_up_in_its_loop():
    """The loop over samples carries the state alone; the gradient of its weights is one product after it."""
    block = made()
    batch = block._crops([train_item(0.2)], 2, [np.random.default_rng(0)] * 2)
    params, fixed = block.variables["params"], block.variables["fixed"]
    slope = jax.make_jaxpr(jax.grad(lambda p: net._mean(block._net(), p, fixed, batch, block.config.context)))(params)
    loops = [
        e for e in equations(slope.jaxpr) if e.primitive.name == "scan" and e.params["length"] == 2 * SPEC.hop_length
    ]
    assert len(loops) == 2, "forward and backward"
    for loop in loops:
        at = loop.params["num_consts"]
        carried = [v.aval.shape for v in loop.invars[at : at + loop.params["num_carry"]]]
        assert carried == [(block.config.hidden, 2)]


def equations(jaxpr):
    for equation in jaxpr.eqns:
        yield equation
        for value in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda v: hasattr(v, "eqns")):
            inner = getattr(value, "jaxpr", value)
            yield from equations(inner) if hasattr(inner, "eqns") else ()


@pytest.mark.parametrize("classes", [256, 1024])
def test_every_class_of_the_mu_law_comes_back(classes):
    codes = np.arange(classes)
    np.testing.assert_array_equal(samples.encode(samples.decode(codes, classes), classes), codes)
    wave = np.linspace(-1, 1, 999)
    heard = samples.decode(samples.encode(wave, classes), classes)
    assert np.abs(heard - wave).max() < 2 * np.log(classes) / classes
    assert abs(samples.decode(np.array([samples.silence(classes)]), classes)[0]) < 1e-4


# ---- rows and crops ----


@pytest.mark.parametrize("spec", [*PRESETS.values(), AudioSpec(padding="none")], ids=[*PRESETS, "unpadded"])
@settings(max_examples=20, deadline=None)
@given(frames=st.integers(1, 30))
def test_a_row_says_the_frame_whose_centre_is_nearest(spec, frames):
    rows, hop = samples.Rows.of(spec, frames), spec.hop_length
    assert rows.samples == spec.samples(frames)
    assert rows.skip >= 0
    assert 0 <= len(rows.frame_R) * hop - rows.skip - rows.samples < hop
    centres = spec.frame_times(frames) * spec.sample_rate
    middles = np.arange(len(rows.frame_R)) * hop + hop / 2 - rows.skip
    away = np.abs(middles[:, None] - centres)
    assert (away[np.arange(len(middles)), rows.frame_R] <= away.min(axis=1) + 0.5).all()


@pytest.mark.parametrize("padding", ["same", "center", "none"])
def test_a_crop_predicts_the_sample_after_the_one_it_is_told(padding):
    spec = SPEC.model_copy(update={"padding": padding})
    wave = speechlike(spec, seconds=0.5)
    whole, found = log_mel(wave, spec), set()
    for seed in range(30):
        made_ = samples.crop(whole, wave, spec, 1024, 4, 3, np.random.default_rng(seed))
        heard = made_["mel"][3:-3]
        assert made_["codes"].shape == (4 * spec.hop_length + 1,)
        frames = [int(np.flatnonzero((whole == row).all(axis=1))[0]) for row in heard]
        centre = spec.frame_times(len(whole))[frames[2]] * spec.sample_rate  # of the third row, amid its samples
        start = round(centre - 2.5 * spec.hop_length)
        real = np.flatnonzero(made_["weight"])
        if start + real[0] > 0 and np.diff(frames).all():
            told, truth = made_["codes"][:-1][real], made_["codes"][1:][real]
            np.testing.assert_array_equal(truth, samples.encode(wave, 1024)[start + real])
            np.testing.assert_array_equal(told, samples.encode(wave, 1024)[start + real - 1])
            found.add(start)
    assert len(found) > 5, "positions are drawn"


def test_a_crop_longer_than_its_item_weighs_only_what_is_there():
    whole, wave = spoken(0.01)
    assert len(whole) == 4
    made_ = samples.crop(whole, wave, SPEC, 1024, 6, 2, np.random.default_rng(0))
    assert made_["weight"].sum() == 80
    np.testing.assert_array_equal(made_["real"], [0, 0, 1, 1, 1, 1, 0, 0, 0, 0])


# ---- parity ----


def test_conditioning_equals_the_plain_one_whatever_pads_it():
    block, variables = made(), plain.double(made().variables)
    x = np.zeros((2, 12, SPEC.n_mels), np.float32)
    x[0, 2:9], x[1] = mel(7), 1e3
    real = np.zeros((2, 12), bool)
    real[0, 2:9] = True
    known = block._net().apply(block.variables, x, real, method="condition")
    np.testing.assert_allclose(known[0, 2:9], plain.condition(variables, mel(7), 2), **CLOSE)


def test_logits_equal_the_plain_ones():
    block, hop = made(), SPEC.hop_length
    codes = np.random.default_rng(1).integers(0, 1024, 5 * hop + 1)
    variables = plain.double(block.variables)
    theirs = plain.fed(variables, plain.condition(variables, mel(5), 2), codes, hop)

    def all_logits(net_, x, codes):
        return net_.logits(net_.states(net_.condition(x, jnp.ones((1, 5), bool)), codes[:, :-1]))

    ours = block._net().apply(block.variables, mel(5)[None], codes[None], method=all_logits)
    assert np.ptp(theirs) > 5
    np.testing.assert_allclose(ours[:, 0], theirs, **CLOSE)


@pytest.mark.parametrize("settings_", [{}, dict(temperature=0.5, quiet_db=2.0), dict(bits=8)])
def test_what_is_drawn_equals_what_the_plain_one_draws(settings_):
    block, frames, hop = made(**settings_), 20, SPEC.hop_length
    (said,) = block.apply([Request(log_mel=mel(frames))])
    variables, classes = plain.double(block.variables), 2**block.config.bits
    rng = np.random.default_rng(synthesis._seed_of(mel(frames), 0))
    chance = rng.random((1, 32 * hop), np.float32)[0, : frames * hop]
    sharp = block._synthesiser._sharpness(mel(frames))
    assert len(set(sharp)) == (2 if "temperature" in settings_ else 1)
    known = plain.condition(variables, mel(frames), 2)
    codes, logits = plain.spoken(variables, known, hop, chance, classes // 2, sharp)
    np.testing.assert_array_equal(samples.encode(said.wave, classes), codes)
    np.testing.assert_allclose(said.bits, plain.nats(logits, codes).mean() / np.log(2), **CLOSE)


@settings(max_examples=20, deadline=None)
@given(chance=st.floats(0, 1, exclude_max=True, width=32), seed=st.integers(0, 50), width=st.floats(0.1, 60))
def test_a_draw_in_two_levels_is_the_inverse_of_the_distribution(chance, seed, width):
    logits = (width * np.random.default_rng(seed).standard_normal((1024, 1))).astype(np.float32)
    codes, nats = jax.jit(synthesis.chosen)(logits, np.array([chance], np.float32))
    odds = np.exp(logits[:, 0].astype(np.float64) - logits.max())
    upto = np.cumsum(odds) / odds.sum()
    code = int(codes[0])
    assert (upto[code - 1] if code else 0) - 1e-5 <= chance <= upto[code] + 1e-5
    np.testing.assert_allclose(nats[0], -np.log(odds[code] / odds.sum()), rtol=1e-3, atol=1e-4)


# ---- the block in use ----


def test_gives_the_samples_that_the_spec_promises():
    for frames in (1, 2, 17):
        (said,) = made().apply([Request(log_mel=mel(frames))])
        assert said.wave.shape == (SPEC.samples(frames),)
        assert check_item(said, SPEC) is None
        assert np.abs(said.wave).max() <= 1


@pytest.mark.parametrize("fold", [None, Fold(segment_s=0.05, overlap_s=0.01, streams=4)])
def test_what_is_said_depends_on_the_seed_but_not_on_neighbours(fold):
    items = [Request(log_mel=mel(frames, frames)) for frames in (50, 20, 21)]
    block = made(fold=fold)
    together = block.apply(items)
    for item, said in zip(items, together):
        (alone,) = block.apply([item])
        np.testing.assert_array_equal(alone.wave, said.wave)
    (other,) = made(seed=1, fold=fold).apply(items[:1])
    assert not np.array_equal(other.wave, together[0].wave)


def test_few_shapes_are_compiled():
    block = made()
    block.apply([Request(log_mel=mel(17))])
    before = synthesis.draw._cache_size(), synthesis.condition._cache_size()
    block.apply([Request(log_mel=mel(frames)) for frames in (18, 20, 24)])
    assert (synthesis.draw._cache_size(), synthesis.condition._cache_size()) == before


def test_warm_compiles_what_is_needed_and_draws_little():
    block = made(fold=Fold(segment_s=0.05, overlap_s=0.01, streams=4))
    block.warm([Request(log_mel=mel(50)), Request(log_mel=mel(20), recorded=np.zeros(400, np.float32))])
    before = synthesis.draw._cache_size(), synthesis.condition._cache_size(), synthesis.judge._cache_size()
    block.apply([Request(log_mel=mel(52)), Request(log_mel=mel(19), recorded=np.zeros(380, np.float32))])
    assert (synthesis.draw._cache_size(), synthesis.condition._cache_size(), synthesis.judge._cache_size()) == before


@settings(max_examples=50, deadline=None)
@given(rows=st.integers(1, 400), most=st.integers(8, 60), overlap=st.integers(1, 3), seed=st.integers(0, 9))
def test_pieces_cover_all_and_fade_to_a_sum_of_one(rows, most, overlap, seed):
    level = np.random.default_rng(seed).standard_normal(rows)
    pieces = synthesis.cut(level, most, overlap)
    total, fade = np.zeros(rows), synthesis._fade(overlap)
    for begin, end in pieces:
        assert 0 < end - begin <= most
        weight = np.ones(end - begin)
        if begin:
            weight[:overlap] *= fade
        if end < rows:
            weight[-overlap:] *= fade[::-1]
        total[begin:end] += weight
    np.testing.assert_allclose(total, 1)


def test_a_cut_is_made_where_it_is_quiet():
    level = np.zeros(100)
    level[33:35] = -5
    assert synthesis.cut(level, 40, 2)[0] == (0, 35)


def test_a_recording_is_judged_by_what_it_costs_and_kept_as_the_mu_law_keeps_it():
    block, (whole, wave) = made(), spoken(0.1)
    said = block.apply([Request(log_mel=whole, recorded=wave), Request(log_mel=whole[:9], recorded=wave[:190])])
    variables, hop = plain.double(block.variables), SPEC.hop_length
    codes = np.concatenate([[512], samples.encode(wave, 1024)])[: len(whole) * hop + 1]
    logits = plain.fed(variables, plain.condition(variables, whole, 2), codes, hop)
    np.testing.assert_allclose(said[0].bits, plain.nats(logits, codes[1:]).mean() / np.log(2), **CLOSE)
    np.testing.assert_allclose(said[0].wave, wave[: len(whole) * hop], atol=0.01)
    assert said[1].wave.shape == (180,)
    (alone,) = block.apply([Request(log_mel=whole[:9], recorded=wave[:190])])
    np.testing.assert_allclose(alone.bits, said[1].bits, rtol=1e-5)


def test_silence_is_answered():
    mel_ = log_mel(np.zeros(400, np.float32), SPEC)
    drawn, judged = made().apply([Request(log_mel=mel_), Request(log_mel=mel_, recorded=np.zeros(400, np.float32))])
    assert np.isfinite([drawn.bits, judged.bits]).all()
    assert np.abs(judged.wave).max() < 1e-4


@pytest.mark.parametrize(
    ("mel_", "message"),
    [
        (np.zeros((0, 12)), "no frames, want at least one"),
        (np.full((3, 12), np.nan), "36 of 36 mel values are NaN"),
        (np.zeros((3, 80)), "80 mels, but the audio spec says n_mels 12"),
    ],
)
def test_what_is_no_mel_is_refused(mel_, message):
    with pytest.raises(BadItem, match=message):
        made().apply([Request(log_mel=mel_.astype(np.float32))])


def test_a_recording_of_another_length_is_refused():
    with pytest.raises(BadItem, match="400 samples has 20 frames, but its log-mel has 3"):
        made().apply([Request(log_mel=mel(3), recorded=np.zeros(400, np.float32))])


def test_without_weights_it_says_so():
    with pytest.raises(ValueError, match="no weights yet"):
        BLOCK(BLOCK.tiny, SPEC).apply([Request(log_mel=mel(3))])


def test_save_and_load_keep_the_bits_and_refuse_another_size(tmp_path):
    block, items = made(), [Request(log_mel=mel(5))]
    block.save(tmp_path)
    again = BLOCK(block.config, SPEC)
    again.load(tmp_path)
    np.testing.assert_array_equal(again.apply(items)[0].wave, block.apply(items)[0].wave)
    with pytest.raises(ValueError, match=r"(?s)of \d+ weights fit.*params/spoken/over is \(24, 8\), want \(36, 12\)"):
        BLOCK(block.config.model_copy(update={"hidden": 12}), SPEC).load(tmp_path)


def test_the_paper_s_size_differs_in_numbers_only():
    assert SIZES["paper"].hidden == 896
    widths = {k: v for k, v in SIZES["paper"].model_dump().items() if v != SIZES["small"].model_dump()[k]}
    assert all(isinstance(value, int | float) for value in widths.values())


# ---- training ----


def train_item(seconds, seed=0):
    from blocks.vocoder.schema import TrainItem

    whole, wave = spoken(seconds, seed)
    return TrainItem(log_mel=whole, wave=wave)


GRAPH = """
spec: {sample_rate: 8000, n_fft: 256, hop_length: 20, win_length: 160, n_mels: 12}
nodes:
  tone: {read: toy.tones, config: {count: 10}}
  mel: {map: features.log_mel, in: {wave: tone.wave}}
  model:
    fit: vocoder.rnn_ms
    in: {log_mel: mel.log_mel, wave: tone.wave, split: tone.split}
    config: {conditioning: 4, embedding: 8, hidden: 12, linear: 12, crop: 8, context: 2, max_steps: 30, max_items: 4, max_frames: 100,
             checkpoint_interval: 15, val_check_interval: 15, lr: 0.02, warmup_steps: 2}
  judged: {map: vocoder.rnn_ms, model: model, in: {log_mel: mel.log_mel, recorded: tone.wave}}
  spoken: {map: vocoder.rnn_ms, model: model, in: {log_mel: mel.log_mel}, config: {fold: {segment_s: 0.1, overlap_s: 0.01}}}
"""


def go(folder: Path, store: str, sets=(), until=None):
    path = folder / "graph.yaml"
    path.write_text(GRAPH)
    opened = Store(folder / store)
    plan = make_plan(check(read_graph(path, sets=sets)), opened, until=until)
    return plan, opened, LocalExecutor().run(plan, opened, Observer())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rnn_ms")
    kept = {"jax_compilation_cache_dir": str(folder / "compiled"), "jax_persistent_cache_min_compile_time_secs": 0.2}
    before = {name: getattr(jax.config, name) for name in kept}
    for name, value in kept.items():
        jax.config.update(name, value)
    plan, store, outcome = go(folder, "store")
    assert outcome.error is None
    yield folder, plan, store
    for name, value in before.items():
        jax.config.update(name, value)


class TestTraining:
    def test_lowers_the_loss_below_what_chance_costs(self, trained):
        _, plan, store = trained
        metrics = Path(store.find_artifact(plan.steps["model"].digest)) / "metrics.json"
        first, last = (line["val/bits"] for line in json.loads(metrics.read_text())["curves"] if "val/bits" in line)
        assert last < first < 10

    def test_a_graph_judges_and_speaks_with_it(self, trained):
        _, plan, store = trained
        judged, spoken_ = (store.find_table(plan.steps[name].digest) for name in ("judged", "spoken"))
        assert len(judged) == len(spoken_) == 10
        for told, said in zip(judged.rows(), spoken_.rows()):
            assert 0 < told["bits"] < 10
            assert len(said["wave"]) == len(told["wave"])

    def test_parts_of_a_batch_teach_what_the_whole_does(self, trained):
        """Batches of four and three items, in two parts and in three."""
        folder, found = trained[0], []
        for count in (1, 2, 3):
            sets = ("model.max_steps=4", f"model.accumulate={count}")
            plan, store, outcome = go(folder, f"parts{count}", sets, until="model")
            assert outcome.error is None
            lines = curves(store.files, f"fits/{plan.steps['model'].digest}")
            found.append([(line["train/loss"], line["train/grad_norm"]) for line in lines if "train/loss" in line])
        assert len(found[0]) == 4
        for parts in found[1:]:
            np.testing.assert_allclose(parts, found[0], rtol=1e-4)

    def test_stopped_and_resumed_equals_the_unbroken_training(self, trained, monkeypatch):
        folder, plan, store = trained
        with stopped_at_a_checkpoint(monkeypatch):
            go(folder, "broken")
        digest, broken = plan.steps["model"].digest, Store(folder / "broken")
        assert broken.find_artifact(digest) is None
        _, _, outcome = go(folder, "broken")
        assert outcome.error is None
        whole, again = ((Path(s.find_artifact(digest)) / "model.safetensors").read_bytes() for s in (store, broken))
        assert whole == again
