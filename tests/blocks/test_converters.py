"""Converters: layers beside plain NumPy, and every variant, found by its path, asked what a converter must keep."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from blocks.base import BadItem, Failure, Trainable, check_item
from blocks.common import weights
from blocks.common.conditions import Global, Stream
from blocks.common.mel import mels_below
from blocks.converter._conditioning import STATES, Conditioning
from blocks.converter._model import grown
from blocks.converter.schema import Conversion, Converted, Recorded, TrainItem
from blocks.load import find, names, restore
from blocks.spec import AudioSpec
from runner.check import check, read_graph
from runner.fit.events import curves
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.work.executor import Observer
from tests.blocks import plain_converters as plain

torch = pytest.importorskip("torch")
net = pytest.importorskip("blocks.converter._net")

SPEC = AudioSpec(n_mels=20)
VARIANTS = [name for name in names() if name.startswith("converter.") and issubclass(find(name), Trainable)]
RNG = np.random.default_rng(0)


# ---- layers ----


@pytest.fixture
def batch():
    """Two items (B, T, D) of 5 and 9 frames, noise behind the end of the first."""
    return RNG.normal(size=(2, 9, 4)), np.array([5, 9])


def test_instance_norm_takes_each_channels_level_and_spread_away(batch):
    x, lengths = batch
    mask = torch.arange(9) < torch.from_numpy(lengths)[:, None]
    found = net.instance_norm(torch.from_numpy(x), mask).numpy()
    for b, size in enumerate(lengths):
        real = x[b, :size]
        want = (real - real.mean(axis=0)) / np.sqrt(real.var(axis=0) + 1e-5)
        np.testing.assert_allclose(found[b, :size], want, rtol=1e-5, atol=1e-5)
        assert not found[b, size:].any()


def test_codes_are_what_each_way_knows_at_the_end_of_its_stretch(batch):
    states, lengths = batch
    found = net.thinned(torch.from_numpy(states), torch.from_numpy(lengths), 4).numpy()
    for b, size in enumerate(lengths):
        for s in range(-(-size // 4)):
            last = min(4 * s + 3, size - 1)
            np.testing.assert_array_equal(found[b, s], [*states[b, last, :2], *states[b, 4 * s, 2:]])
    again = net.repeated(torch.from_numpy(found), 4, 9).numpy()
    np.testing.assert_array_equal(again, found[:, [0, 0, 0, 0, 1, 1, 1, 1, 2]])


def test_a_layer_that_runs_backward_begins_at_each_items_end(batch):
    x, lengths = batch
    torch.manual_seed(0)
    layer = net.Recurrent(torch.nn.GRU, 4, 3).double()
    layer.forward = lambda x, n, own=layer: _double(own, x, n)
    found = layer(torch.from_numpy(x), torch.from_numpy(lengths)).detach().numpy()
    for b, size in enumerate(lengths):
        alone = layer.layers(torch.from_numpy(x[b : b + 1, :size]))[0][0].detach().numpy()
        np.testing.assert_allclose(found[b, :size], alone, atol=1e-12)


def _double(layer, x, lengths):
    """`Recurrent.forward` computes in float32; here its packing is looked at, in float64."""
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(layer.layers(packed)[0], batch_first=True, total_length=x.shape[1])[0]


def test_a_loss_is_the_mean_over_frames_of_the_mels_that_are_there():
    errors, band = RNG.uniform(size=(2, 5, 3)), np.array([[1, 1, 1], [1, 0, 0.0]])
    mask = np.arange(5) < np.array([3, 5])[:, None]
    found = net.over_band(*map(torch.from_numpy, (errors, band, mask)))
    want = np.concatenate([errors[0, :3].mean(axis=1), errors[1, :, 0]]).mean()
    assert float(found) == pytest.approx(want)


def test_a_phone_has_a_state_for_each_third_that_a_frame_is_in():
    config = find("converter.copycat").Config(globals={}, pitch=False)
    given, item = Conditioning.of(config, SPEC), train_item(durations=[3, 1, 7], phones=("a", "s", "a"))
    given.voices.phones.extend(("s", "a"))
    states = given.arrays([item], 12)["phones"][0]
    assert states.tolist() == [4, 5, 6, 1, 4, 4, 4, 5, 5, 6, 6, 0]
    assert STATES == 3


# ---- items ----


def train_item(frames=None, durations=None, phones=None, cls=TrainItem, **more):
    durations = np.array(durations if durations is not None else [4, 6, 5], np.int32)
    frames = frames or int(durations.sum())
    pitch = np.where(np.arange(frames) % 5 < 3, 120.0, 0.0).astype(np.float32)
    mel = RNG.normal(-5, 1, (frames, SPEC.n_mels)).astype(np.float32)
    given = {
        "log_mel": mel,
        "pitch": pitch,
        "durations": durations,
        "phones": phones or ("sil", "o", "s"),
        "source": {},
    }
    return cls(**given | more)


def taught(name, **more):
    """A train_item for this variant; a pair is a recording twice, where that is what it learns from."""
    item = train_item(**more)
    return item.model_copy(update={"target_log_mel": item.log_mel}) if name in PARALLEL else item


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"pitch": None}, ("no pitch", "wire them")),
        ({"pitch": np.ones(3, np.float32)}, None),
        ({"phones": None}, ("no phones", "wire them")),
        ({"durations": np.array([4, 6, 4], np.int32)}, ("14 frames", "15", "as many")),
        ({"source": {"speaker": "ann", "mood": "sad"}}, ("source", "'mood'", "do not declare")),
        ({"source": {}}, ("source", "no global 'speaker'")),
        ({"streams": {"style": np.ones(15, np.float32)}}, ("a stream 'style'", "do not declare")),
        ({"log_mel": np.full((15, 20), np.nan, np.float32)}, ("NaN",)),
        ({"log_mel": np.zeros((0, 20), np.float32)}, None),
    ],
)
def test_what_does_not_fit_is_refused_by_name(wrong, words):
    given = Conditioning.of(find("converter.copycat").Config(globals={"speaker": Global()}), SPEC)
    values = dict(train_item(source={"speaker": "ann"})) | wrong
    if words is None:  # axes that the schema itself compares
        with pytest.raises(ValueError, match="frames is"):
            TrainItem(**values)
        return
    with pytest.raises(BadItem) as raised:
        given.check(TrainItem(**values))
    assert all(word in str(raised.value) for word in words), raised.value


# ---- every variant ----

GRAPH = """
spec: {n_mels: 20}
seed: 1
nodes:
  said: {read: toy.sayings, config: {count: 8}}
  model:
    fit: NAME
    in:
      log_mel: said.log_mel
      pitch: said.pitch
      phones: said.phones
      durations: said.durations
      source: {speaker: said.speaker}
      speaker: said.speaker
      split: said.split
      MORE
    config: CONFIG
"""


TUNED = """
  tuned:
    fit: NAME
    init: model
    in: {log_mel: said.log_mel, pitch: said.pitch, phones: said.phones, durations: said.durations, source: {speaker: said.speaker}MORE}
    where: {said.speaker: ann}
    config: CONFIG
"""
PARALLEL = [name for name in VARIANTS if find(name).parallel]
TINY = find("converter.copycat").tiny.model_dump(mode="json", exclude_defaults=True)


def own(name, **config):
    """Those of the settings that this variant has."""
    return {key: value for key, value in config.items() if key in find(name).Config.model_fields}


def written(name, text, **config):
    """A graph of this variant; those that learn from pairs are given a recording twice."""
    more = "target_log_mel: said.log_mel" if name in PARALLEL else ""
    text = text.replace("MORE}", f", {more}}}" if more else "}").replace("MORE", more)
    return text.replace("NAME", name).replace("CONFIG", json.dumps(config))


def trained(folder, name, **config):
    tiny = find(name).tiny.model_dump(mode="json", exclude_defaults=True)
    path = folder / "graph.yaml"
    path.write_text(written(name, GRAPH, **{**tiny, "globals": {"speaker": {}}, "streams": {}, **own(name, **config)}))
    store = Store(folder / "store")
    plan = make_plan(check(read_graph(path)), store)
    outcome = LocalExecutor().run(plan, store, Observer())
    assert outcome.error is None
    digest = plan.steps["model"].digest
    return Path(store.find_artifact(digest)), curves(store.files, f"fits/{digest}")


@pytest.fixture(scope="module", params=VARIANTS)
def converter(request, tmp_path_factory):
    folder, _ = trained(tmp_path_factory.mktemp("converter"), request.param)
    return restore(folder)


def asked(durations, target="ben", **more):
    return train_item(
        durations=durations, cls=Conversion, source={"speaker": "ann"}, target={"speaker": target}, **more
    )


def test_a_mel_of_as_many_frames_comes_out_whatever_is_beside_it(converter):
    items = [asked([4, 6, 5]), asked([9, 30, 2]), asked([1, 0, 0])]
    together = converter.apply(items)
    for item, made in zip(items, together, strict=True):
        assert isinstance(made, Converted)
        assert made.log_mel.shape == item.log_mel.shape
        assert check_item(made, SPEC) is None
        (alone,) = converter.apply([item])
        np.testing.assert_allclose(made.log_mel, alone.log_mel, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("name", VARIANTS)
def test_a_network_is_that_of_numpy(name, residual):
    shape = own(name, hidden=8, every=4, codes=3, residual=residual, harmonics=residual)
    block = find(name)(find(name).Config(globals={"speaker": Global()}, **shape), SPEC)
    item = asked([4, 0, 9, 5], phones=("sil", "o", "s", "o"))
    block.conditioning = Conditioning.of(block.config, SPEC, block.parallel)
    block.conditioning.meet([taught(name, source={"speaker": who}, phones=("sil", "o", "s")) for who in ("ann", "ben")])
    torch.manual_seed(1)
    block.net = block._network()
    for buffer in (value for key, value in block.net.named_buffers() if key.endswith(("running_mean", "running_var"))):
        buffer.uniform_(0.5, 1.5)
    block.net.mel_mean.normal_(-5)
    block.net.mel_std.uniform_(1, 2)
    w = {key: value.double().numpy() for key, value in block.net.state_dict().items()}
    arrays = block.conditioning.arrays([item], 18)
    inputs = {"pitch": arrays["beside"][0]} if block.config.pitch else {}
    inputs |= {"phones": arrays["phones"][0]} if block.config.phones else {}
    inputs |= {"spec": SPEC} if shape.get("harmonics") else {}
    want = getattr(plain, name.partition(".")[2])(w, block.config, item.log_mel, source=1, target=2, **inputs)
    np.testing.assert_allclose(block.apply([item])[0].log_mel, want, rtol=1e-4, atol=1e-4)


def begun(*items):
    return SimpleNamespace(init=None, survey=lambda: items, key=lambda step, name: 0)


@pytest.mark.parametrize("name", VARIANTS)
def test_streams_of_frames_are_taken_as_they_are(name):
    streams = {"loud": Stream(scale=10.0), "style": Stream(classes=2)}
    config = find(name).Config(globals={}, pitch=False, phones=False, streams=streams, hidden=8, max_steps=2)
    given = Conditioning.of(config, SPEC, find(name).parallel)
    item = taught(
        name, streams={"loud": np.arange(15, dtype=np.float32), "style": np.repeat([0, 1, 2], 5).astype(np.float32)}
    )
    found = given.arrays([item, taught(name, streams={})], 16)["beside"]
    want = [[number / 10, number // 5 == 1, number // 5 == 2] for number in range(15)] + [[0, 0, 0]]
    np.testing.assert_allclose(found[0], want, rtol=1e-6)
    assert not found[1].any(), "a stream left out says nothing"
    with pytest.raises(BadItem, match="15 frames, but there are 20"):
        given.check(
            item.model_copy(
                update=dict.fromkeys(
                    ("log_mel", "target_log_mel")[: 1 + (name in PARALLEL)], np.zeros((20, SPEC.n_mels), np.float32)
                )
            )
        )
    with pytest.raises(ValueError, match="the settings declare loud, style, which no item to train on has"):
        find(name)(config, SPEC)._begin(begun(taught(name)))
    block = find(name)(config, SPEC)
    block._begin(begun(item))
    item = Conversion(log_mel=item.log_mel, streams=item.streams)
    one, two = block.apply([item, item.model_copy(update={"streams": {}})])
    assert np.abs(one.log_mel - two.log_mel).max() > 1e-4, "and is heard"


def test_padding_changes_nothing(converter):
    item = asked([9, 30, 2])
    with torch.inference_mode():
        short, long = (converter.net.converted(converter._tensors([item], frames)) for frames in (41, 97))
    np.testing.assert_allclose(long[:, :41], short, rtol=1e-5, atol=1e-5)


def test_the_target_changes_the_conversion(converter):
    item = asked([4, 6, 5])
    other = item.model_copy(update={"target": {"speaker": "ann"}})
    one, two = converter.apply([item, other])
    assert np.abs(one.log_mel - two.log_mel).max() > 1e-4


def test_a_voice_that_it_never_heard_is_refused_alone(converter):
    good, bad = converter.apply([asked([4, 6, 5]), asked([4, 6, 5], target="bem")])
    assert isinstance(good, Converted)
    assert isinstance(bad, Failure)
    assert "target: the model knows no speaker 'bem'; did you mean 'ben'?" in bad.reason


def test_no_items_give_no_results(converter):
    assert converter.apply([]) == []


def test_nothing_is_learned_of_what_lies_above_the_band(converter):
    band_hz = 3000.0
    name = "target_log_mel" if converter.parallel else "log_mel"
    item = train_item(source={"speaker": "ann"}, band_hz=band_hz)
    item = item.model_copy(update={name: item.log_mel})
    louder = item.log_mel.copy()
    louder[:, mels_below(SPEC, band_hz) :] += 5
    first, second, whole = (
        converter.validate([item.model_copy(update=changes)]) for changes in ({}, {name: louder}, {"band_hz": None})
    )
    assert first == pytest.approx(second, abs=1e-6)
    assert whole["loss"] != pytest.approx(first["loss"])


@pytest.mark.parametrize("name", VARIANTS)
def test_it_learns_and_goes_on_with_more_voices(name, tmp_path):
    wide = {"hidden": 32, "residual": True, "every": 2, "codes": 4}
    plain = {"max_steps": 80, "adversarial_from": None, "lr": 0.003, "val_check_interval": 80, "max_frames": 150}
    folder, lines = trained(tmp_path, name, **wide, **plain)
    losses = [line["train/loss_mel"] for line in lines if "train/loss_mel" in line]
    assert np.mean(losses[-5:]) < 0.75 * np.mean(losses[:5])
    first = restore(folder)
    more = find(name)(first.config, SPEC)
    more.conditioning = Conditioning.of(first.config, SPEC, more.parallel)
    kept, about = weights.read(folder)
    more.conditioning.read(folder, about)
    more.conditioning.meet([taught(name, source={"speaker": "cid"}, phones=("sil", "o", "m"))])
    more.net = more._network()
    more._take(grown(kept, more.net.state_dict()), "here")
    item = asked([4, 6, 5])
    np.testing.assert_allclose(more.apply([item])[0].log_mel, first.apply([item])[0].log_mel, atol=1e-5)
    assert isinstance(more.apply([asked([4, 6, 5], target="cid")])[0], Converted)


# ---- copycat ----


def test_the_divergence_of_codes_is_that_of_two_gaussians_and_counts_slowly(tmp_path):
    folder, _ = trained(tmp_path, "converter.copycat", max_steps=2, kl_steps=4)
    block = restore(folder)
    items = [train_item(source={"speaker": "ann"}), train_item(source={"speaker": "ben"}, durations=[9, 30, 2])]
    arrays = block._tensors(items, 41)
    mean, log_var = (part.detach().double().numpy() for part in block.net.codes(arrays))
    codes = [-(-15 // 4), -(-41 // 4)]
    want = sum(
        0.5 * (mean[b, :s] ** 2 + np.exp(log_var[b, :s]) - 1 - log_var[b, :s]).sum() for b, s in enumerate(codes)
    )
    numbers = block.validate(items)
    assert numbers["loss_kl"] == pytest.approx(want / 56 / SPEC.n_mels, rel=1e-4)
    each = [value for name, value in numbers.items() if name.startswith("kl_")]
    assert len(each) == 2 * block.config.codes
    assert sum(each) == pytest.approx(4 * want / 56, rel=1e-4)
    assert [block._annealed(step) for step in (1, 2, 4, 9, None)] == [0.25, 0.5, 1, 1, 1]


def test_a_recording_is_encoded_without_a_target(tmp_path):
    folder, _ = trained(tmp_path, "converter.copycat", max_steps=1, adversarial_from=None)
    block = restore(folder)
    known, strange = (
        train_item(cls=Recorded, source={"speaker": "ann"}, phones=phones)
        for phones in (("sil", "a", "m"), ("sil", "ʘ", "m"))
    )
    made, refused = block.encode([known, strange])
    assert made.frame_vectors.shape == (-(-len(known.log_mel) // block.config.every), 2 * block.config.codes)
    assert "was not trained on: 'ʘ'" in refused.reason


@pytest.mark.parametrize("name", ["converter.copycat", "converter.voice_filter"])
def test_the_last_training_is_on_the_target_alone(name, tmp_path):
    config = own(name, **TINY | {"globals": {"speaker": {}}, "streams": {}, "max_steps": 2, "adversarial_from": None})
    (tmp_path / "graph.yaml").write_text(written(name, GRAPH + TUNED, **config))
    store = Store(tmp_path / "store")
    plan = make_plan(check(read_graph(tmp_path / "graph.yaml")), store)
    outcome = LocalExecutor().run(plan, store, Observer())
    assert outcome.error is None
    first, tuned = (restore(Path(store.find_artifact(plan.steps[name].digest))) for name in ("model", "tuned"))
    assert list(tuned.conditioning.voices.names["speaker"]) == list(first.conditioning.voices.names["speaker"])
    np.testing.assert_array_equal(tuned.net.mel_mean, first.net.mel_mean)  # measured once, on all
    for key, value in first.net.named_buffers():  # statistics of batch norms among them
        np.testing.assert_array_equal(dict(tuned.net.named_buffers())[key], value)
    moved = [(a - b).abs().max() for a, b in zip(first.net.parameters(), tuned.net.parameters(), strict=True)]
    assert max(moved) > 0


@pytest.mark.parametrize("voice", ["source", "target", "none"])
def test_whose_voice_the_phones_are_conditioned_on_is_a_setting(voice, tmp_path):
    folder, _ = trained(tmp_path, "converter.copycat", max_steps=1, phone_voice=voice, adversarial_from=None)
    assert restore(folder).apply([asked([4, 6, 5])])[0].log_mel.shape == (15, 20)


# ---- the filter of voices ----


def test_a_filter_learns_from_pairs_alone():
    given = Conditioning.of(find("converter.voice_filter").Config(globals={"speaker": Global()}), SPEC, parallel=True)
    given.check(taught("converter.voice_filter", source={"speaker": "ann"}))
    with pytest.raises(BadItem, match="want the recording's mel that the log-mel goes with"):
        given.check(train_item(source={"speaker": "ann"}))


def test_a_filter_makes_of_one_mel_another(tmp_path):
    """Pairs whose second is the first turned upside down: what it learns is not to copy."""
    block = find("converter.voice_filter")
    block = block(block.Config(hidden=32, pitch=False), SPEC)
    block.conditioning = Conditioning.of(block.config, SPEC, parallel=True)
    item = train_item(durations=[20, 40, 30])
    item = item.model_copy(update={"target_log_mel": item.log_mel[:, ::-1].copy()})
    torch.manual_seed(0)
    block.net = block._network()
    block.net.mel_mean.fill_(-5)
    optimizer, losses = torch.optim.Adam(block.net.parameters(), lr=0.003), []
    block.net.train()
    for _ in range(80):
        optimizer.zero_grad()
        losses.append(block._losses(block.net, [item], 90)["loss"])
        losses[-1].backward()
        optimizer.step()
    assert float(losses[-1].detach()) < 0.5 * float(losses[0].detach())
    copied = np.abs(item.log_mel - item.target_log_mel).mean()
    block.net.eval()
    made = block.apply([train_item(cls=Conversion, log_mel=item.log_mel, pitch=None, durations=[20, 40, 30])])[
        0
    ].log_mel
    assert np.abs(made - item.target_log_mel).mean() < 0.7 * copied


def test_adapters_alone_learn_of_a_minute(tmp_path):
    folder, _ = trained(tmp_path, "converter.voice_filter")
    block = restore(folder)
    before = {name: value.clone() for name, value in block.net.state_dict().items()}
    config = block.config.model_copy(update={"adapters": 2, "adversarial_from": None})
    other = find("converter.voice_filter")(config, block.spec)
    item = taught("converter.voice_filter", source={"speaker": "ann"})
    other._begin(SimpleNamespace(init=folder, survey=lambda: [item], key=lambda step, name: 0))
    given = asked([4, 6, 5])
    other.net.eval()
    np.testing.assert_array_equal(other.apply([given])[0].log_mel, block.apply([given])[0].log_mel)
    other._freeze()
    optimizer = torch.optim.Adam(other.net.parameters(), lr=0.1)
    other._losses(other.net, [item], 15)["loss"].backward()
    optimizer.step()
    after = other.net.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert any(after[name].any() for name in after.keys() - before.keys() if ".up." in name)


def test_a_filter_is_conditioned_on_the_target_alone(tmp_path):
    folder, _ = trained(tmp_path, "converter.voice_filter")
    block = restore(folder)
    one, two = block.apply([asked([4, 6, 5]), train_item(cls=Conversion, target={"speaker": "ben"})])
    assert isinstance(one, Converted)
    assert isinstance(two, Converted)


def test_statistics_of_a_batch_count_real_frames_alone():
    from blocks.converter.voice_filter.net import Filters

    torch.manual_seed(0)
    layers, x = Filters(4, 6, 3, 0.0, True, None), torch.randn(2, 9, 4)
    mask = torch.arange(9) < torch.tensor([5, 9])[:, None]
    short = layers(x, mask)
    longer = layers(torch.cat([x, torch.randn(2, 7, 4)], 1), torch.cat([mask, torch.zeros(2, 7, dtype=bool)], 1))
    np.testing.assert_allclose(longer[:, :9].detach(), short.detach(), atol=1e-5)
    assert not short[0, 5:].any()
