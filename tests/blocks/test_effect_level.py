"""Recordings brought to one level."""

import numpy as np
import pytest

from blocks.effect.level import Config, Level, active_power
from blocks.effect.schema import Recorded
from blocks.spec import AudioSpec
from tests.blocks.signals import tone

SPEC = AudioSpec()


def level(wave, db=-26.0):
    return Level(Config(level_db=db), SPEC).apply([Recorded(wave=wave.astype(np.float32))])[0].wave


def decibels(wave):
    return 10 * np.log10(active_power(wave, 16000))


@pytest.mark.parametrize("gain", [0.01, 0.1, 1.0])
def test_speech_has_the_level_that_is_asked_for_however_loud_it_was(gain):
    assert decibels(level(gain * tone(120, 1.0, SPEC, 0.3))) == pytest.approx(-26, abs=0.01)


def test_silence_around_it_changes_nothing():
    wave = tone(120, 1.0, SPEC, 0.1)
    padded = np.concatenate([np.zeros(8000), wave, np.full(24000, 1e-4)])
    assert decibels(level(padded)) == pytest.approx(decibels(level(wave)), abs=0.2)


def test_a_peak_keeps_it_quieter_and_nothing_is_clipped():
    wave = 0.001 * tone(120, 1.0, SPEC)
    wave[5000] = 0.5
    found = level(wave)
    assert np.abs(found).max() == pytest.approx(0.99, abs=1e-3)
    np.testing.assert_allclose(found / found[5000], wave / wave[5000], atol=1e-6)


def test_digital_silence_stays_silent():
    assert not level(np.zeros(4000)).any()
