"""What `vocoder.fourier` shapes: harmonics and noise beside plain NumPy, going on where they were, brought to a mel."""

from types import SimpleNamespace

import numpy as np
import pytest

from blocks.common.mel import log_mel
from blocks.load import find
from blocks.spec import AudioSpec
from blocks.vocoder.schema import TrainItem
from tests.blocks import plain_fourier
from tests.blocks.signals import speechlike

jax = pytest.importorskip("jax")
net = pytest.importorskip("blocks.vocoder.fourier.net")
source = pytest.importorskip("blocks.vocoder.fourier.source")
losses = pytest.importorskip("blocks.vocoder.fourier.losses")

Fourier = find("vocoder.fourier")
HOP, RATE = 200, 16000
PITCH = np.array([[90, 120, 160, 150, 333, 250, 100, 100]], np.float32)
ZERO = source.Start.zero(1)


def harmonics(pitch, start=ZERO):
    return [np.asarray(one)[0] for one in source.harmonics(pitch, start, HOP, RATE)]


def test_harmonics_are_those_of_numpy():
    wave, _ = harmonics(PITCH)
    np.testing.assert_allclose(wave, plain_fourier.harmonics(PITCH[0].astype(float), HOP, RATE), atol=2e-3)
    assert np.mean(wave**2) == pytest.approx(1, rel=0.1)


def test_a_steady_pitch_has_its_multiples_and_nothing_between():
    wave, _ = harmonics(np.full((1, 80), 200, np.float32))
    power = np.abs(np.fft.rfft(wave)) ** 2
    lines = power.reshape(-1)[: 40 * 200].reshape(40, 200)  # a line of the spectrum each Hz
    assert (lines[1:39, 0] > 1e6 * lines[1:39, 50:150].max(1)).all()


def test_a_piece_goes_on_where_the_one_before_was():
    """From frame 3, whose phase is known, though the piece begins at frame 2."""
    whole, begins = harmonics(PITCH)
    start = source.Start(*np.array([[2], [1]], np.int32), begins[3:4])
    piece, again = harmonics(PITCH[:, 2:], start)
    np.testing.assert_array_equal(again[1:], begins[3:])
    np.testing.assert_allclose(piece[HOP:], whole[3 * HOP :], atol=1e-6)


def test_noise_is_that_of_the_frame_and_comes_again():
    first = np.asarray(source.noise(ZERO, 5, HOP))[0]
    for frame in (2, 2 + source.NOISE):
        later = source.noise(source.Start(*np.array([[frame], [0]], np.int32), np.zeros(1, np.uint32)), 3, HOP)
        np.testing.assert_array_equal(np.asarray(later)[0], first[2 * HOP :])
    assert np.std(source.noise_table(HOP)) == pytest.approx(1, rel=0.01)


@pytest.mark.parametrize(
    "spec", [AudioSpec(n_fft=800), AudioSpec(power=2, n_fft=800), AudioSpec(log_floor_mode="add", n_fft=800)]
)
def test_a_source_is_brought_to_the_mel_and_keeps_its_detail(spec):
    mel = log_mel(speechlike(spec, seconds=0.5), spec)[None]
    comb = np.where(np.arange(401) % 3 == 0, 1.0, 1e-3).astype(np.float32)
    comb = np.broadcast_to(comb, (1, mel.shape[1], 401))
    sound = shaping(spec)
    found = np.asarray(sound.magnitude(mel, comb, comb))[0]
    brought, meant = found**spec.power @ sound.filters[0], np.asarray(sound._mel_power(mel))[0]
    assert np.median(np.abs(brought / meant - 1)[meant > 0.01 * meant.max()]) < 0.05
    assert np.median(found[:, 90:180:3] / found[:, 91:181:3]) > 300


def test_a_transform_with_other_bins_than_the_spec_gets_what_lies_between():
    sound, mel = shaping(AudioSpec()), np.full((1, 2, 80), -3.0, np.float32)
    wide = np.ones((1, 2, 513), np.float32)
    found = np.asarray(sound.magnitude(mel, np.ones((1, 2, 401), np.float32), wide))
    exact = np.asarray(shaping(AudioSpec(n_fft=1024, win_length=1024)).magnitude(mel, wide, wide))
    np.testing.assert_allclose(found[0, 0, ::25], exact[0, 0, ::32], rtol=1e-5)


def shaping(spec: AudioSpec):
    block = Fourier(Fourier.tiny, spec)
    block._scale = np.zeros(2)
    return block._analysis


@pytest.mark.parametrize("hertz", [95.0, 180.0, 333.0])
def test_the_likeliest_pitch_is_the_one_that_sounds(hertz):
    spec = AudioSpec()
    time = np.arange(8000) / spec.sample_rate
    wave = sum(np.cos(2 * np.pi * k * hertz * time) for k in range(1, int(8000 / hertz)))
    mel = log_mel((0.01 * wave).astype(np.float32), spec)
    like = np.asarray(shaping(spec).likeness(mel[None]))
    np.testing.assert_allclose(like[0, 5:8], plain_fourier.likeness(mel[5:8], spec), atol=1e-4)
    told = net.Predicted(None, None, net.SURE * like, None)
    cents = 1200 * np.log2(np.asarray(net.predicted_pitch(told))[0, 5:-5] / hertz)
    assert np.abs(cents).max() < 35


def test_the_voice_is_judged_by_the_pitches_about_the_true_one():
    true = np.array([[200.0, 0, 100, 100]], np.float32)
    sharp = -np.square(np.arange(192) - 48 * np.log2(np.array([200, 77, 100, 60])[:, None] / 50))[None] / 2
    voiced = np.array([[20.0, -20, 20, 9]], np.float32)
    (best,) = np.asarray(losses.voice(sharp, voiced, true, np.array([3])))
    entropy = 0.5 * np.log(2 * np.pi * np.e)  # of a normal distribution of deviation 1, twice among three frames
    assert best == pytest.approx(2 * entropy / 3, rel=1e-3)
    (higher,) = np.asarray(losses.voice(np.roll(sharp, 2, axis=2), voiced, true, np.array([3])))
    assert higher == pytest.approx(best + 2 * 2 / 3, rel=1e-3)
    (unsure,) = np.asarray(losses.voice(sharp, -voiced, true, np.array([3])))
    assert unsure == pytest.approx(best + 20, rel=1e-3)


def test_a_training_without_pitch_says_what_to_wire():
    item = TrainItem(log_mel=np.zeros((4, 80), np.float32), wave=np.zeros(800, np.float32))
    with pytest.raises(ValueError, match=r"item 0 to train on has no pitch, want that of features\.pitch: wire pitch"):
        Fourier(Fourier.tiny, AudioSpec()).fit(SimpleNamespace(survey=lambda: [item]))
