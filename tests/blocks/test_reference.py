"""The GE2E encoder, on synthetic voices: what it promises, not how well it knows people (benchmarks say that)."""

import numpy as np
import pytest

from blocks.base import BadItem
from blocks.reference.ge2e import Config, Ge2e
from blocks.reference.schema import Recorded
from blocks.spec import AudioSpec
from tests.blocks.signals import tone


@pytest.fixture(scope="module")
def encoder():
    block = Ge2e(Config(), AudioSpec())
    block.setup()
    return block


def voice(hz, seconds=1.0, spec=None):
    return Recorded(wave=tone(lambda t: hz * (1 + 0.05 * np.sin(9 * t)), seconds, spec or AudioSpec(), 0.3))


def embed(block, *items):
    return [result.embedding for result in block.apply(list(items))]


def test_embeddings_have_unit_length(encoder):
    (vector,) = embed(encoder, voice(120))
    assert vector.shape == (256,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_two_items_together_equal_each_alone(encoder):
    items = [voice(120, 0.7), voice(230, 2.1)]
    for together, item in zip(embed(encoder, *items), items):
        np.testing.assert_array_equal(together, embed(encoder, item)[0])


def test_the_same_voice_is_nearer_than_another(encoder):
    low, again, high = embed(encoder, voice(110, 1.6), voice(114, 1.9), voice(260, 1.6))
    assert low @ again > low @ high + 0.1


def test_quiet_recordings_are_raised_before_they_are_compared(encoder):
    item = voice(150)
    loud, quiet = embed(encoder, Recorded(wave=item.wave * 0.1), Recorded(wave=item.wave * 0.001))
    assert loud @ quiet > 0.9999


@pytest.mark.parametrize("rate", [22050, 44100])
def test_other_rates_are_resampled(encoder, rate):
    spec = AudioSpec(sample_rate=rate)
    other = Ge2e(Config(), spec)
    other.setup()
    (here,), (there,) = embed(encoder, voice(150)), embed(other, voice(150, spec=spec))
    assert here @ there > 0.98


@pytest.mark.parametrize(
    ("wave", "message"),
    [
        (np.full(7999, 0.1), r"the recording is 0\.50 s long, want at least 0\.5 s \(min_seconds\)"),
        (np.zeros(16000), "digital silence"),
        (np.full(16000, np.nan), "16000 of 16000 samples are NaN or infinite"),
        (np.zeros(0), r"the recording is 0\.00 s long"),
    ],
)
def test_what_holds_no_voice_is_refused(encoder, wave, message):
    with pytest.raises(BadItem, match=message):
        embed(encoder, Recorded(wave=wave.astype(np.float32)))


def test_trimming_that_leaves_too_little_is_said(spec):
    block = Ge2e(Config(trim_silence=True), spec)
    block.setup()
    wave = np.zeros(32000, np.float32)
    wave[16000:16800] = voice(150).wave[:800]
    with pytest.raises(BadItem, match=r"s of speech remain after trimming silence, want at least 0\.5 s"):
        embed(block, Recorded(wave=wave))
