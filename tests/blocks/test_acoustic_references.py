"""References of acoustic models: refused where they do not fit, silent where they are left out, heard where they are not; the bottleneck."""

import numpy as np
import pytest

from blocks.acoustic._references import Reference, References
from blocks.acoustic.schema import Controlled, Referenced, Request, TrainItem
from blocks.base import Failure
from blocks.load import find, restore
from blocks.spec import AudioSpec
from runner.conformance.trained import fit_on
from runner.store.artifact import write_manifest

torch = pytest.importorskip("torch")
net = pytest.importorskip("blocks.acoustic._reference_net")

SPEC = AudioSpec(n_mels=20)
KINDS = {
    "phones": Reference(size=2, width=6),
    "bottleneck": Reference(size=2, width=6, latent=2, kl_until=4, kl_every=2),
    "frames": Reference(kind="second_attention", size=3, width=6),
    "whole": Reference(kind="utterance", size=3, width=6, latent=2, kl_until=4, kl_every=2),
}
STRIDED = Reference(kind="utterance_conv", size=20, width=8, latent=2, kl_until=4, kl_every=2)
SMALL = {"streams": {}, "globals": {}, "max_steps": 4, "adversarial_from": None, "references": KINDS}
PHONES = ("a", "b", "c", "b", "a")


def references(seed: int = 0, frames: int = 30) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    sizes = {"phones": (len(PHONES), 2), "bottleneck": (len(PHONES), 2), "frames": (frames, 3), "whole": (frames, 3)}
    return {name: rng.standard_normal(size).astype(np.float32) for name, size in sizes.items()}


def item(seed: int) -> TrainItem:
    rng = np.random.default_rng(seed)
    return TrainItem(
        phones=PHONES, references=references(seed), log_mel=rng.standard_normal((30, 20)).astype(np.float32),
        durations=np.full(5, 6, np.int32), pitch=np.full(30, 120, np.float32), energy=rng.standard_normal(30).astype(np.float32),
    )  # fmt: skip


@pytest.fixture(scope="module", params=["acoustic.parallel", "acoustic.attention"])
def model(request, tmp_path_factory):
    cls = find(request.param)
    block = cls(cls.tiny.model_copy(update=SMALL), SPEC)
    fit_on(block, {str(n): item(n) for n in range(4)}, tmp_path_factory.mktemp("fit"))
    for encoder in block.net.references.encoders.values():  # a few steps hardly move them from nothing
        torch.nn.init.normal_(encoder.join.weight)
    return block


def said(block, **asked) -> np.ndarray | Failure:
    kind = Controlled if "parallel" in type(block).__module__ else Request
    given = {"durations": np.full(5, 6, np.int32)} if kind is Controlled else {}
    arrays = block._tensors([kind(phones=PHONES, **given, **asked)])
    with torch.inference_mode():
        return block.net.encoded(arrays)[0][0].numpy()


@pytest.mark.parametrize("name", KINDS)
def test_each_is_heard_and_what_is_left_out_says_nothing(model, name):
    none, some = said(model), said(model, references={name: references()[name]})
    other = said(model, references={name: references(1)[name]})
    assert np.abs(some - none).max() > 1e-3
    assert np.abs(some - other).max() > 1e-3
    whole = model.inputs.arrays([Request(phones=PHONES)])
    assert not whole[f"references.{name}"].any()


def test_phones_hear_their_own_and_their_neighbours_numbers_alone(model):
    given = references()["phones"]
    changed = given.copy()
    changed[0] += 5
    ours, theirs = (said(model, references={"phones": each}) for each in (given, changed))
    assert np.abs(ours - theirs)[0].max() > 1e-3
    # two layers of kernel 3 see two phones to either side
    np.testing.assert_allclose(ours[3:], theirs[3:], atol=1e-5)


@pytest.mark.parametrize("name", KINDS)
def test_padding_and_neighbours_change_nothing(model, name):
    items = [
        Request(phones=PHONES, references={name: references(0, 30)[name]}),
        Request(phones=PHONES + PHONES, references={name: np.tile(references(1, 44)[name], (2, 1))}),
    ]
    with torch.inference_mode():
        both = model.net.encoded(model._tensors(items))[0].numpy()
        alone = model.net.encoded(model._tensors(items[:1]))[0].numpy()
    np.testing.assert_allclose(both[0, :5], alone[0], atol=1e-5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"phone": np.zeros((5, 2), "f4")}, "did you mean 'phones'"),
        ({"phones": np.zeros((4, 2), "f4")}, "of 4 phones, but 5 are to be said"),
        ({"phones": np.zeros((5, 3), "f4")}, "3 numbers a phone, but the model's settings say 2"),
        ({"frames": np.zeros((9, 2), "f4")}, "2 numbers a frame, but the model's settings say 3"),
        ({"frames": np.zeros((0, 3), "f4")}, "no frames"),
        ({"whole": np.full((9, 3), np.nan, "f4")}, "NaN"),
    ],
)
def test_what_does_not_fit_is_refused(model, given, message):
    (made,) = model.apply(
        [
            Request(phones=PHONES, references=given)
            if model.wants_durations is False
            else Controlled(phones=PHONES, references=given)
        ]
    )
    assert isinstance(made, Failure)
    assert message in made.reason


def test_a_declared_one_must_be_wired(tmp_path):
    cls = find("acoustic.parallel")
    with pytest.raises(ValueError, match=r"wire references\.bottleneck"):
        fit_on(
            cls(cls.tiny.model_copy(update=SMALL), SPEC), {"0": item(0).model_copy(update={"references": {}})}, tmp_path
        )


# ---- a whole recording, heard by strided convolutions, or its latent in its place ----


@pytest.fixture(scope="module", params=["acoustic.parallel", "acoustic.attention"])
def styled(request, tmp_path_factory):
    cls = find(request.param)
    block = cls(cls.tiny.model_copy(update=SMALL | {"references": {"style": STRIDED}}), SPEC)
    fit_on(block, {str(n): recorded(n) for n in range(4)}, tmp_path_factory.mktemp("fit"))
    torch.nn.init.normal_(block.net.references.encoders["of_style"].join.weight)
    return block


def recorded(seed: int) -> TrainItem:
    return item(seed).model_copy(update={"references": {"style": item(seed).log_mel}})


def test_a_latent_in_the_place_of_a_recording_says_what_the_recording_says(styled):
    log_mel = recorded(0).log_mel
    (encoded,) = styled.encode([Referenced(reference=log_mel)])
    assert encoded.style_vector.shape == (2,)
    heard, told = (said(styled, references={"style": each}) for each in (log_mel, encoded.style_vector))
    np.testing.assert_allclose(told, heard, atol=1e-5)
    assert np.abs(heard - said(styled)).max() > 1e-3
    assert np.abs(said(styled, references={"style": encoded.style_vector + 1}) - told).max() > 1e-3


def test_a_recording_a_latent_and_none_side_by_side_are_each_as_alone(styled):
    rng = np.random.default_rng(5)
    given = [
        {"style": rng.standard_normal((170, 20)).astype("f4")},
        {"style": rng.standard_normal(2).astype("f4")},
        {},
        {"style": rng.standard_normal((9, 20)).astype("f4")},
    ]
    items = [Request(phones=PHONES, references=each) for each in given]
    with torch.inference_mode():
        together = styled.net.encoded(styled._tensors(items))[0].numpy()
        for row, each in zip(together, items, strict=True):
            np.testing.assert_allclose(row, styled.net.encoded(styled._tensors([each]))[0][0].numpy(), atol=1e-5)


def test_recordings_of_other_numbers_are_refused(styled):
    wrong = [np.zeros((9, 3), "f4"), np.zeros((0, 20), "f4"), np.zeros((9, 20), "f4")]
    few, none, good = styled.encode([Referenced(reference=each) for each in wrong])
    assert "9 frames with 3 numbers each, but the model's reference style is of 20" in few.reason
    assert "0 frames" in none.reason
    assert np.isfinite(good.style_vector).all()
    (made,) = styled.apply(
        [
            (Request if styled.wants_durations is False else Controlled)(
                phones=PHONES, references={"style": np.zeros(3, "f4")}
            )
        ]
    )
    assert "a latent of 3 numbers, but the model's is of 2" in made.reason


def test_a_model_without_such_a_bottleneck_encodes_nothing(tmp_path):
    cls = find("acoustic.parallel")
    block = cls(cls.tiny.model_copy(update=SMALL | {"references": {"frames": KINDS["frames"]}}), SPEC)
    fit_on(block, {"0": item(0).model_copy(update={"references": {"frames": references()["frames"]}})}, tmp_path)
    with pytest.raises(ValueError, match="has 0 references"):
        block.encode([Referenced(reference=item(0).log_mel)])


def test_strided_convolutions_are_those_of_the_paper():
    """Six, each halving time and channels, with 32 to 128 filters and a GRU of 128; beside the loops of NumPy."""
    encoder = net.StridedEncoder(80, 128, 3).eval()
    assert [each.out_channels for each in encoder.filters] == [32, 32, 64, 64, 128, 128]
    assert encoder.recurrent.input_size == 2 * 128
    small = net.StridedEncoder(5, 4, 3).eval()
    values = np.random.default_rng(0).standard_normal((7, 5)).astype("f4")
    x = values[None]
    for filter, norm in zip(small.filters, small.norms, strict=True):
        kernel, bias = filter.weight.numpy(force=True), filter.bias.numpy(force=True)
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        size = [(each + 1) // 2 for each in x.shape[1:]]
        y = np.zeros((len(kernel), *size))
        for t in range(size[0]):
            for f in range(size[1]):
                y[:, t, f] = (kernel * padded[None, :, 2 * t : 2 * t + 3, 2 * f : 2 * f + 3]).sum((1, 2, 3)) + bias
        mean, spread = y.mean(0), np.sqrt(y.var(0) + norm.eps)
        x = np.maximum((y - mean) / spread, 0)
    steps = torch.from_numpy(x.transpose(1, 0, 2).reshape(1, x.shape[1], -1).astype("f4"))
    with torch.inference_mode():
        wanted = small.recurrent(steps)[1][0, 0].numpy()
        found = small(torch.from_numpy(np.pad(values, ((0, 6), (0, 0)))[None]), torch.tensor([7]))[0].numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_an_artifact_says_the_same(model, tmp_path):
    model.save(tmp_path)
    name = "acoustic." + type(model).__name__.lower()
    write_manifest(tmp_path, {"block": name, "config": model.config.model_dump(mode="json"), "spec": SPEC.model_dump()})
    np.testing.assert_allclose(
        said(restore(tmp_path), references=references()), said(model, references=references()), atol=1e-6
    )


# ---- the bottleneck ----


def test_the_divergence_is_that_of_two_normals():
    """Beside torch.distributions; of a whole recording in equal parts over its phones."""
    torch.manual_seed(0)
    x, mask, lengths = torch.randn(2, 5, 8), torch.arange(5) < torch.tensor([[5], [3]]), torch.tensor([5, 3])
    for config in (Reference(size=2, width=6, latent=2), Reference(kind="utterance", size=2, width=6, latent=2)):
        encoder, values = net.ReferenceEncoder(config, 8).eval(), torch.randn(2, 5, 2)
        _, found = encoder(x, mask, values, lengths)
        there = (torch.arange(5) < lengths[:, None])[..., None]
        h = encoder.layers(encoder.into(values), there[..., 0]) * there
        if config.kind == "utterance":
            h = (h.sum(1) / lengths[:, None])[:, None]
        mean, log_std = encoder.code(h).chunk(2, 2)
        unit = torch.distributions.Normal(torch.zeros_like(mean), 1.0)
        want = torch.distributions.kl_divergence(torch.distributions.Normal(mean, log_std.exp()), unit).sum(2)
        want = want / lengths[:, None] if config.kind == "utterance" else want
        torch.testing.assert_close(found, (want * mask).float(), rtol=1e-4, atol=1e-5)


def test_its_weight_grows_and_counts_now_and_then():
    each = Reference(latent=2, kl_from=100, kl_until=200, kl_every=50)
    assert [each.counts(step) for step in (50, 100, 150, 151, 200, 1000, None)] == [0, 0, 0.5, 0, 1, 1, 0]
    with pytest.raises(ValueError, match="does not come after"):
        Reference(kl_from=5, kl_until=5)


class Begun:
    """What `fit` sees before its first batch."""

    def __init__(self, init=None):
        self.init, self.items = init, [item(0)]

    def survey(self):
        return self.items

    def key(self, step, name=""):
        return 0


def test_parts_that_are_not_named_stay_as_they_are(tmp_path):
    cls = find("acoustic.parallel")
    base = cls(cls.tiny.model_copy(update=SMALL | {"references": {}}), SPEC)
    fit_on(base, {"0": item(0).model_copy(update={"references": {}})}, tmp_path / "base").save(tmp_path)
    block = cls(cls.tiny.model_copy(update=SMALL | {"learns": ("references", "pitch")}), SPEC)
    block._begin(Begun(tmp_path))
    learning = {name.partition(".")[0] for name, each in block.net.named_parameters() if each.requires_grad}
    assert learning == {"references", "pitch"}
    with pytest.raises(ValueError, match="name one by init"):
        block._begin(Begun())
    wrong = cls(cls.tiny.model_copy(update=SMALL | {"learns": ("reference",)}), SPEC)
    with pytest.raises(ValueError, match="no part 'reference'"):
        wrong._begin(Begun(tmp_path))


def test_a_voice_that_knows_none_goes_on_with_one(tmp_path):
    """What it says is at first what it said."""
    cls = find("acoustic.parallel")
    base = cls(cls.tiny.model_copy(update=SMALL | {"references": {}}), SPEC)
    plain = {str(n): item(n).model_copy(update={"references": {}}) for n in range(2)}
    fit_on(base, plain, tmp_path / "base").save(tmp_path)
    grown = cls(cls.tiny.model_copy(update=SMALL), SPEC)

    grown._begin(Begun(tmp_path))
    grown.net.eval()
    np.testing.assert_allclose(said(grown, references=references()), said(base), atol=1e-6)


# ---- what conditions prosody alone, and several recordings heard as one ----


@pytest.mark.parametrize("name", ["acoustic.parallel", "acoustic.attention"])
def test_one_of_prosody_alone_leaves_what_the_mel_is_written_of(name, tmp_path):
    cls = find(name)
    block = cls(
        cls.tiny.model_copy(
            update=SMALL | {"references": {"style": STRIDED.model_copy(update={"conditions": "prosody"})}}
        ),
        SPEC,
    )
    fit_on(block, {str(n): recorded(n) for n in range(2)}, tmp_path)
    torch.nn.init.normal_(block.net.references.encoders["of_style"].join.weight)
    with torch.inference_mode():
        written, manner, *_ = block.net.encoded(
            block._tensors([Request(phones=PHONES, references={"style": recorded(0).log_mel})])
        )
        plain, *_ = block.net.encoded(block._tensors([Request(phones=PHONES)]))
    np.testing.assert_array_equal(written, plain)
    assert np.abs((manner - written).numpy()).max() > 1e-3


def test_recordings_of_a_group_and_of_no_other_go_on_with_each_other():
    declared = References({"style": Reference(kind="utterance", size=2, latent=2, recordings=3)})
    items = [recorded(n).model_copy(update={"references": {"style": np.full((2, 2), n, "f4")}}) for n in (1, 2)]
    beside = {"a": [items[0].references, {}], "b": [items[1].references]}
    lengths = set()
    for seed in range(20):
        for n, made in enumerate(declared.in_company(items, ["a", "b"], beside, np.random.default_rng(seed)), 1):
            assert (made.references["style"] == n).all()
            lengths.add(len(made.references["style"]))
    assert lengths == {2, 4, 6}
    assert len(items[0].references["style"]) == 2
    with pytest.raises(ValueError, match="heard as one by what hears whole ones"):
        Reference(kind="per_phone", recordings=2)
