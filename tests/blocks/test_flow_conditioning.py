"""What flows are told, and what their priors say: named voices, phones, melodies; text-free beside text-conditioned; conversion."""

from functools import partial

import numpy as np
import pytest

from blocks.common import weights
from blocks.common.pitch import FEWEST, melody
from blocks.flow.schema import Latents, Prior, PriorRequest, PriorTrainItem, Spectral, TrainItem
from blocks.load import find
from blocks.spec import AudioSpec
from blocks.training import Batch, Run
from runner.fit.checkpoints import Checkpoints
from runner.fit.events import Events
from runner.fit.local_run import Items, LocalRun
from runner.store import Store

jax = pytest.importorskip("jax")
SPEC = AudioSpec(n_mels=6)
Affine, PhonePrior = find("flow.affine"), find("flow.phone_prior")
TINY = dict(blocks=1, hidden=8, layers=1, kernel=3, encoder_layers=1, encoder_kernel=3)
TINY |= dict(max_steps=3, max_frames=128, warmup_steps=1, globals={"speaker": {}, "voice": {"size": 4}})


def train_item(speaker="ann", phones=("b", "a"), durations=(9, 24), seed=0) -> TrainItem:
    rng, frames = np.random.default_rng(seed), sum(durations)
    return TrainItem(
        log_mel=rng.normal(-5, 1, (frames, 6)).astype("float32"),
        phones=phones,
        durations=np.array(durations, "int32"),
        pitch=(150 + 30 * np.sin(np.arange(frames) / 5)).astype("float32"),
        globals={"speaker": speaker, "voice": rng.standard_normal(4).astype("float32")},
        prior_mean=rng.standard_normal((frames, 6)).astype("float32"),
    )


TRAIN_ITEMS = {"one": train_item(), "two": train_item("ben", ("a", "ʃ"), (20, 13), seed=1)}


def fitted(cls, folder, train_items=TRAIN_ITEMS, **settings):
    return fit(cls(cls.Config(**TINY | settings), SPEC), folder, train_items)


def fit(block, folder, train_items):
    files = Store(folder / "store").files
    train, dev = Items(list(train_items), train_items.get), Items(list(train_items)[:1], train_items.get)
    kept = Checkpoints(files, "fit"), Events(files, "fit", 16000, 0)
    lengths = [block.length(item) for item in train_items.values()]
    run = LocalRun(block.config, 0, train, dev, lengths, *kept, length=block.length)
    block.fit(run)
    return block


def spoken(item: TrainItem) -> PriorTrainItem:
    return PriorTrainItem(**{name: value for name, value in dict(item).items() if name in PriorTrainItem.model_fields})


def spectral(item: TrainItem, **changed) -> Spectral:
    return Spectral(**{name: value for name, value in dict(item).items() if name in Spectral.model_fields} | changed)


def latents(item: TrainItem, coded, **changed) -> Latents:
    told = {name: getattr(item, name) for name in ("pitch", "phones", "durations", "globals")}
    return Latents(latent=coded.latent, **told | changed)


class TestMelody:
    def test_register_and_silence_around_are_not_in_it(self):
        pitch = np.array([0, 0, *np.linspace(100, 200, 30), 0, 0, *np.linspace(180, 120, 10), 0], "float32")
        found = melody(pitch)
        assert found.dtype == np.float32
        np.testing.assert_allclose(melody(1.7 * pitch), found, atol=1e-6)
        np.testing.assert_allclose(melody(np.pad(pitch, 50))[50:-50], found, atol=1e-6)
        assert abs(found[pitch > 0].mean()) < 1e-6
        np.testing.assert_allclose(found[32], (2 * found[31] + found[34]) / 3, atol=1e-6, err_msg="interpolated")
        assert found[0] == found[2]

    def test_of_few_voiced_frames_is_flat(self):
        pitch = np.where(np.arange(100) < FEWEST, 150.0 + np.arange(100), 0).astype("float32")
        assert melody(pitch).any()
        assert not melody(pitch, np.arange(100) < FEWEST - 1).any()


@pytest.fixture(scope="module")
def conditioned(tmp_path_factory):
    """Text-conditioned."""
    return fitted(Affine, tmp_path_factory.mktemp("conditioned"), phones=True)


class TestTextConditioned:
    def test_encodes_under_one_voice_and_decodes_under_another(self, conditioned):
        item = TRAIN_ITEMS["one"]
        (coded,) = conditioned.apply([spectral(item)])
        other = {**item.globals, "speaker": "ben"}
        same, converted, longer = conditioned.decode(
            [latents(item, coded), latents(item, coded, globals=other), latents(item, coded, phones=("ʃ", "a"))]
        )
        np.testing.assert_allclose(same.log_mel, item.log_mel, atol=1e-4)
        for changed in (converted, longer):
            assert np.abs(changed.log_mel - item.log_mel).max() > 1e-4

    def test_saved_and_loaded_it_is_the_same(self, conditioned, tmp_path):
        conditioned.save(tmp_path)
        again = Affine(conditioned.config, SPEC)
        again.load(tmp_path)
        assert list(again.conditioning.phones) == ["b", "a", "ʃ"]
        assert list(again.conditioning.names["speaker"]) == ["ann", "ben"]
        one, other = (block.apply([spectral(TRAIN_ITEMS["two"])])[0].latent for block in (conditioned, again))
        np.testing.assert_array_equal(one, other)

    def test_what_does_not_fit_is_told_row_by_row(self, conditioned):
        item = TRAIN_ITEMS["one"]
        wrong = {
            "the model knows no speaker 'bem'; did you mean 'ben'": {"globals": {**item.globals, "speaker": "bem"}},
            "the global voice is a vector of 3, want one of 4": {
                "globals": {**item.globals, "voice": np.ones(3, "float32")}
            },
            "phones of 32 frames beside 33": {"durations": np.array([9, 23], "int32")},
            "phones without durations": {"durations": None},
            "text-conditioned": {"durations": None, "phones": None},
            "a stream 'tone' that the model's settings do not declare": {"streams": {"tone": np.zeros(33, "float32")}},
        }
        for reason, changed in wrong.items():
            failure, made = conditioned.apply([spectral(item, **changed), spectral(item)])
            assert reason in failure.reason
            assert np.isfinite(made.nll)

    def test_a_phone_that_was_never_heard_passes_for_its_like(self, conditioned):
        item = TRAIN_ITEMS["two"]
        plain, stressed = conditioned.apply([spectral(item), spectral(item, phones=("ˈa", "ʃ"))])
        np.testing.assert_array_equal(plain.latent, stressed.latent)

    def test_few_voiced_frames_are_remarked(self, conditioned):
        item = TRAIN_ITEMS["one"]
        plain, whispered = conditioned.apply([spectral(item), spectral(item, pitch=np.zeros(33, "float32"))])
        assert plain.remark is None
        assert "0 voiced frames, fewer than 20" in whispered.remark

    def test_weights_under_the_names_of_before_are_read(self, conditioned, tmp_path):
        conditioned.save(tmp_path)
        tensors, about = weights.read(tmp_path)
        before = {name.replace("params/conditions/", "params/told/"): value for name, value in tensors.items()}
        assert before.keys() != tensors.keys()
        weights.write(tmp_path, before, about)
        again = Affine(conditioned.config, SPEC)
        again.load(tmp_path)
        item = spectral(TRAIN_ITEMS["one"])
        np.testing.assert_array_equal(again.apply([item])[0].latent, conditioned.apply([item])[0].latent)

    def test_a_training_goes_on_with_more_voices_and_phones(self, conditioned, tmp_path):
        conditioned.save(tmp_path)
        train_items = {**TRAIN_ITEMS, "three": train_item("cat", ("u", "a"), (10, 23), seed=2)}
        more = Affine(conditioned.config, SPEC)
        run = type("Init", (), {"survey": lambda run: run.items, "greatest": Run.greatest})()
        run.items, run.init, run.config = list(train_items.values()), tmp_path, more.config
        run.key = lambda step, name="": 1
        more._begin(run)
        assert list(more.conditioning.names["speaker"]) == ["ann", "ben", "cat"]
        before, after = (b.variables["params"]["conditions"]["whole"]["speaker"]["table"] for b in (conditioned, more))
        np.testing.assert_array_equal(after[:3], before)
        np.testing.assert_allclose(after[3], np.mean(before[1:], axis=0), rtol=1e-6)


class TestTextFree:
    def test_a_voice_that_is_not_known_is_encoded_without_a_name(self, tmp_path):
        flow = fitted(Affine, tmp_path, prior="phones", speaker_dropout=0.5)
        item = TRAIN_ITEMS["one"]
        voice = {"voice": item.globals["voice"]}
        coded, wrong = flow.apply([spectral(item, globals=voice), spectral(item, globals={**voice, "speaker": "bem"})])
        (back,) = flow.decode([latents(item, coded, globals=voice)])
        np.testing.assert_allclose(back.log_mel, item.log_mel, atol=1e-4)
        assert "the model knows no speaker 'bem'" in wrong.reason

    def test_names_are_left_out_for_their_share(self):
        import jax

        from blocks.flow.affine.net import without_names

        batch = {"lengths": np.ones(4000), "globals.speaker": np.ones(4000, int), "globals.voice": np.ones((4000, 2))}
        found = without_names(batch, 0.25, jax.random.key(0))
        assert abs(float(found["globals.speaker"].mean()) - 0.75) < 0.03
        assert found["globals.voice"] is batch["globals.voice"]

    def test_a_prior_learnt_from_phones_wants_them_for_the_likelihood_alone(self, tmp_path):
        flow = fitted(Affine, tmp_path, prior="phones")
        item = TRAIN_ITEMS["one"]
        told, free = flow.apply([spectral(item), spectral(item, phones=None, durations=None)])
        np.testing.assert_allclose(told.latent, free.latent, atol=1e-5)
        assert np.isfinite(told.nll)
        assert free.nll is None
        other = flow.apply([spectral(item, phones=("ʃ", "ʃ"))])[0]
        assert other.nll != told.nll
        (back,) = flow.decode([latents(item, free, phones=None, durations=None)])
        np.testing.assert_allclose(back.log_mel, item.log_mel, atol=1e-4)
        with pytest.raises(ValueError, match="item 0 to train on: no phones"):
            fitted(
                Affine,
                tmp_path / "none",
                {"a": TRAIN_ITEMS["one"].model_copy(update={"phones": None, "durations": None})},
                prior="phones",
            )

    def test_means_that_are_given_are_those_of_the_prior(self, tmp_path):
        flow = fitted(Affine, tmp_path, prior="given")
        item = TRAIN_ITEMS["one"]
        told, free, far = flow.apply(
            [spectral(item), spectral(item, prior_mean=None), spectral(item, prior_mean=item.prior_mean + 1)]
        )
        assert free.nll is None
        whole = len(item.log_mel) // 2 * 2  # the odd frame has a mean of 0
        more = 0.5 * ((told.latent - item.prior_mean - 1) ** 2 - (told.latent - item.prior_mean) ** 2)[:whole].sum()
        assert far.nll - told.nll == pytest.approx(more / told.latent.size, rel=1e-3)
        with pytest.raises(ValueError, match=r"no prior_mean, .* that of flow.phone_prior fits"):
            fitted(
                Affine,
                tmp_path / "none",
                {"a": TRAIN_ITEMS["one"].model_copy(update={"prior_mean": None})},
                prior="given",
            )


@pytest.fixture(scope="module")
def prior(tmp_path_factory):
    train_items = {id: spoken(item) for id, item in TRAIN_ITEMS.items()}
    settings = {name: TINY[name] for name in TINY.keys() - {"blocks", "split", "split_every"}}
    block = PhonePrior(PhonePrior.Config(**settings), SPEC)
    files = Store(tmp_path_factory.mktemp("prior") / "store").files
    train, dev = Items(list(train_items), train_items.get), Items(["one"], train_items.get)
    kept = Checkpoints(files, "fit"), Events(files, "fit", 16000, 0)
    run = LocalRun(block.config, 0, train, dev, [33, 33], *kept, length=block.length)
    block.fit(run)
    assert {"loss", "l1", "kl"} <= run.scalars.keys()
    return block


class TestPhonePrior:
    def test_frames_have_the_means_of_their_phones(self, prior):
        made, alone = prior.apply([asked("b", "a", (4, 7)), asked("b", "a", (2, 30))])
        assert isinstance(made, Prior)
        assert made.prior_mean.shape == (11, 6)
        np.testing.assert_array_equal(made.prior_mean[0], made.prior_mean[3])
        assert np.abs(made.prior_mean[3] - made.prior_mean[4]).max() > 1e-3
        np.testing.assert_allclose(alone.prior_mean[[0, 2]], made.prior_mean[[0, 4]], rtol=1e-5, atol=1e-5)

    def test_saved_and_loaded_it_is_the_same(self, prior, tmp_path):
        prior.save(tmp_path)
        again = PhonePrior(prior.config, SPEC)
        again.load(tmp_path)
        one, other = (block.apply([asked("a", "ʃ", (3, 3))])[0].prior_mean for block in (prior, again))
        np.testing.assert_array_equal(one, other)

    def test_what_cannot_be_said_is_told(self, prior):
        failure, empty = prior.apply(
            [PriorRequest(phones=("a",), durations=np.array([1, 2], "int32")), asked("a", "b", (0, 0))]
        )
        assert "2 durations for 1 phones" in failure.reason
        assert "no frame" in empty.reason

    def test_the_divergence_is_that_of_normals(self, prior):
        """Against its closed form over a grid, and 0 for N(0, 1)."""
        from blocks.flow.phone_prior.net import divergence

        at = np.linspace(-12, 12, 20001)
        for mean, log_dev in ((0.0, 0.0), (1.5, -0.7)):
            log_p = -0.5 * ((at - mean) / np.exp(log_dev)) ** 2 - log_dev
            p = np.exp(log_p) / np.sqrt(2 * np.pi)
            wanted = np.trapezoid(p * (log_p + 0.5 * at**2), at)
            assert float(divergence(mean, log_dev)) == pytest.approx(wanted, abs=1e-5)


def asked(first: str, second: str, durations: tuple[int, int]) -> PriorRequest:
    return PriorRequest(phones=(first, second), durations=np.array(durations, "int32"))


def test_snac_and_kernels_are_checked_before_any_work():
    with pytest.raises(ValueError, match="declare one, such as globals"):
        Affine.Config(snac=True)
    with pytest.raises(ValueError, match="split 3 leaves an odd number"):
        Affine.Config(split=3)
    with pytest.raises(ValueError, match="encoder_kernel 4 has no middle"):
        PhonePrior.Config(encoder_kernel=4)


@pytest.fixture(scope="module")
def flow(tmp_path_factory):
    """Trained on windows of recordings."""
    return fitted(Affine, tmp_path_factory.mktemp("windows"), phones=True, prior="given", crop_frames=14)


class TestWindows:
    def test_what_counts_frames_is_cut_out_of_the_whole(self, flow):
        """The melody stays that of the sentence, phones keep their surroundings; a recording that ends earlier is padded."""
        items, starts = list(TRAIN_ITEMS.values()), np.array([13, 25])
        whole, found = (made(2) for made in (partial(flow._padded, items, 64), partial(flow._windows, items, starts)))
        assert found["x"].shape == (2, 16, 6), "a padded length"
        np.testing.assert_array_equal(found["lengths"], [16, 8])
        for name in ("x", "frames", "owners", "prior_mean"):
            for row, start in enumerate(starts):
                np.testing.assert_array_equal(found[name][row], whole[name][row, start : start + 16], err_msg=name)
        np.testing.assert_array_equal(found["phones"], whole["phones"][:, :2])

    def test_are_drawn_anew_in_each_step(self, flow):
        part = Batch(1, ["one", "two"], list(TRAIN_ITEMS.values()), 16, 2, 1.0)
        draws = np.stack([flow._starts(part, key) for key in range(200)])
        assert set(np.unique(draws)) == set(range(33 - 16 + 1))
        np.testing.assert_array_equal(flow._starts(part, 7), flow._starts(part, 7))

    def test_whole_recordings_are_converted(self, flow):
        item = TRAIN_ITEMS["one"]
        (coded,) = flow.apply([spectral(item)])
        (same,) = flow.decode([latents(item, coded)])
        np.testing.assert_allclose(same.log_mel, item.log_mel, atol=1e-4)

    def test_a_prior_learns_from_them_too(self, tmp_path):
        said = {id: spoken(item) for id, item in TRAIN_ITEMS.items()}
        settings = {name: TINY[name] for name in TINY.keys() - {"blocks", "split", "split_every"}}
        block = fit(PhonePrior(PhonePrior.Config(**settings, crop_frames=14), SPEC), tmp_path, said)
        assert block.length(said["one"]) == 14
        (made,) = block.apply([asked("a", "b", (20, 20))])
        assert made.prior_mean.shape == (40, 6)


def test_a_minute_under_its_own_voice_comes_back(conditioned):
    """Of an odd number of frames, in float32, by weights that are far from their start."""
    minute = train_item(durations=(2400, 2401), seed=3)
    weights, rng = conditioned.variables, np.random.default_rng(0)
    rough = jax.tree.map(lambda a: a + 0.2 * rng.standard_normal(a.shape).astype(a.dtype), weights["params"])
    try:
        conditioned._use(weights | {"params": rough})
        (coded,) = conditioned.apply([spectral(minute)])
        same, other = conditioned.decode(
            [latents(minute, coded), latents(minute, coded, globals={**minute.globals, "speaker": "ben"})]
        )
    finally:
        conditioned._use(weights)
    assert np.abs(coded.latent - minute.log_mel).max() > 1
    assert np.abs(same.log_mel - minute.log_mel).max() < 1e-3
    assert np.abs(other.log_mel - minute.log_mel).max() > 1e-3


def test_a_likelihood_of_silence_has_a_bound(tmp_path):
    """At the floor of the logarithm nothing varies: what training adds keeps the likelihood below that of this noise."""
    item = train_item()
    silent = {"one": item.model_copy(update={"log_mel": np.full_like(item.log_mel, -11.5)})}
    noise = 0.05
    flow = fitted(Affine, tmp_path, silent, max_steps=40, lr=0.01, noise=noise, phones=True)
    (coded,) = flow.apply([spectral(silent["one"])])
    assert np.isfinite(coded.nll)
    assert coded.nll > np.log(noise * np.sqrt(2 * np.pi)) - 0.5, "a density above that of the noise at its peak"
    (same,) = flow.decode([latents(silent["one"], coded)])
    np.testing.assert_allclose(same.log_mel, silent["one"].log_mel, atol=1e-3)
