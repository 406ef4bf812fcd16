"""`metric.frechet`: nothing between equals, the formula of Gaussians between others, more for worse speech."""

import numpy as np
import pytest

from blocks.metric.frechet import Frechet, Pair, frechet
from blocks.spec import AudioSpec
from runner.conformance.items import speech

SPEC = AudioSpec(sample_rate=16000, n_fft=1024, hop_length=200, win_length=800, f_max=8000.0)
RNG = np.random.default_rng(0)


def test_it_is_scipy_s():
    from scipy.linalg import sqrtm

    one, other = (RNG.normal(size=(8, 8)) for _ in range(2))
    one, other, mean, other_mean = one @ one.T, other @ other.T, RNG.normal(size=8), RNG.normal(size=8)
    want = np.square(mean - other_mean).sum() + np.trace(one + other - 2 * sqrtm(one @ other).real)
    assert frechet(mean, one, other_mean, other) == pytest.approx(want, rel=1e-6)


def test_noise_takes_speech_away_from_recordings():
    waves = [speech(SPEC, 1.0, seed=seed) for seed in range(3)]
    noisy = [
        wave + level * RNG.normal(size=len(wave)).astype(np.float32) for level in (0.0, 0.01, 0.1) for wave in waves
    ]
    found = [
        Frechet(Frechet.Config(draws=4), SPEC).reduce(
            [Pair(prediction=a, reference=b) for a, b in zip(noisy[n : n + 3], waves, strict=True)]
        )
        for n in (0, 3, 6)
    ]
    assert abs(found[0].frechet) < 1e-3
    assert found[0].frechet < found[1].frechet < found[2].frechet
    assert found[1].n == 3
    assert found[1].low <= found[1].high


def test_one_utterance_is_no_set():
    with pytest.raises(ValueError, match="1 utterances, want two at least"):
        Frechet(Frechet.Config(), SPEC).reduce([Pair(prediction=np.ones(9, "f"), reference=np.ones(9, "f"))])
