"""Log-mel, pitch and energy: right values at the right frames, for every length."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks.base import BadItem
from blocks.common.mel import linear_magnitude, log_mel, mel_filters, mel_power
from blocks.common.stft import frames, istft, stft
from blocks.features.energy import Config as EnergyConfig
from blocks.features.energy import Energy
from blocks.features.log_mel import LogMel
from blocks.features.phone_prosody import PhoneProsody, Timed
from blocks.features.pitch import Config as PitchConfig
from blocks.features.pitch import Pitch
from blocks.features.schema import Recorded
from blocks.spec import PRESETS, AudioSpec, preset
from tests.blocks import plain_mel
from tests.blocks.signals import cents, speechlike, tone

BLOCKS = [LogMel, Pitch, Energy]
PADDINGS = ["center", "same", "none"]


def arrays(result):
    return [getattr(result, name) for name in type(result).model_fields]


# ---- the contract of all three ----


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("name", PRESETS)
@settings(max_examples=6, deadline=None)
@given(st.data())
def test_frames_agree_with_the_spec_for_every_length(block, name, data):
    spec = preset(name)
    samples = data.draw(st.integers(spec.hop_length, 3 * spec.n_fft))
    wave = speechlike(spec, seconds=(samples + 0.5) / spec.sample_rate)
    (result,) = block(block.tiny, spec).apply([Recorded(wave=wave)])
    assert len(wave) == samples
    assert {len(array) for array in arrays(result)} == {spec.frames(samples)}
    assert all(np.isfinite(array).all() for array in arrays(result))


@pytest.mark.parametrize("block", BLOCKS)
def test_two_items_together_equal_each_alone(block, spec):
    items = [Recorded(wave=speechlike(spec, seconds, seed)) for seed, seconds in enumerate((0.3, 0.71))]
    made = block(block.tiny, spec)
    for together, item in zip(made.apply(items), items):
        for left, right in zip(arrays(together), arrays(made.apply([item])[0])):
            np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(("padding", "least"), [("center", 1), ("same", 200), ("none", 1024)])
def test_one_frame_is_enough_and_less_is_refused(block, padding, least):
    spec = AudioSpec(padding=padding)
    (result,) = block(block.tiny, spec).apply([Recorded(wave=np.full(least, 0.1, np.float32))])
    assert {len(array) for array in arrays(result)} == {1}
    with pytest.raises(
        BadItem, match=rf"the wave has {least - 1} samples, but one frame needs {least} \(padding '{padding}'"
    ):
        block(block.tiny, spec).apply([Recorded(wave=np.zeros(least - 1, np.float32))])


@pytest.mark.parametrize("block", BLOCKS)
def test_nan_is_refused_by_name(block, spec):
    wave = np.zeros(800, np.float32)
    wave[[3, 5]] = np.nan, np.inf
    with pytest.raises(BadItem, match="2 of 800 samples are NaN or infinite"):
        block(block.tiny, spec).apply([Recorded(wave=wave)])


# ---- log-mel ----

SPECS = {
    **PRESETS,
    "unpadded": AudioSpec(padding="none"),
    "zeros at the edges": AudioSpec(padding="center", pad_mode="constant"),
    "power": AudioSpec(power=2, mel_scale="htk", log_floor=1e-10),
    "odd hop": AudioSpec(hop_length=151, win_length=401, padding="center", n_mels=40),
    "eps clamp power": AudioSpec(power=2, magnitude_eps=1e-6, magnitude_eps_mode="clamp"),
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("hops", [5.6, 42.3])  # shorter than the padding, which is then reflected again; several chunks
def test_log_mel_agrees_with_plain_float64(spec, hops):
    wave = speechlike(spec, seconds=hops * spec.hop_length / spec.sample_rate)
    np.testing.assert_allclose(log_mel(wave, spec), plain_mel.log_mel(wave, spec), rtol=0, atol=1e-4)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_filters_agree_with_plain_float64(spec):
    np.testing.assert_allclose(mel_filters(spec), plain_mel.filters(spec), rtol=1e-5, atol=1e-8)


def test_specs_that_share_their_band_do_not_share_filters():
    """A cache keyed by f_max alone would give the second spec the filters of the first."""
    a, b = AudioSpec(), AudioSpec(mel_scale="htk")
    assert not np.allclose(mel_filters(a), mel_filters(b))
    assert mel_filters(a) is mel_filters(AudioSpec())


def test_filters_without_a_bin_are_refused():
    with pytest.raises(ValueError, match=r"mel filters hold no bin .* take fewer mels or a longer n_fft"):
        mel_filters(AudioSpec(n_fft=256, win_length=256, hop_length=64, n_mels=128))


def test_silence_lies_on_the_floor(spec):
    np.testing.assert_allclose(log_mel(np.zeros(1000, np.float32), spec), np.log(1e-5), rtol=1e-6)


def test_the_wave_is_left_alone():
    spec = preset("univoc_16k")
    wave = speechlike(spec)
    kept = wave.copy()
    log_mel(wave, spec)
    np.testing.assert_array_equal(wave, kept)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_linear_magnitude_has_the_mel_it_was_made_from(spec):
    mel = log_mel(speechlike(spec), spec)
    linear = linear_magnitude(mel, spec)
    assert linear.min() >= 0
    wanted, got = mel_power(mel, spec), linear**spec.power @ mel_filters(spec)
    assert np.abs(got - wanted).sum() / wanted.sum() < 0.02


@pytest.mark.parametrize("name", [*PRESETS, "unpadded"])
def test_istft_undoes_stft(name):
    spec = SPECS[name]
    wave = speechlike(spec)[: spec.samples(12)]
    back = istft(stft(wave, spec), spec)
    assert len(back) == spec.samples(12)
    # An unpadded signal is hardly seen by the outer ends of its first and last window.
    inside = slice(spec.hop_length, -spec.hop_length) if spec.padding == "none" else slice(None)
    np.testing.assert_allclose(back[inside], wave[inside], atol=1e-6)


@pytest.mark.parametrize("padding", PADDINGS)
def test_a_click_is_loudest_in_the_frame_whose_time_is_nearest(padding):
    spec = AudioSpec(padding=padding)
    for at in (1040, 1500, 2111):
        click = np.zeros(4000, np.float32)
        click[at] = 1.0
        times = spec.frame_times(spec.frames(len(click)))
        loudest = Energy(EnergyConfig(), spec).apply([Recorded(wave=click)])[0].energy.argmax()
        assert loudest == log_mel(click, spec).sum(axis=1).argmax() == np.abs(times - at / 16000).argmin()


def test_frames_are_a_view_that_cannot_be_written(spec):
    rows = frames(speechlike(spec), spec)
    with pytest.raises(ValueError, match="read-only"):
        rows[0, 0] = 1.0


# ---- pitch ----


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("rate", [16000, 22050])
@pytest.mark.parametrize("hz", [82.4, 220.0, 523.3])
def test_pitch_of_a_tone_is_right_within_five_cents(padding, rate, hz):
    spec = AudioSpec(sample_rate=rate, padding=padding)
    (found,) = Pitch(PitchConfig(), spec).apply([Recorded(wave=tone(hz, 0.8, spec))])
    inside = slice(8, -8)
    assert found.voicing[inside].all()
    assert np.abs(cents(found.pitch[inside], hz)).max() < 5


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("hop", [160, 200, 255, 256])
def test_a_glide_is_read_at_the_frame_times(padding, hop):
    """120 Hz a second: half a hop too late would be eight cents."""
    if padding == "same" and hop % 2:
        hop += 1
    spec = AudioSpec(hop_length=hop, padding=padding)
    (found,) = Pitch(PitchConfig(), spec).apply([Recorded(wave=tone(lambda t: 100 + 120 * t, 1.0, spec))])
    wanted = 100 + 120 * spec.frame_times(len(found.pitch))
    error = cents(found.pitch[10:-10], wanted[10:-10])
    assert abs(np.median(error)) < 1.5
    assert np.abs(error).max() < 8


def test_voicing_tells_voice_from_breath_and_silence(spec):
    rng = np.random.default_rng(0)
    breath = (0.02 * rng.standard_normal(8000)).astype(np.float32)
    wave = np.concatenate([np.zeros(8000, np.float32), tone(180, 0.5, spec), breath])
    (found,) = Pitch(PitchConfig(), spec).apply([Recorded(wave=wave)])
    times = spec.frame_times(len(found.pitch))
    assert not found.voicing[times < 0.45].any()
    assert found.voicing[(times > 0.55) & (times < 0.95)].all()
    assert found.voicing[times > 1.05].mean() < 0.2
    np.testing.assert_array_equal(found.voicing, found.pitch > 0)


def test_pitch_stays_within_the_range_asked_for(spec):
    wave = tone(lambda t: 158 + 10 * np.sin(20 * t), 0.8, spec)
    (found,) = Pitch(PitchConfig(f_min=150.0, f_max=300.0), spec).apply([Recorded(wave=wave)])
    voiced = found.pitch[found.voicing]
    assert voiced.size
    assert voiced.min() >= 150
    with pytest.raises(ValueError, match="f_min 300 Hz must lie below f_max 150 Hz"):
        PitchConfig(f_min=300.0, f_max=150.0)


# ---- energy ----


@pytest.mark.parametrize(
    ("wave", "decibels"), [(np.ones(4000), 0.0), (np.full(4000, 0.1), -20.0), (np.zeros(4000), -100.0)]
)
def test_energy_of_a_constant_is_its_level(spec, wave, decibels):
    (found,) = Energy(EnergyConfig(), spec).apply([Recorded(wave=wave.astype(np.float32))])
    assert found.energy.dtype == np.float32
    np.testing.assert_allclose(found.energy, decibels, atol=1e-4)


def test_energy_of_a_sine_is_three_decibels_below_its_peak(spec):
    sine = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    (found,) = Energy(EnergyConfig(), spec).apply([Recorded(wave=sine)])
    np.testing.assert_allclose(found.energy[4:-4], 10 * np.log10(0.5), atol=1e-3)


# ---- of phones ----


def test_prosody_of_phones_is_that_of_their_frames():
    block = PhoneProsody(PhoneProsody.tiny, AudioSpec())
    pitch = np.array([100, 200, 0, 0, 150, 90, 0, 110, 0], np.float32)
    timed = Timed(durations=np.array([2, 0, 3, 4], np.int32), pitch=pitch, energy=np.arange(9, dtype=np.float32) - 30)
    (found,) = block.apply([timed])
    # The third is voiced in one frame of three, the last in two of four; the second has no frame.
    np.testing.assert_allclose(found.phone_pitch, [np.sqrt(100 * 200), 0, 0, np.sqrt(90 * 110)], rtol=1e-6)
    np.testing.assert_allclose(found.phone_energy, [-29.5, -26, -27, -23.5])


@pytest.mark.parametrize("durations", [[2, 3], [2, 8], [0, 0]])
def test_durations_of_other_frames_are_refused(durations):
    block, frames = PhoneProsody(PhoneProsody.tiny, AudioSpec()), np.ones(9, np.float32)
    with pytest.raises(BadItem, match="frames in all, but pitch has 9: want as many"):
        block.apply([Timed(durations=np.array(durations, np.int32), pitch=frames, energy=frames)])
