"""`reference.dvector` and the rate that judges it: the loss beside plain NumPy, what must not name a voice, its training."""

from pathlib import Path

import numpy as np
import pytest
import soxr

from blocks.base import Failure
from blocks.common.mel import decibels, log_mel, mels_below
from blocks.load import find, restore
from blocks.metric.equal_error_rate import Config, EqualErrorRate, Trial
from blocks.reference.schema import Recorded
from blocks.spec import AudioSpec, preset
from runner.check import check, read_graph
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.work.executor import Observer
from tests.blocks.signals import speechlike, tone

torch = pytest.importorskip("torch")
net = pytest.importorskip("blocks.reference.dvector.net")

Dvector = find("reference.dvector")
SPEC = AudioSpec()


@pytest.fixture(scope="module")
def encoder():
    block = Dvector(Dvector.Config(size=16, hidden=16, layers=1), SPEC)
    torch.manual_seed(0)
    block.net = block._network()
    return block


def embed(block, *waves):
    return [found.embedding for found in block.apply([Recorded(wave=wave.astype(np.float32)) for wave in waves])]


# ---- the loss ----


def test_a_vector_is_compared_with_the_others_of_its_voice_alone():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(3, 4, 5))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    found, right = net.ge2e(torch.from_numpy(vectors), torch.tensor([10.0]), torch.tensor([-5.0]))
    want = np.zeros((12, 3))
    for voice in range(3):
        for recording in range(4):
            for other in range(3):
                kept = [r for r in range(4) if other != voice or r != recording]
                centroid = vectors[other, kept].mean(axis=0)
                cosine = vectors[voice, recording] @ centroid / np.linalg.norm(centroid)
                want[4 * voice + recording, other] = 10 * cosine - 5
    np.testing.assert_allclose(found.numpy(), want, rtol=1e-6, atol=1e-6)
    assert right.tolist() == [0] * 4 + [1] * 4 + [2] * 4


# ---- what must not name a voice ----


def test_vectors_have_unit_length_and_do_not_depend_on_neighbours(encoder):
    waves = [tone(120, 0.6, SPEC), speechlike(SPEC, 3.1)]
    together = embed(encoder, *waves)
    for vector, wave in zip(together, waves, strict=True):
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
        np.testing.assert_array_equal(vector, embed(encoder, wave)[0])


def test_neither_level_nor_what_lies_above_its_band_is_heard(encoder):
    wave = speechlike(SPEC, 1.0)
    (vector,), (quiet,) = embed(encoder, wave), embed(encoder, 0.2 * wave)
    np.testing.assert_allclose(quiet, vector, atol=1e-4)
    narrow = soxr.resample(soxr.resample(wave, 16000, 8400), 8400, 16000)[: len(wave)]
    heard, still = (encoder._levels(log_mel(one.astype(np.float32), SPEC)) for one in (wave, narrow))
    assert heard.shape[1] == mels_below(SPEC, 4000) < SPEC.n_mels
    assert np.abs(heard[4:-4] - still[4:-4]).mean() < 0.1


@pytest.mark.parametrize("name", ["vox_16k", "univoc_16k", "vocos_24k"])
def test_levels_are_decibels_in_every_spec(name):
    spec = preset(name).model_copy(update={"log_min": None, "log_max": None})
    wave = speechlike(spec, 0.5)
    loud, quiet = (decibels(log_mel((gain * wave).astype(np.float32), spec), spec) for gain in (1.0, 0.1))
    bright = loud > loud.max() - 20
    np.testing.assert_allclose((loud - quiet)[bright], 20, atol=0.1)


def test_only_mels_wholly_below_are_counted():
    from blocks.common.mel import mel_filters

    count = mels_below(SPEC, 4000)
    above = np.arange(SPEC.n_fft // 2 + 1) * SPEC.sample_rate / SPEC.n_fft > 4000
    assert mel_filters(SPEC)[above, :count].max() == 0
    assert mel_filters(SPEC)[above, count].max() > 0
    assert mels_below(SPEC, 8000) == SPEC.n_mels


@pytest.mark.parametrize(
    ("wave", "message"),
    [(np.full(7900, 0.1), "0.49 s long, want at least 0.5 s"), (np.zeros(16000), "digital silence")],
)
def test_what_holds_no_voice_is_answered_with_a_reason(encoder, wave, message):
    good, bad = encoder.apply([Recorded(wave=tone(120, 1.0, SPEC)), Recorded(wave=wave.astype(np.float32))])
    assert isinstance(bad, Failure)
    assert message in bad.reason
    assert good.embedding.shape == (16,)


# ---- training ----

GRAPH = """
seed: 1
nodes:
  tone: {read: toy.tones, config: {count: 24, seconds: 0.4}}
  mel: {map: features.log_mel, in: {wave: tone.wave}}
  model: {fit: reference.dvector, in: {log_mel: mel.log_mel, speaker: tone.speaker, split: tone.split}, config: CONFIG}
"""
SMALL = {"size": 8, "hidden": 8, "layers": 1, "voices": 2, "recordings": 3, "shortest": 0.2, "longest": 0.3}


def trained(folder, **config):
    path = folder / "graph.yaml"
    path.write_text(GRAPH.replace("CONFIG", str({**SMALL, **config}).replace("'", "")))
    store = Store(folder / "store")
    plan = make_plan(check(read_graph(path)), store)
    return plan, store, LocalExecutor().run(plan, store, Observer())


def test_it_trains_and_its_artifact_says_the_same(tmp_path):
    plan, store, outcome = trained(tmp_path, max_steps=30, val_check_interval=10)
    assert outcome.error is None
    folder = Path(store.find_artifact(plan.steps["model"].digest))
    (one,), (again,) = (embed(restore(folder), tone(140, 0.6, SPEC)) for _ in range(2))
    np.testing.assert_array_equal(one, again)


def test_too_few_voices_are_told(tmp_path):
    _, _, outcome = trained(tmp_path, max_steps=1, voices=5)
    assert "2 of 2 voices have 3 recordings, want 5 such voices" in str(outcome.error)


def test_what_a_step_draws_by_itself_cannot_be_asked_for():
    for name, value in (("balance", 0.5), ("accumulate", 2), ("max_items", 8)):
        with pytest.raises(ValueError, match=name):
            Dvector.Config(**{name: value})


# ---- the error rate ----


def trials(*pairs):
    made = []
    for degrees, speaker in pairs:
        angle = np.deg2rad(degrees)
        made.append(Trial(embedding=np.array([np.cos(angle), np.sin(angle)], np.float32), speaker=speaker))
    return made


def rate(*pairs):
    return EqualErrorRate(Config(), SPEC).reduce(trials(*pairs))


def test_voices_apart_are_never_confused():
    found = rate((0, "a"), (5, "a"), (90, "b"), (95, "b"))
    assert found.equal_error_rate == 0
    assert found.voices == 2
    assert found.same == pytest.approx(np.cos(np.deg2rad(5)), abs=1e-6)


def test_the_rate_is_that_of_counting():
    rng = np.random.default_rng(0)
    items = [(30 * voice + 25 * rng.standard_normal(), "abc"[voice]) for voice in range(3) for _ in range(20)]
    found = rate(*items)
    vectors = np.stack([item.embedding for item in trials(*items)])
    pairs = [(i, j) for i in range(60) for j in range(i)]
    same = np.array([items[i][1] == items[j][1] for i, j in pairs])
    scores = np.array([vectors[i] @ vectors[j] for i, j in pairs])
    missed = np.mean(scores[same] < found.threshold)  # voices are of one size here: weights do not matter
    taken = np.mean(scores[~same] >= found.threshold)
    assert found.equal_error_rate == pytest.approx(50 * (missed + taken), abs=0.2)
    assert abs(missed - taken) < 0.02


def test_every_voice_counts_alike():
    few = [(0, "a"), (1, "a"), (90, "b"), (91, "b")]
    mixed = [*few, (45, "c"), (120, "c")]
    many = [*few * 4, (45, "c"), (120, "c")]
    assert rate(*mixed).same == pytest.approx(rate(*many).same, abs=1e-3)


def test_one_voice_is_refused():
    with pytest.raises(ValueError, match="want two voices"):
        rate((0, "a"), (5, "a"))
