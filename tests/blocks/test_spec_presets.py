"""Every named mel against the definition of those who named it, written here with their libraries, to 1e-4.

The definitions compute in double precision, so that what differs is the kernel's own rounding.

One unit is the unit of the preset: nepers, decades, or what its own scaling makes of them.
"""

import numpy as np
import pytest

from blocks.common.mel import log_mel
from blocks.spec import PRESETS, preset
from tests.blocks.plain_mel import log_mel as plain_log_mel
from tests.blocks.signals import speechlike


@pytest.fixture(scope="module", autouse=True)
def heavy():
    """Imported here and not at the top, so that collecting tests stays quick."""
    global librosa, torch
    import librosa
    import torch


def slaney(**options):
    return torch.from_numpy(librosa.filters.mel(dtype=np.float64, **options))


def stft(wave, n_fft, hop, win, periodic=True, **options):
    window = torch.hann_window(win, periodic=periodic, dtype=torch.float64)
    return torch.stft(torch.as_tensor(wave), n_fft, hop, win, window, return_complex=True, **options)


def reflected(wave, side):
    return torch.nn.functional.pad(torch.from_numpy(wave)[None], (side, side), mode="reflect")[0]


def vox_16k(wave):
    padded = np.pad(wave, (1024 - 200) // 2, mode="reflect")
    options = dict(sr=16000, n_fft=1024, hop_length=200, win_length=800, n_mels=80, fmin=0, fmax=8000)
    return np.log(np.maximum(librosa.feature.melspectrogram(y=padded, center=False, power=1, **options), 1e-5))


def hifigan_22k(wave):
    power = torch.view_as_real(stft(reflected(wave, (1024 - 256) // 2), 1024, 256, 1024, center=False)).pow(2).sum(-1)
    mel = slaney(sr=22050, n_fft=1024, n_mels=80, fmin=0, fmax=8000) @ torch.sqrt(power + 1e-9)
    return torch.log(torch.clamp(mel, min=1e-5))


def nemo_22k(wave):
    magnitude = stft(wave, 1024, 256, 1024, periodic=False, center=True, pad_mode="reflect").abs()
    return torch.log(slaney(sr=22050, n_fft=1024, n_mels=80, fmin=0, fmax=8000) @ magnitude + 1e-5)


def espnet(wave, rate=16000, n_fft=1024, hop=256, win=1024):
    power = stft(wave, n_fft, hop, win, center=True, pad_mode="reflect").abs().pow(2)
    mel = slaney(sr=rate, n_fft=n_fft, n_mels=80, fmin=80, fmax=7600) @ torch.sqrt(torch.clamp(power, min=1e-10))
    return torch.log10(torch.clamp(mel, min=1e-10))


def espnet_24k(wave):
    return espnet(wave, 24000, 2048, 300, 1200)


def vocos_24k(wave):
    # torchaudio's MelSpectrogram with power 1: HTK mels up to half the rate, filters of height one.
    magnitude = stft(wave, 1024, 256, 1024, center=True, pad_mode="reflect").abs()
    mel = slaney(sr=24000, n_fft=1024, n_mels=100, fmin=0, fmax=12000, htk=True, norm=None) @ magnitude
    return torch.log(torch.clip(mel, min=1e-7))


def diffsinger_44k(wave):
    magnitude = stft(reflected(wave, (2048 - 512) // 2), 2048, 512, 2048, center=False).abs()
    mel = slaney(sr=44100, n_fft=2048, n_mels=128, fmin=40, fmax=16000) @ magnitude
    return torch.log(torch.clamp(mel, min=1e-5))


def univoc_16k(wave):
    # librosa 0.8, which it was written for, reflected at the edges by default.
    emphasised = librosa.effects.preemphasis(wave, coef=0.97)
    options = dict(sr=16000, n_fft=2048, hop_length=200, win_length=800, n_mels=80, fmin=50, norm=1)
    mel = librosa.feature.melspectrogram(y=emphasised, power=1, pad_mode="reflect", **options)
    return np.maximum(librosa.amplitude_to_db(mel, top_db=None) - 20, -80) / 80


def coqui_22k(wave):
    magnitude = np.abs(librosa.stft(wave, n_fft=1024, hop_length=256, win_length=1024, pad_mode="reflect"))
    decibels = 20 * np.log10(np.maximum(1e-8, librosa.filters.mel(sr=22050, n_fft=1024, n_mels=80) @ magnitude)) - 20
    return np.clip(8 * (decibels + 100) / 100 - 4, -4, 4)


DEFINITIONS = [
    vox_16k, hifigan_22k, nemo_22k, espnet, espnet_24k, vocos_24k, diffsinger_44k, univoc_16k, coqui_22k,
]  # fmt: skip


def test_every_preset_has_its_definition_here():
    assert {definition.__name__ for definition in DEFINITIONS} == set(PRESETS)


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda d: d.__name__)
@pytest.mark.parametrize("level", [1.0, 1e-3])
def test_preset_agrees_with_its_definition(definition, level):
    spec = preset(definition.__name__)
    wave = speechlike(spec) * np.float32(level)  # the quiet one tells the floors apart
    np.testing.assert_allclose(
        log_mel(wave, spec), np.asarray(definition(wave.astype(np.float64))).T, rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda d: d.__name__)
def test_silence_agrees_with_the_definition(definition):
    spec = preset(definition.__name__)
    wave = np.zeros(spec.n_fft * 3, np.float32)
    np.testing.assert_allclose(
        log_mel(wave, spec), np.asarray(definition(wave.astype(np.float64))).T, rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("name", PRESETS)
def test_preset_agrees_with_plain_float64(name):
    wave = speechlike(preset(name), seconds=0.2)
    np.testing.assert_allclose(log_mel(wave, preset(name)), plain_log_mel(wave, preset(name)), rtol=0, atol=1e-4)
