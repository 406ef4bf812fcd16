"""The second judge of voices: its layers beside NumPy, what it learns of made voices, and what its weights keep."""

import shutil

import numpy as np
import pytest

from blocks.base import BadItem
from blocks.common import weights
from blocks.reference import ecapa
from blocks.reference.ecapa import EcapaTdnn, TrainItem
from blocks.reference.schema import Recorded
from blocks.spec import AudioSpec
from runner.fit.checkpoints import Checkpoints
from runner.fit.events import Events, curves
from runner.fit.local_run import Items, LocalRun
from runner.store import Store

torch = pytest.importorskip("torch")
net = pytest.importorskip("blocks.reference.ecapa.net")

SPEC = AudioSpec()


def voice(formant, hz, seconds=1.0, seed=0, rate=16000):
    """A buzz with one formant of its own and noise; the pitch differs from clip to clip."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(hz * (1 + 0.1 * np.sin(2 * np.pi * 3 * t + rng.uniform(0, 6)))) / rate
    wave = sum(np.exp(-(((k * hz - formant) / 300) ** 2)) * np.sin(k * phase) for k in range(1, 40))
    return (0.3 * wave / np.abs(wave).max() + 0.003 * rng.standard_normal(len(t))).astype(np.float32)


# ---- layers ----


def test_the_margin_is_added_to_the_angle_of_the_right_voice():
    rng = np.random.default_rng(0)
    cosines, voices = rng.uniform(-0.95, 0.95, (4, 5)), np.array([0, 4, 2, 2])
    moved = cosines.copy()
    moved[np.arange(4), voices] = np.cos(np.minimum(np.arccos(moved[np.arange(4), voices]) + 0.2, np.pi))
    logits = 30 * moved
    wanted = np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(4), voices])
    loss = net.margin_loss(torch.tensor(cosines), torch.tensor(voices), 0.2, 30.0)
    assert float(loss) == pytest.approx(wanted, rel=1e-9)
    plain = torch.nn.functional.cross_entropy(30 * torch.tensor(cosines), torch.tensor(voices))
    assert float(net.margin_loss(torch.tensor(cosines), torch.tensor(voices), 0.0, 30.0)) == pytest.approx(float(plain))


def test_the_pool_is_a_weighted_mean_and_deviation():
    torch.manual_seed(0)
    pool = net.Pool(3, 4).double()
    x = np.random.default_rng(1).standard_normal((3, 7))
    whole = np.concatenate([x, *(np.tile(m[:, None], 7) for m in (x.mean(1), np.sqrt(x.var(1) + 1e-5)))])
    w1, b1, w2, b2 = (p.detach().numpy().squeeze() for p in pool.parameters())
    scores = w2 @ np.tanh(w1 @ whole + b1[:, None]) + b2[:, None]
    weights = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    mean = (weights * x).sum(1)
    deviation = np.sqrt((weights * (x - mean[:, None]) ** 2).sum(1) + 1e-5)
    found = pool(torch.tensor(x)[None])[0].detach().numpy()
    np.testing.assert_allclose(found, np.concatenate([mean, deviation]), rtol=1e-9)


def test_groups_of_channels_hear_those_before_them_alone():
    torch.manual_seed(0)
    layer = net.Res2(8, 3, 2, 4)
    x = torch.randn(1, 8, 20, requires_grad=True)
    made = layer(x)
    assert torch.equal(made[:, :2], x[:, :2])
    (slope,) = torch.autograd.grad(made[:, 4:6].square().sum(), x)
    heard = slope.abs().sum((0, 2)) > 0
    assert heard.tolist() == [False] * 2 + [True] * 4 + [False] * 2


# ---- what is heard ----


def test_level_and_a_constant_colour_of_the_sound_do_not_count():
    wave = voice(900, 120)
    mel = ecapa.features(wave)
    np.testing.assert_allclose(ecapa.features(0.05 * wave), mel, atol=1e-3)
    assert abs(mel.mean(axis=0)).max() < 1e-4
    assert np.ptp(mel) <= ecapa.RANGE * 2


def test_a_piece_is_as_long_as_asked_at_any_rate_speed_and_length():
    for rate in (16000, 22050):
        block = EcapaTdnn(EcapaTdnn.tiny, AudioSpec(sample_rate=rate))
        for samples in (300, 6400, 40000):
            for speed in ecapa.SPEEDS:
                piece = block._piece(np.ones(samples, np.float32), np.random.default_rng(0), speed)
                assert len(piece) == 40 * 160


def test_a_faster_piece_is_higher():
    block = EcapaTdnn(EcapaTdnn.tiny, SPEC)
    tone = np.sin(2 * np.pi * 500 * np.arange(32000) / 16000).astype(np.float32)
    for speed in ecapa.SPEEDS:
        spectrum = np.abs(np.fft.rfft(block._piece(tone, None, speed)))
        assert np.argmax(spectrum) * 16000 / 6400 == pytest.approx(500 * speed, abs=5)


def test_what_is_hidden_is_as_the_mean():
    rng = np.random.default_rng(0)
    narrow = 0
    for _ in range(60):
        mel = ecapa._hidden(np.ones((40, 80), np.float32), rng)
        assert set(np.unique(mel)) <= {0, 1}
        assert mel.sum() > 1000
        narrow += not mel[:, -1].any()
    assert 15 < narrow < 45


# ---- training ----


FORMANTS = {"ann": 500, "ben": 1200, "cat": 2600}


def take(speaker, take):
    return TrainItem(wave=voice(FORMANTS[speaker], 90 + 17 * take, 0.7 + 0.1 * take, take), speaker=speaker)


def fitted(folder, items, init=None, **settings):
    config = EcapaTdnn.Config(**{**dict(EcapaTdnn.tiny), "channels": 16, "embedding": 16, **settings})
    named, files = {f"u{n}": item for n, item in enumerate(items)}, Store(folder / "store").files
    block, events = EcapaTdnn(config, SPEC), Events(files, "fit", SPEC.sample_rate, 0)
    run = LocalRun(
        config, 0, Items(list(named), named.__getitem__), Items(["dev"], lambda id: items[0]),
        [block.length(item) for item in items], Checkpoints(files, "fit"), events, init, block.length,
    )  # fmt: skip
    try:
        block.fit(run)
    finally:
        events.close()
    block.save(folder)
    return block, [line for line in curves(files, "fit") if "train/loss" in line]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judge")
    items = [take(speaker, n) for n in range(4) for speaker in FORMANTS]
    return *fitted(folder, items, max_steps=60, max_items=12, lr=5e-3, warmup_steps=5), folder


def embed(block, *waves):
    return [made.embedding for made in block.apply([Recorded(wave=wave) for wave in waves])]


def test_voices_are_told_apart_by_takes_that_were_not_trained_on(trained):
    block, told, _ = trained
    assert told[-1]["train/loss"] < told[0]["train/loss"] / 2
    vectors = {name: embed(block, voice(hz, 131, 0.9, 8), voice(hz, 97, 1.3, 9)) for name, hz in FORMANTS.items()}
    for name, (one, again) in vectors.items():
        others = [one @ other for found in vectors if found != name for other in vectors[found]]
        assert one @ again > max(others) + 0.1


def test_vectors_have_unit_length_and_those_together_equal_each_alone(trained):
    waves = [voice(500, 120, 0.6), voice(1200, 100, 1.7)]
    together = embed(trained[0], *waves)
    for wave, vector in zip(waves, together):
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
        np.testing.assert_array_equal(vector, embed(trained[0], wave)[0])


def test_weights_say_the_same_when_they_are_read_again_and_as_halves(trained, tmp_path):
    block, _, folder = trained
    again = EcapaTdnn(block.config, SPEC)
    again.load(folder)
    (one,), (other,) = (embed(each, voice(900, 110)) for each in (block, again))
    np.testing.assert_array_equal(one, other)
    found, about = weights.read(folder)
    weights.write(tmp_path, {name: value.astype(np.float16) for name, value in found.items()}, about)
    shutil.copy(folder / "symbols.json", tmp_path)
    again.load(tmp_path)
    assert one @ embed(again, voice(900, 110))[0] > 0.999


def test_a_training_that_starts_from_another_knows_its_voices_first(trained, tmp_path):
    block, _, folder = trained
    dan = [TrainItem(wave=voice(1800, 100, 0.8, n), speaker="dan") for n in range(2)]
    more, _ = fitted(tmp_path, dan, init=folder, max_steps=1, lr=1e-6)
    assert list(more.voices) == [*FORMANTS, "dan"]
    count = len(FORMANTS) * len(ecapa.SPEEDS)
    kept, was = (each.classes.directions[:count].detach() for each in (more, block))
    assert torch.allclose(kept, was, atol=1e-4)
    assert len(more.classes.directions) == count + len(ecapa.SPEEDS)


@pytest.mark.parametrize(
    ("wave", "message"), [(np.zeros(16000), "digital silence"), (np.full(100, 0.1), "want at least 0.01 s")]
)
def test_what_holds_no_voice_is_refused(trained, wave, message):
    with pytest.raises(BadItem, match=message):
        embed(trained[0], wave.astype(np.float32))


def test_channels_must_part_into_groups():
    with pytest.raises(ValueError, match="channels 12 do not part into 8 groups"):
        EcapaTdnn.Config(channels=12)
