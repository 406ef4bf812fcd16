"""`flow.affine`: exact both ways, blind to padding, the formulas of plain NumPy, and a gradient without a cliff."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from blocks.base import check_item
from blocks.flow.schema import Coded, Latents, Spectral
from blocks.load import find
from blocks.spec import AudioSpec
from runner.check import check, read_graph
from runner.fit.events import curves
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.work.executor import Observer
from tests.blocks import plain_flow
from tests.blocks.interruption import stopped_at_a_checkpoint
from tests.environment import ROOT

jax = pytest.importorskip("jax")
jnp = jax.numpy
net = pytest.importorskip("blocks.flow.affine.net")
kind_net = pytest.importorskip("blocks.flow._net")
jax_nn = pytest.importorskip("blocks.common.jax_nn")

M, F, E, N = 6, 3, 5, 4
SMALL = dict(blocks=2, hidden=8, layers=2, kernel=3, mels=M, encoder_layers=1, encoder_kernel=3)
NAMES = (("who", 3, 8), ("how", 0, E))
CASES = {
    "all": dict(
        squeeze=2, blocks=3, split=4, split_every=2, globals=NAMES, encode_phones=True, phone_prior=True, rows=5
    ),
    "nothing": dict(squeeze=1),
    "short": dict(squeeze=2, blocks=1, globals=NAMES, encode_phones=True, phone_prior=True, rows=5),
    "normalised": dict(squeeze=4, snac=True, globals=NAMES[:1]),
}
TOGETHER = dict(rtol=1e-5, atol=1e-5)
MODEL = dict(rtol=1e-4, atol=1e-4)


encode, decode = jax.jit(net.encode, static_argnums=0), jax.jit(net.decode, static_argnums=0)  # op by op is slower
train = jax.jit(
    lambda flow, params, fixed, *given: flow.apply({"params": params, "fixed": fixed}, *given), static_argnums=0
)


def inputs(case="all", lengths=(16, 11), frames=16, seed=0):
    """x, lengths and what is given, with rubbish in the padding."""
    rng = np.random.default_rng(seed)
    B = len(lengths)
    x, lengths = 2 * rng.standard_normal((B, frames, M)) - 5, np.array(lengths, np.int32)
    if case == "nothing":
        return x, lengths, {}
    given = {"frames": rng.standard_normal((B, frames, F)), "globals.who": rng.integers(0, 4, B)}
    if case == "normalised":
        return x, lengths, given | {"prior_mean": rng.standard_normal((B, frames, M))}
    given |= {"globals.how": rng.standard_normal((B, E)), "phones": rng.integers(0, 6, (B, N))}
    owners = np.sort(rng.integers(0, N - 1, (B, frames)), axis=1)
    return x, lengths, given | {"owners": owners, "tokens": np.array([N, N - 1, N][:B], np.int32)}


@functools.cache
def model(case="all"):
    """A flow and float64 weights far from their start, where a coupling would be the identity."""
    flow, rng = net.Flow(**SMALL | CASES[case]), np.random.default_rng(1)
    shapes = jax.eval_shape(flow.init, jax.random.key(1), *single(inputs(case)))
    params = jax.tree.map(lambda a: 0.2 * rng.standard_normal(a.shape), shapes["params"])
    fixed = {}
    for stage, held in shapes["fixed"].items():
        shape = held["mix"]["sign"].shape
        order = rng.permuted(np.tile(np.arange(shape[1]), (shape[0], 1)), axis=1)
        fixed[stage] = {"mix": {"sign": rng.choice([-1.0, 1.0], shape), "order": order}}
    return flow, params, fixed


def row(given: dict, b: int, length: int, tokens: int = N) -> dict:
    """What is given of one item, without padding."""
    cut = {"frames": length, "prior_mean": length, "owners": length, "phones": int(given.get("tokens", [N] * 9)[b])}
    return {name: a[b][: cut[name]] if name in cut else a[b] for name, a in given.items() if name != "tokens"}


def single(tree):
    return jax.tree.map(lambda a: a.astype(np.float32) if getattr(a, "dtype", None) == np.float64 else a, tree)


class TestConvolution:
    def draw(self, taps=5):
        rng = np.random.default_rng(taps)
        return rng.standard_normal((2, 9, 3), np.float32), rng.standard_normal((taps, 3, 4), np.float32)

    @pytest.mark.parametrize("taps", [1, 3, 5])
    def test_is_the_plain_one(self, taps):
        x, w = self.draw(taps)
        np.testing.assert_allclose(jax_nn.conv(x, w), [plain_flow.conv(one, w) for one in x], **TOGETHER)

    def test_its_gradient_is_that_of_autodiff(self):
        x, w = self.draw()

        def plain(x, w):
            return jax.lax.conv_general_dilated(x, w, (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC"))

        def gradient(conv):
            return jax.grad(lambda x, w: jnp.sin(conv(x, w)).sum(), argnums=(0, 1))(x, w)

        for ours, theirs in zip(gradient(jax_nn.conv), gradient(plain)):
            np.testing.assert_allclose(ours, theirs, **TOGETHER)

    def test_a_training_step_has_no_convolution_over_whole_utterances(self):
        """Autodiff's gradient of the weights is a convolution whose window is the whole utterance: the cliff."""
        x, w = self.draw()

        def plain(x, w):
            return jax.lax.conv_general_dilated(x, w, (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC"))

        cliff = jax.make_jaxpr(jax.grad(lambda w: plain(x, w).sum()))(w)
        assert not all(map(fast, convolutions(cliff.jaxpr))), "what is looked for is not found where it is"
        given = single(inputs())
        flow, params, fixed = single(model())
        batch = {"x": given[0], "lengths": given[1], **given[2]}

        def loss(params):
            return net.losses(flow, {"params": params, "fixed": fixed}, batch, 0.0, jax.random.key(0))[0]

        found = convolutions(jax.make_jaxpr(jax.grad(loss))(params).jaxpr)
        assert len(found) >= 2 * SMALL["layers"], "forward and backward"
        assert all(map(fast, found))


def convolutions(jaxpr) -> list:
    found = []
    for equation in jaxpr.eqns:
        if equation.primitive.name == "conv_general_dilated":
            found.append(equation)
        for value in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda v: hasattr(v, "eqns")):
            inner = getattr(value, "jaxpr", value)
            found += convolutions(inner) if hasattr(inner, "eqns") else []
    return found


def fast(equation) -> bool:
    """A few taps, time second and channels last, nothing dilated: what XLA hands to its fast kernel on a CPU."""
    numbers, taps = equation.params["dimension_numbers"], equation.invars[1].aval.shape
    plain = all(d == 1 for name in ("lhs_dilation", "rhs_dilation") for d in equation.params[name])
    return plain and numbers.lhs_spec == (0, 2, 1) and taps[numbers.rhs_spec[2]] <= 5


class TestStep:
    @staticmethod
    @functools.cache
    def stepped(parts=1, dtype=None, reconstruction=0.0):
        """Changes of the weights by a step of plain descent on two items in so many parts, and its numbers."""
        import optax

        x, lengths, given = single(inputs())
        held = {"x": x, "lengths": lengths, **given}
        parts = {name: array.reshape(parts, 2 // parts, *array.shape[1:]) for name, array in held.items()}
        flow, params, fixed = single(model("short"))
        optimizer = optax.sgd(1.0)
        state = jax.tree.map(jnp.asarray, (params, optimizer.init(params)))

        def losses(params, fixed, part, key, frames):
            variables = {"params": params, "fixed": fixed}
            return net.losses(flow.clone(dtype=dtype), variables, part, 0.0, jax.random.key(0), frames, reconstruction)

        after, _, numbers = kind_net.training_step(losses, optimizer)(*state, fixed, parts, jax.random.key(0))
        return jax.tree.map(lambda new, old: np.asarray(new) - old, after, params), numbers

    def test_parts_equal_the_whole(self):
        whole, parts = self.stepped(), self.stepped(2)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), parts, whole)

    def test_half_precision_gives_about_the_same_gradient_in_float32(self):
        (whole, exact), (half, numbers) = self.stepped(), self.stepped(dtype=jnp.bfloat16)
        wanted, found = (np.concatenate([a.ravel() for a in jax.tree.leaves(tree)]) for tree in (whole, half))
        assert found.dtype == np.float32
        assert 1e-5 < np.linalg.norm(found - wanted) / np.linalg.norm(wanted) < 0.05
        assert float(numbers["loss"]) == pytest.approx(float(exact["loss"]), rel=0.01)

    def test_reconstruction_weighs_likelihood_and_what_a_sampled_latent_becomes(self):
        (_, plain), (changes, numbers) = self.stepped(), self.stepped(reconstruction=0.9)
        assert float(numbers["nll"]) == pytest.approx(float(plain["nll"]), rel=1e-4)
        assert float(numbers["loss"]) == pytest.approx(
            0.1 * float(numbers["nll"]) + 0.9 * float(numbers["l1"]), rel=1e-4
        )
        moved = changes["conditions"]["prior"]["end"]["kernel"]
        assert np.isfinite(moved).all()
        assert np.abs(moved).max() > 0


class TestLayers:
    """Each against plain NumPy, to 1e-5."""

    def test_gated_convolutions(self):
        x, _, given = inputs(lengths=(8,), frames=8)
        rng, vector, mask = np.random.default_rng(2), given["globals.how"], np.ones((1, 8, 1), np.float32)
        layer = kind_net.Gated(8, 2, 3, 4)
        shapes = jax.eval_shape(layer.init, jax.random.key(0), *single((x, mask, given["frames"], vector)))["params"]
        p = jax.tree.map(lambda a: 0.3 * rng.standard_normal(a.shape), shapes)
        ours = jax.jit(layer.apply)({"params": single(p)}, *single((x, mask, given["frames"], vector)))
        np.testing.assert_allclose(ours[0], plain_flow.gated(x[0], p, given["frames"][0], vector[0]), **TOGETHER)

    def test_phone_encoder_is_blind_to_padding(self):
        layer, rng = kind_net.Encoder(rows=5, hidden=8, out=3, layers=2, kernel=3), np.random.default_rng(2)
        phones, tokens = np.array([[1, 5, 0, 2], [4, 4, 3, 1]]), np.array([4, 2])
        shapes = jax.eval_shape(layer.init, jax.random.key(0), phones, tokens)["params"]
        p = jax.tree.map(lambda a: 0.5 * rng.standard_normal(a.shape), shapes)
        ours = jax.jit(layer.apply)({"params": single(p)}, phones, tokens)
        for b, count in enumerate(tokens):
            np.testing.assert_allclose(ours[b, :count], plain_flow.encoder(phones[b, :count], p), **TOGETHER)

    def test_mix(self):
        _, params, fixed = model()
        p, f = (plain_flow.pick(tree["stage_0"]["mix"], 1) for tree in (params, fixed))
        z = np.random.default_rng(3).standard_normal((1, 4, 2 * M))
        mixed, logdet = net.Mix().apply({"params": single(p), "fixed": f}, single(z))
        np.testing.assert_allclose(mixed, z @ plain_flow.mix(p, f), **TOGETHER)
        np.testing.assert_allclose(logdet, np.linalg.slogdet(plain_flow.mix(p, f))[1], **TOGETHER)

    def test_norm_starts_at_mean_0_and_variance_1_of_the_real_frames(self):
        x, lengths, *_ = single(inputs())
        mask = np.asarray(kind_net.real(lengths, 16), np.float32)
        (normed, _), _ = net.ActNorm().init_with_output(jax.random.key(0), x, mask)
        values = np.asarray(normed)[mask[..., 0] > 0]
        np.testing.assert_allclose(values.mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(values.var(0), 1, atol=1e-4)

    def test_a_mix_starts_as_a_rotation(self):
        variables = jax.jit(net.Mix().init)(jax.random.key(0, impl="unsafe_rbg"), jnp.ones((1, 2, 8)))
        matrix = plain_flow.mix(*(jax.tree.map(np.asarray, variables[name]) for name in ("params", "fixed")))
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(8), atol=1e-5)

    def test_dropout_drops_its_share_and_keeps_the_mean(self):
        kept = np.asarray(jax_nn.dropout(jnp.ones((400, 400)), 0.25, jax.random.key(1)))
        assert abs((kept == 0).mean() - 0.25) < 0.01
        assert abs(kept.mean() - 1) < 0.01
        assert jax_nn.dropout(x := jnp.ones(3), 0.0, jax.random.key(1)) is x


@pytest.mark.parametrize("case", CASES)
class TestModel:
    def test_equals_the_plain_one(self, case):
        x, lengths, given = inputs(case)
        flow, params, fixed = model(case)
        z, mean, logdet = encode(flow, net.fold(*single((params, fixed))), *single((x, lengths, given)))
        for b, T in enumerate(lengths):
            plain_z, plain_mean, plain_logdet = plain_flow.encode(params, fixed, flow, x[b, :T], row(given, b, T))
            np.testing.assert_allclose(z[b, :T], plain_z, **MODEL)
            np.testing.assert_allclose(np.broadcast_to(mean, z.shape)[b, :T], plain_mean, **MODEL)
            np.testing.assert_allclose(logdet[b], plain_logdet, **MODEL)
            assert not np.asarray(z[b, T:]).any()
            assert not np.broadcast_to(mean, z.shape)[b, T:].any()

    def test_training_and_use_are_one_function(self, case):
        given = single(inputs(case))
        flow, params, fixed = single(model(case))
        trained = train(flow.clone(unroll=flow.squeeze), params, fixed, *given)  # a scan, or one unrolled
        for ours, theirs in zip(encode(flow, net.fold(params, fixed), *given), trained):
            np.testing.assert_allclose(ours, theirs, **MODEL)

    @pytest.mark.parametrize(("kind", "close"), [(np.float64, 1e-9), (np.float32, 1e-4)])
    def test_round_trip(self, case, kind, close):
        given = inputs(case)
        flow, params, fixed = model(case)
        with jax.enable_x64(kind == np.float64):
            if kind == np.float32:
                given, params, fixed = single((given, params, fixed))
            x, lengths, conditions = given
            folded = net.fold(params, fixed)
            z, *_ = encode(flow, folded, x, lengths, conditions)
            back = decode(flow, folded, z, lengths, conditions)
            assert back.dtype == kind
            real = np.asarray(kind_net.real(lengths, x.shape[1]))
            np.testing.assert_allclose(np.asarray(back), np.where(real, x, 0), rtol=0, atol=close)


def test_what_is_folded_in_training_is_what_is_folded_for_use():
    _, params, fixed = single(model())
    for ours, theirs in zip(net.refold(params, fixed)["blocks"], net.fold(params, fixed)["blocks"], strict=True):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), ours, theirs)


def test_the_log_determinant_is_that_of_the_jacobian():
    """Of all frames, also the odd one at the end, and of channels that were split off."""
    T = 5
    x, lengths, given = inputs(lengths=(T,), frames=6)
    flow, params, fixed = model()
    with jax.enable_x64(True):
        folded = net.fold(params, fixed)

        def latent(values):
            whole = jnp.zeros((1, 6, M)).at[0, :T].set(values.reshape(T, M))
            return encode(flow, folded, whole, lengths, given)[0][0, :T].ravel()

        jacobian = jax.jacobian(latent)(jnp.asarray(x[0, :T].ravel()))
        *_, logdet = encode(flow, folded, x, lengths, given)
        np.testing.assert_allclose(logdet[0], np.linalg.slogdet(np.asarray(jacobian))[1], rtol=1e-9)


def test_nll_of_noise_is_that_of_a_gaussian():
    z = np.random.default_rng(0).standard_normal((1, 500, 40), np.float32)
    value = net.nll(z + 3, 3.0, np.zeros(1), np.array([500])) / z.size
    np.testing.assert_allclose(value, 0.5 * np.log(2 * np.pi) + 0.5, atol=0.01)


# ---- the block ----

GRAPH = """
nodes:
  tone: {read: toy.tones, config: {count: 10}}
  mel: {map: features.log_mel, in: {wave: tone.wave}}
  pitch: {map: features.pitch, in: {wave: tone.wave}}
  model:
    fit: flow.affine
    in: {log_mel: mel.log_mel, pitch: pitch.pitch, split: tone.split}
    config: {blocks: 2, hidden: 8, layers: 1, kernel: 3, max_steps: 6, max_frames: 60, checkpoint_interval: 3,
             val_check_interval: 3, lr: 0.003, warmup_steps: 1, noise: 1.0}
  coded: {map: flow.affine, model: model, in: {log_mel: mel.log_mel, pitch: pitch.pitch}}
"""


STILL = ("model.noise=0", "model.dropout=0", "model.lr=1e-4")


def go(folder: Path, store: str, sets=()):
    path = folder / "graph.yaml"
    path.write_text(GRAPH)
    opened = Store(folder / store)
    plan = make_plan(check(read_graph(path, sets=sets)), opened)
    return plan, opened, LocalExecutor().run(plan, opened, Observer())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flow")
    kept = {"jax_compilation_cache_dir": str(folder / "compiled"), "jax_persistent_cache_min_compile_time_secs": 0.2}
    before = {name: getattr(jax.config, name) for name in kept}
    for name, value in kept.items():
        jax.config.update(name, value)
    plan, store, outcome = go(folder, "store")
    assert outcome.error is None
    yield folder, plan, store
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture(scope="module")
def fitted(trained):
    _, plan, store = trained
    node = plan.steps["model"].checked
    block = node.cls(node.config, AudioSpec())
    block.load(Path(store.find_artifact(plan.steps["model"].digest)))
    block.setup()
    return block


@pytest.fixture(scope="module")
def items():
    rng = np.random.default_rng(0)
    mels = [rng.normal(-6, 2, (n, 80)).astype("float32") for n in (9, 24, 33)]
    return [Spectral(log_mel=mel, pitch=np.full(len(mel), 120, "float32")) for mel in mels]


class TestBlock:
    def test_training_lowers_the_loss(self, trained):
        _, plan, store = trained
        metrics = Path(store.find_artifact(plan.steps["model"].digest)) / "metrics.json"
        lines = json.loads(metrics.read_text())["curves"]
        first, last = (line["val/loss"] for line in lines if "val/loss" in line)
        assert last < first

    def test_stopped_and_resumed_equals_the_unbroken_training(self, trained, monkeypatch):
        folder, plan, store = trained
        with stopped_at_a_checkpoint(monkeypatch):
            go(folder, "broken")
        digest, broken = plan.steps["model"].digest, Store(folder / "broken")
        assert broken.find_artifact(digest) is None
        assert list((folder / "broken" / "fits" / digest).glob("step-*3/state.json"))
        _, _, outcome = go(folder, "broken")
        assert outcome.error is None
        whole, again = ((Path(s.find_artifact(digest)) / "model.safetensors").read_bytes() for s in (store, broken))
        assert whole == again

    @pytest.mark.slow
    def test_two_devices_train_as_one(self, tmp_path):
        """The items of a batch spread over both; without noise, which is drawn for the padded batch."""
        code = "import sys, tests.conftest; from pathlib import Path; from tests.blocks.test_flow_affine import go, STILL; "
        code += "import jax; assert jax.device_count() == 2; go(Path(sys.argv[1]), 'two', STILL)"
        environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, cwd=ROOT, check=True)
        plan, one, outcome = go(tmp_path, "one", STILL)
        assert outcome.error is None
        folder = f"fits/{plan.steps['model'].digest}"
        losses = [
            [line["train/loss"] for line in curves(store.files, folder) if "train/loss" in line]
            for store in (one, Store(tmp_path / "two"))
        ]
        assert len(losses[0]) == 6
        np.testing.assert_allclose(*losses, rtol=1e-3)

    def test_gives_valid_latents_of_the_size_of_the_mel(self, fitted, items):
        for item, coded in zip(items, fitted.apply(items)):
            assert coded.latent.shape == item.log_mel.shape
            assert check_item(coded, AudioSpec()) is None
            assert np.isfinite(coded.nll)

    def test_together_equal_each_alone_bit_for_bit(self, fitted, items):
        for item, coded in zip(items, fitted.apply(items)):
            (alone,) = fitted.apply([item])
            np.testing.assert_array_equal(alone.latent, coded.latent)
            assert alone.nll == coded.nll

    def test_several_in_a_call_equal_each_alone(self, fitted, items):
        block = type(fitted)(fitted.config.model_copy(update={"together": 4}), fitted.spec)
        block.conditioning, block._folded = fitted.conditioning, fitted._folded
        for one, other in zip(block.apply(items + items[1:2]), fitted.apply(items + items[1:2])):
            np.testing.assert_allclose(one.latent, other.latent, **MODEL)
            np.testing.assert_allclose(one.nll, other.nll, **MODEL)

    def test_decode_is_the_inverse(self, fitted, items):
        coded = fitted.apply(items)
        latents = [Latents(latent=c.latent, pitch=item.pitch) for c, item in zip(coded, items)]
        for item, decoded in zip(items, fitted.decode(latents)):
            # The rounding of float32, scaled up on the way; float64 is held to 1e-9 above.
            np.testing.assert_allclose(decoded.log_mel, item.log_mel, atol=1e-3)
        higher = [latent.model_copy(update={"pitch": 1.5 * latent.pitch}) for latent in latents]
        same, *_ = (made.log_mel for made in fitted.decode(higher[1:]))
        np.testing.assert_allclose(same, items[1].log_mel, atol=1e-3, err_msg="the register is no condition")
        rising = latents[1].model_copy(update={"pitch": np.linspace(100, 200, 24, dtype=np.float32)})
        assert np.abs(fitted.decode([rising])[0].log_mel - items[1].log_mel).max() > 1e-3

    def test_few_shapes_are_compiled(self, fitted):
        before = fitted._compiled["encode"]._cache_size()
        mels = [np.full((n, 80), -5.0, "float32") for n in range(41, 49)]
        fitted.apply([Spectral(log_mel=mel, pitch=np.zeros(len(mel), "float32")) for mel in mels])
        assert fitted._compiled["encode"]._cache_size() == before + 1

    def test_save_and_load_keep_the_bits(self, fitted, items, tmp_path):
        fitted.save(tmp_path)
        again = type(fitted)(fitted.config, fitted.spec)
        again.load(tmp_path)
        np.testing.assert_array_equal(again.apply(items)[0].latent, fitted.apply(items)[0].latent)

    def test_weights_of_another_size_are_refused_with_a_report(self, fitted, tmp_path):
        fitted.save(tmp_path)
        wider = type(fitted)(fitted.config.model_copy(update={"layers": 3, "hidden": 16}), fitted.spec)
        with pytest.raises(ValueError, match=r"(?s)of \d+ weights fit.*missing params/stage_0/coupling/net/bias_1"):
            wider.load(tmp_path)

    def test_what_is_missing_or_unusable_is_a_failure_with_its_reason(self, fitted, items):
        (failure,) = fitted.apply([Spectral(log_mel=items[0].log_mel)])
        assert "no pitch, want it beside the mel" in failure.reason
        for mel, said in (
            (np.zeros((0, 80), "float32"), "no frames, want at least one"),
            (np.full((4, 80), np.nan, "float32"), "has NaN or infinite values, want numbers"),
        ):
            made, failure = fitted.apply([items[0], Spectral(log_mel=mel, pitch=np.zeros(len(mel), "float32"))])
            assert isinstance(made, Coded)
            assert said in failure.reason

    def test_without_weights_it_says_so(self, items):
        block = find("flow.affine")
        with pytest.raises(ValueError, match="no weights yet"):
            block(block.tiny, AudioSpec()).apply(items)

    def test_an_even_kernel_is_refused(self):
        with pytest.raises(ValueError, match="an odd number such as 5"):
            find("flow.affine").Config(kernel=4)

    def test_a_split_that_leaves_nothing_is_refused(self):
        block = find("flow.affine")
        with pytest.raises(ValueError, match="leaves 0 of 160 channels"):
            block(block.Config(split=80, split_every=1, blocks=3), AudioSpec()).fit(None)
