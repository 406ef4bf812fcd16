"""`effect.speech_only`: speech passes as it is, music and steady noise are refused in one sentence."""

import numpy as np
import pytest
import soundfile
import soxr

from blocks.base import Failure
from blocks.common import debian
from blocks.corpus.asterisk import Asterisk
from blocks.corpus.fillets import Fillets
from blocks.effect.schema import Recorded
from blocks.effect.speech_only import Config, SpeechOnly, modulation
from blocks.spec import preset
from tests.blocks.signals import tone

SPEC = preset("vox_16k")
RATE = SPEC.sample_rate


def made(wave, **settings):
    (found,) = SpeechOnly(Config(**settings), SPEC).apply([Recorded(wave=np.asarray(wave, np.float32))])
    return found


@pytest.fixture(scope="module")
def speech():
    """Ten recordings of a real voice, of 1.3 s and more."""
    block = Asterisk(Asterisk.Config(), SPEC)
    block.fetch()
    rows = (row for row in block.read() if not isinstance(row, Failure) and hasattr(row, "wave") and row.seconds > 1.3)
    return [next(rows).wave for _ in range(10)]


@pytest.fixture(scope="module")
def music():
    """Ten seconds of a track of a game."""
    Fillets(Fillets.tiny, SPEC).fetch()
    path = debian.tree("fillets-ng-data") / "usr/share/games/fillets-ng/music/rybky05.ogg"
    wave, rate = soundfile.read(path, stop=10 * soundfile.info(path).samplerate, always_2d=True)
    return soxr.resample(wave.mean(1), rate, RATE).astype(np.float32)


def test_speech_passes_as_it_is_however_loud(speech):
    for wave in speech:
        np.testing.assert_array_equal(made(wave).wave, wave)
    np.testing.assert_allclose(modulation(0.1 * speech[0], SPEC), modulation(speech[0], SPEC), rtol=0.02)


def test_music_and_a_steady_noise_are_refused_and_pass_where_that_is_asked(music):
    assert "music, or a steady noise? Want speech alone" in made(music).reason
    assert "music, or a steady noise" in made(0.1 * np.random.default_rng(0).standard_normal(2 * RATE)).reason
    np.testing.assert_array_equal(made(music, min_modulation=0).wave, music)


def test_it_tells_the_rate_of_syllables_from_slower_and_faster_beats():
    steady = tone(150, 4.0, SPEC)
    at = {
        hz: modulation(steady * (1 + np.sin(2 * np.pi * hz * np.arange(len(steady)) / RATE)), SPEC)
        for hz in (0.5, 4, 20)
    }
    assert at[4] == pytest.approx(1 / np.sqrt(2), abs=0.15), "the deviation of a sine over its mean"
    assert at[0.5] < 0.2
    assert at[20] < 0.2


def test_silence_and_what_is_too_short_are_for_others_to_judge(speech):
    assert modulation(np.zeros(RATE, np.float32), SPEC) is None
    assert modulation(speech[0][: RATE // 4], SPEC) is None
    np.testing.assert_array_equal(made(np.zeros(RATE)).wave, np.zeros(RATE))
