"""Griffin-Lim and WORLD: lengths, determinism, and that what comes out sounds like what went in, by number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks.base import BadItem
from blocks.common.mel import linear_magnitude, log_mel
from blocks.common.stft import stft
from blocks.features.pitch import Config as PitchConfig
from blocks.features.pitch import Pitch
from blocks.features.schema import Recorded as Input
from blocks.spec import PRESETS, AudioSpec, preset
from blocks.vocoder.griffin_lim import Config as GriffinLimConfig
from blocks.vocoder.griffin_lim import GriffinLim
from blocks.vocoder.schema import Recorded, Spectral
from blocks.vocoder.world import Config as WorldConfig
from blocks.vocoder.world import World
from tests.blocks.signals import cents, speechlike, tone


def vowel(spec, seconds=0.6):
    """A gliding voice in a little breath."""
    breath = 0.003 * np.random.default_rng(1).standard_normal(int(seconds * spec.sample_rate))
    return (tone(lambda t: 140 + 60 * t, seconds, spec, 0.3) + breath).astype(np.float32)


def convergence(block, mel):
    """Spectral convergence: how far, relative to its size, the magnitude of what came out is from the one wanted."""
    wanted = linear_magnitude(mel, block.spec)
    (voiced,) = block.apply([Spectral(log_mel=mel)])
    return np.linalg.norm(np.abs(stft(voiced.wave, block.spec)) - wanted) / np.linalg.norm(wanted)


# ---- Griffin-Lim ----


@pytest.mark.parametrize("name", PRESETS)
@settings(max_examples=5, deadline=None)
@given(frames=st.integers(1, 40))
def test_griffin_lim_gives_the_samples_that_the_spec_promises(name, frames):
    spec = preset(name)
    mel = np.random.default_rng(frames).normal(-4, 1, (frames, spec.n_mels)).astype(np.float32)
    (voiced,) = GriffinLim(GriffinLim.tiny, spec).apply([Spectral(log_mel=mel)])
    assert voiced.wave.dtype == np.float32
    assert len(voiced.wave) == spec.samples(frames)
    assert np.abs(voiced.wave).max() <= 1
    assert log_mel(voiced.wave, spec).shape == mel.shape


@pytest.mark.parametrize("spec", [*PRESETS.values(), AudioSpec(padding="none")], ids=[*PRESETS, "unpadded"])
def test_griffin_lim_speaks_the_mel_it_was_given(spec):
    wave = vowel(spec)
    mel = log_mel(wave[: spec.samples(spec.frames(len(wave)))], spec)
    (voiced,) = GriffinLim(GriffinLimConfig(iterations=30), spec).apply([Spectral(log_mel=mel)])
    error = np.abs(log_mel(voiced.wave, spec) - mel) / spec.log_gain * (np.log(10) if spec.log_base == "10" else 1)
    assert np.median(error[2:-2]) < 0.3  # nepers; noise instead of the voice would give more than two


def test_griffin_lim_converges_and_momentum_helps(spec):
    mel = log_mel(vowel(spec), spec)
    none, plain, fast = (
        convergence(GriffinLim(GriffinLimConfig(iterations=n, momentum=m), spec), mel)
        for n, m in [(0, 0.0), (40, 0.0), (40, 0.99)]
    )
    assert fast < plain < 0.6 * none
    assert fast < 0.2


def test_griffin_lim_depends_on_the_seed_but_not_on_neighbours(spec):
    items = [Spectral(log_mel=log_mel(vowel(spec, seconds), spec)) for seconds in (0.2, 0.31)]
    block = GriffinLim(GriffinLim.tiny, spec, seed=3)
    together = block.apply(items)
    for item, voiced in zip(items, together):
        np.testing.assert_array_equal(block.apply([item])[0].wave, voiced.wave)
    other = GriffinLim(GriffinLim.tiny, spec, seed=4).apply(items[:1])
    assert not np.array_equal(other[0].wave, together[0].wave)


def test_griffin_lim_of_silence_is_silence(spec):
    mel = log_mel(np.zeros(4000, np.float32), spec)
    (voiced,) = GriffinLim(GriffinLim.tiny, spec).apply([Spectral(log_mel=mel)])
    assert np.abs(voiced.wave).max() < 1e-4


@pytest.mark.parametrize(
    ("mel", "message"), [(np.zeros((0, 80)), "no frames"), (np.full((3, 80), np.nan), "240 of 240")]
)
def test_griffin_lim_refuses_what_is_no_mel(spec, mel, message):
    with pytest.raises(BadItem, match=message):
        GriffinLim(GriffinLim.tiny, spec).apply([Spectral(log_mel=mel.astype(np.float32))])


# ---- WORLD ----


@settings(max_examples=25, deadline=None)
@given(samples=st.integers(1, 6000), rate=st.sampled_from([16000, 22050, 44100]), seed=st.integers(0, 99))
def test_world_gives_as_many_samples_as_came_in(samples, rate, seed):
    spec = AudioSpec(sample_rate=rate)
    wave = speechlike(spec, seconds=(samples + 0.5) / rate, seed=seed)
    (voiced,) = World(World.tiny, spec).apply([Recorded(wave=wave)])
    assert voiced.wave.shape == wave.shape == (samples,)
    assert np.isfinite(voiced.wave).all()


@pytest.mark.parametrize("config", [WorldConfig(pitch="dio"), WorldConfig(pitch="harvest"), WorldConfig(f_min=40.0)])
def test_world_keeps_pitch_and_spectrum(spec, config):
    wave = vowel(spec)
    (voiced,) = World(config, spec).apply([Recorded(wave=wave)])
    before, after = Pitch(PitchConfig(), spec).apply([Input(wave=wave), Input(wave=voiced.wave)])
    both = before.voicing & after.voicing
    both[:4] = both[-4:] = False
    assert both.mean() > 0.7
    assert np.abs(cents(after.pitch[both], before.pitch[both])).max() < 25
    assert np.abs(log_mel(wave, spec) - log_mel(voiced.wave, spec))[4:-4].mean() < 0.5


def test_world_items_do_not_depend_on_neighbours(spec):
    items = [Recorded(wave=vowel(spec, seconds)) for seconds in (0.2, 0.31)]
    block = World(World.tiny, spec)
    for item, voiced in zip(items, block.apply(items)):
        np.testing.assert_array_equal(block.apply([item])[0].wave, voiced.wave)


def test_world_of_silence_is_silence(spec):
    (voiced,) = World(WorldConfig(), spec).apply([Recorded(wave=np.zeros(3000, np.float32))])
    assert np.abs(voiced.wave).max() < 1e-4


@pytest.mark.parametrize(
    ("wave", "message"),
    [(np.zeros(0), "the wave has no samples"), (np.array([0.0, np.nan]), "1 of 2 samples are NaN or infinite")],
)
def test_world_refuses_what_is_no_wave(spec, wave, message):
    with pytest.raises(BadItem, match=message):
        World(World.tiny, spec).apply([Recorded(wave=wave.astype(np.float32))])
