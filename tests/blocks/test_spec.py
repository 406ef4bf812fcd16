"""The frame arithmetic, for every padding and over random lengths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from blocks.spec import PRESETS, AudioSpec, preset


@st.composite
def specs(draw):
    hop = draw(st.integers(2, 300))
    padding = draw(st.sampled_from(["center", "same", "none"]))
    win = hop + draw(st.integers(0, 700))
    n_fft = win + win % 2 + 2 * draw(st.integers(0, 200))
    if padding == "same":
        hop -= hop % 2
    rate = draw(st.sampled_from([8000, 16000, 22050, 44100]))
    return AudioSpec(sample_rate=rate, n_fft=n_fft, hop_length=hop, win_length=win, padding=padding)


@given(specs(), st.integers(0, 400))
def test_a_vocoder_of_n_frames_gives_n_frames_again(spec, frames):
    assert spec.frames(spec.samples(frames)) == frames


@given(specs(), st.integers(1, 20000))
def test_frames_count_the_windows_that_fit_in_the_padded_wave(spec, samples):
    fitting = (samples + sum(spec.pads(samples)) - spec.n_fft) // spec.hop_length + 1
    assert spec.frames(samples) == max(0, fitting)


@given(specs(), st.integers(0, 20000))
def test_one_more_hop_is_one_more_frame(spec, samples):
    if spec.frames(samples):
        assert spec.frames(samples + spec.hop_length) == spec.frames(samples) + 1


@given(specs(), st.integers(1, 20000))
def test_frame_times_are_the_window_middles_and_lie_within_the_wave(spec, samples):
    frames = spec.frames(samples)
    times = spec.frame_times(frames)
    before, _ = spec.pads(samples)
    middles = np.arange(frames) * spec.hop_length + spec.n_fft / 2 - before
    np.testing.assert_allclose(times * spec.sample_rate, middles, rtol=1e-12, atol=1e-6)
    assert frames == 0 or (times[0] >= 0 and times[-1] * spec.sample_rate <= samples + 1e-6)


@given(specs(), st.lists(st.floats(0, 30), min_size=1, max_size=40), st.integers(0, 3000))
def test_durations_sum_to_the_frames_wherever_the_boundaries_lie(spec, ends, frames):
    durations = spec.durations(np.sort(ends), frames)
    assert durations.sum() == frames
    assert durations.min() >= 0
    assert durations.dtype == np.int32


@given(specs(), st.integers(1, 60), st.data())
def test_durations_never_drift_from_the_boundaries(spec, segments, data):
    frames = data.draw(st.integers(segments, 3000))
    cuts = data.draw(st.lists(st.integers(0, frames), min_size=segments - 1, max_size=segments - 1))
    ends = np.array([*sorted(cuts), frames]) / spec.frame_rate
    np.testing.assert_array_equal(np.cumsum(spec.durations(ends, frames)), np.rint(ends * spec.frame_rate))


@pytest.mark.parametrize("ends", [[0.2, 0.1], [-0.1, 0.2], [0.1, np.nan]])
def test_durations_refuse_ends_that_are_no_times(spec, ends):
    with pytest.raises(ValueError, match="must be numbers that do not decrease"):
        spec.durations(ends, 10)


def test_durations_refuse_frames_without_segments(spec):
    assert spec.durations([], 0).size == 0
    with pytest.raises(ValueError, match="no segments to spread 3 frames over"):
        spec.durations([], 3)


def test_f_max_follows_the_sample_rate_unless_it_is_given():
    assert AudioSpec(sample_rate=24000).f_max == 12000
    assert AudioSpec(sample_rate=8000).f_max == 4000
    assert AudioSpec(sample_rate=24000, f_max=8000).f_max == 8000
    assert AudioSpec.model_validate_json('{"sample_rate": 22050}').f_max == 11025


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"win_length": 2000}, "win_length 2000 is longer than n_fft 1024"),
        ({"hop_length": 900}, "hop_length 900 is longer than win_length 800"),
        ({"n_fft": 1025}, "n_fft 1025 is odd"),
        ({"hop_length": 201}, "padding 'same' needs n_fft - hop_length to be even"),
        ({"f_min": 8000.0}, "want f_min < f_max <= sample_rate / 2, got 8000, 8000 and 8000 Hz"),
        ({"f_max": 9000.0}, "want f_min < f_max <= sample_rate / 2, got 0, 9000 and 8000 Hz"),
        ({"hop_size": 256}, "Extra inputs are not permitted"),
        ({"preemphasis": 1.0}, "less than 1"),
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(fields, message):
    with pytest.raises(ValidationError, match=message):
        AudioSpec(**fields)


def test_differences_name_the_fields():
    assert AudioSpec(hop_length=256).differences(AudioSpec()) == ["hop_length 256, not 200"]
    assert AudioSpec(hop_length=256).differences(AudioSpec(), ("sample_rate",)) == []


def test_specs_are_keys_and_survive_json():
    for name, spec in PRESETS.items():
        assert AudioSpec.model_validate_json(spec.model_dump_json()) == spec == preset(name)
    assert len(set(PRESETS.values())) == len(PRESETS)
    assert preset("vox_16k") == AudioSpec()
    with pytest.raises(KeyError) as error:
        preset("vox_17k")
    assert str(error.value) == "no spec preset 'vox_17k'; did you mean 'vox_16k'?"
