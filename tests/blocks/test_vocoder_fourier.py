"""`vocoder.fourier`: the formulas of plain NumPy, streams equal to the whole, few shapes, and a training that goes on."""

import functools

import numpy as np
import pytest

from blocks.base import BadItem
from blocks.load import find
from blocks.spec import AudioSpec
from blocks.training import bucket
from blocks.vocoder.schema import Spectral
from runner.check import check, read_graph
from runner.fit.events import curves
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.work.executor import Observer
from tests.blocks import plain_fourier

jax = pytest.importorskip("jax")
net = pytest.importorskip("blocks.vocoder.fourier.net")
source = pytest.importorskip("blocks.vocoder.fourier.source")
stft = pytest.importorskip("blocks.vocoder._stft")
losses = pytest.importorskip("blocks.vocoder._losses")
discriminators = pytest.importorskip("blocks.vocoder._discriminators")

Fourier = find("vocoder.fourier")
# Rounding of a pitch adds up over frames, and the highest harmonics make a hundred times as much of it. These mels' pitch leaps.
DRIFT = 2e-4
SPECS = {
    "same": AudioSpec(n_mels=20),
    "center": AudioSpec(n_mels=20, padding="center", preemphasis=0.97),
    "none": AudioSpec(n_mels=20, padding="none"),
}


def mels(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(-4, 2, (frames, 20)).astype(np.float32)


@functools.cache
def block(padding: str = "same", well: bool = False):
    """A vocoder whose weights are far from their start, where it would whisper; one apart for what is compiled well, as in use."""
    made = Fourier(Fourier.tiny, SPECS[padding])
    rng = np.random.default_rng(1)
    made._params = jax.tree.map(lambda a: (0.3 * rng.standard_normal(a.shape)).astype(np.float32), made._wanted)
    made._scale = np.array([-4.0, 2.0], np.float32)
    return made


def spoken(made, mel: np.ndarray) -> np.ndarray:
    return made.apply([Spectral(log_mel=mel)])[0].wave


@pytest.mark.parametrize("frames", [1, 5, 40])
def test_it_follows_its_formulas(frames, optimised):
    made, mel = block(well=True), mels(frames)
    config = made.config
    length = np.array([frames], np.int32)
    told, _ = net.predict(made._generator, {"params": made._params}, mel[None], length, made._analysis)
    pitch = np.asarray(net.predicted_pitch(told))[0]
    how = made.spec, 800, config.rounds, source.noise_table(200)
    want, plain_pitch = plain_fourier.speak(mel, made._scale, made._params, config.layers, *how, pitch.astype(float))
    np.testing.assert_allclose(pitch, plain_pitch, rtol=1e-5)
    found = made._compiled(made._params, mel[None], length, source.Start.zero(1))[0][0]
    assert np.abs(want).max() > 0.05
    np.testing.assert_allclose(found, want, atol=DRIFT * frames)


@pytest.mark.parametrize("padding", SPECS)
@pytest.mark.parametrize("frames", [1, 2, 37, 130])
def test_it_says_as_many_samples_as_the_spec_asks_for(padding, frames):
    assert len(spoken(block(padding), mels(frames))) == SPECS[padding].samples(frames)


def test_a_pulse_comes_out_where_it_went_in():
    """Frames, hops and samples mean the same here as in the analysis: exact spectra give back the recording."""
    spec = SPECS["same"]
    wave = np.zeros((1, 4000), np.float32)
    wave[0, [310, 2000, 3990]] = 1, -0.5, 0.25
    found = stft.transform(wave, 800, spec.hop_length)
    again = stft.inverse(found, np.ones((1, 20, 1), np.float32), spec.hop_length)
    np.testing.assert_allclose(again, wave, atol=1e-5)


@pytest.mark.parametrize("padding", SPECS)
@pytest.mark.parametrize("sizes", [(40,), (1, 2, 3, 4, 5, 25), (17, 0, 23), (39, 1)])
def test_a_stream_says_what_the_whole_would(padding, sizes, optimised):
    made, mel = block(padding, well=True), mels(sum(sizes))
    ends = np.cumsum(sizes)
    parts = list(made.stream(mel[end - size : end] for size, end in zip(sizes, ends, strict=True)))
    np.testing.assert_allclose(np.concatenate(parts), spoken(made, mel), atol=DRIFT * 40)


def test_a_stream_lags_no_more_than_its_look_ahead():
    made, mel = block(), mels(90)
    said, got = 0, []
    for frames, wave in zip(range(30, 91, 30), made.stream(mel[at : at + 30] for at in (0, 30, 60)), strict=False):
        said += len(wave)
        got.append(frames * 200 - said)
    assert got == [made.lookahead * 200] * 3


def test_long_mels_go_piece_by_piece(monkeypatch):
    monkeypatch.setattr("blocks.vocoder._neural.LONGEST", 50)
    made = Fourier(Fourier.tiny, SPECS["same"])
    made._params, made._scale = block()._params, block()._scale
    sizes = set()
    compiled = made._compiled
    made._compiled = lambda params, mel, *given: sizes.add(mel.shape[1]) or compiled(params, mel, *given)
    mel = mels(430)
    found = spoken(made, mel)
    assert max(sizes) <= bucket(50 + 2 * made.lookahead)
    monkeypatch.undo()
    np.testing.assert_allclose(found, spoken(block(), mel), atol=DRIFT * 430)


def test_neighbours_and_padding_do_not_matter(optimised):
    made = block(well=True)
    batch = np.zeros((2, 48, 20), np.float32)
    batch[0, :30], batch[0, 30:], batch[1] = mels(30), 9.0, mels(48, 1)
    together = np.asarray(made._compiled(made._params, batch, np.array([30, 48], np.int32), source.Start.zero(2))[0])
    np.testing.assert_allclose(together[0, : 30 * 200].clip(-1, 1), spoken(made, mels(30)), atol=DRIFT * 30)
    assert not together[0, 30 * 200 + 300 :].any()


def test_what_breaks_vocoders_gets_an_answer():
    made = block()
    with pytest.raises(BadItem, match="no frames"):
        spoken(made, mels(0))
    with pytest.raises(BadItem, match="7 mels, but the audio spec says n_mels 20"):
        spoken(made, np.zeros((3, 7), np.float32))
    with pytest.raises(BadItem, match="1 of 60 mel values are NaN"):
        spoken(made, np.where(np.arange(60).reshape(3, 20) == 7, np.nan, mels(3)).astype(np.float32))
    with pytest.raises(ValueError, match="no weights yet"):
        Fourier(Fourier.tiny, SPECS["same"]).apply([Spectral(log_mel=mels(3))])
    with pytest.raises(BadItem, match="no audio is so loud"):
        spoken(made, np.full((9, 20), 1e4, np.float32))
    for strange in (np.full((9, 20), -1e4), np.full((9, 20), 30.0), np.full((9, 20), np.log(1e-5))):
        assert np.abs(spoken(made, strange.astype(np.float32))).max() <= 1


def test_spectra_are_those_of_numpy():
    wave = np.random.default_rng(0).normal(0, 0.1, (2, 1000)).astype(np.float32)
    found = np.asarray(stft.transform(wave, 128, 32))
    padded = np.pad(wave, ((0, 0), (48, 128)))
    window = np.hanning(129)[:-1]
    for t in (0, 1, 13, 30):
        want = np.fft.rfft(padded[:, t * 32 : t * 32 + 128] * window)
        np.testing.assert_allclose(found[:, t], want, atol=1e-5)
    assert not np.asarray(losses.spectral(wave, wave, 16000)).any()
    louder = np.asarray(losses.spectral(10 * wave, wave, 16000))
    np.testing.assert_allclose(louder, 1.0, atol=0.05)  # a factor of ten is one in base 10


def test_discriminators_fold_without_loss():
    x = np.arange(2 * 7 * 3, dtype=np.float32).reshape(2, 7, 3)
    folded = np.asarray(discriminators.fold(x, 3))
    assert folded.shape == (2, 3, 9)
    np.testing.assert_array_equal(folded[1, 1], x[1, 3:6].ravel())
    assert not folded[:, 2, 3:].any()
    beside = np.asarray(discriminators.beside(x))
    np.testing.assert_array_equal(beside[0, 2], x[0, 1:4].ravel())


GRAPH = """
about: a vocoder of tones
spec: {n_mels: 20}
seed: 3
nodes:
  tone: {read: toy.tones, config: {count: 12, seconds: 0.4}}
  mel: {map: features.log_mel, in: {wave: tone.wave}}
  pitch: {map: features.pitch, in: {wave: tone.wave}}
  spectral:
    fit: vocoder.fourier
    in: &train {log_mel: mel.log_mel, wave: tone.wave, pitch: pitch.pitch, speaker: tone.speaker, split: tone.split}
    config: &config
      {hidden: 16, wide: 32, layers: 1, rounds: 2, training_rounds: 1, crop: 8, max_frames: 32, max_steps: 60, warmup_steps: 5, lr: 3.0e-3, ema: 0.5,
       discriminator_width: 2, periods: [2], resolutions: [512], balance: 1, val_check_interval: 30, checkpoint_interval: 30}
  voice:
    fit: vocoder.fourier
    init: spectral
    in: *train
    config: {<<: *config, adversarial_from: 2, max_steps: 3, accumulate: 2}
  again: {map: vocoder.fourier, model: voice, in: {log_mel: mel.log_mel}}
"""


def test_it_learns_on_spectra_then_against_discriminators(tmp_path):
    path = tmp_path / "graph.yaml"
    path.write_text(GRAPH)
    store = Store(tmp_path / "store")
    plan = make_plan(check(read_graph(path)), store)
    outcome = LocalExecutor().run(plan, store, Observer())
    assert outcome.error is None
    digests = {name: step.digest for name, step in plan.steps.items()}
    first, second = (curves(store.files, f"fits/{digests[name]}") for name in ("spectral", "voice"))
    half, whole = (line["val/loss"] for line in first if "val/loss" in line)
    assert whole < half
    assert [line["step"] for line in second if "train/loss_discriminator" in line] == [2, 3]
    (after,) = (line["val/loss"] for line in second if "val/loss" in line)
    assert after < half, "it went on from the first training's weights"
    table = store.find_table(digests["again"])
    assert {len(row["wave"]) for row in table.rows()} == {6400}
