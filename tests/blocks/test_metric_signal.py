"""Metrics on arrays alone: distances of mel cepstra, pitch curves and embeddings, against plain loops and closed forms."""

import numpy as np
import pytest

from blocks.base import Failure
from blocks.metric.f0 import F0
from blocks.metric.f0_frame_error import F0FrameError
from blocks.metric.mel_cepstral_distortion import MelCepstralDistortion, cepstra, warp
from blocks.metric.schema import PitchPair, VoicePair, WavePair
from blocks.metric.speaker_similarity import SpeakerSimilarity
from blocks.spec import AudioSpec

SPEC = AudioSpec()


def only(block, item):
    (result,) = block.apply([item])
    return result


def buzz(seconds: float = 0.6, hz: float = 140.0, seed: int = 0) -> np.ndarray:
    """A pulse train with a moving tilt and a little noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * SPEC.sample_rate)) / SPEC.sample_rate
    tilt = 1.5 + np.sin(2 * np.pi * 3 * t)
    wave = sum(k**-tilt * np.sin(2 * np.pi * k * hz * t) for k in range(1, 40))
    return (0.2 * wave / np.abs(wave).max() + 1e-3 * rng.standard_normal(len(t))).astype("float32")


# ---- mel-cepstral distortion ----


def mcd(prediction, reference, spec=SPEC, **config):
    return only(
        MelCepstralDistortion(MelCepstralDistortion.Config(**config), spec),
        WavePair(prediction=prediction, reference=reference),
    )


@pytest.mark.parametrize("align", ["dtw", "none"])
def test_a_wave_is_0_db_from_itself_at_any_level(align):
    wave = buzz()
    assert mcd(wave, wave, align=align).mcd_db == 0
    assert mcd(0.25 * wave, wave, align=align).mcd_db < 1e-3


def test_a_cosine_on_the_log_bands_is_as_many_db_as_its_root_mean_square():
    rng = np.random.default_rng(1)
    flat = rng.standard_normal((5, 40)).astype("float32")
    for order, counts in [(1, True), (7, True), (13, True), (14, False)]:
        ripple = 0.3 * np.cos(np.pi * order * (np.arange(40) + 0.5) / 40)
        apart = cepstra((flat + ripple).astype("float32")) - cepstra(flat)
        db = 10 / np.log(10) * np.sqrt(2 * (apart**2).sum(axis=1))
        rms_db = 20 / np.log(10) * np.sqrt(np.mean(ripple**2)) if counts else 0
        np.testing.assert_allclose(db, rms_db, atol=1e-5)


def test_bands_80_db_below_the_loudest_are_raised_to_there():
    bands = np.zeros((1, 40), "float32")
    bands[0, 10:] = -12
    raised = bands.copy()
    raised[0, 10:] = -80 / 20 * np.log(10)
    np.testing.assert_allclose(cepstra(bands), cepstra(raised))


def slow_warp(prediction, reference) -> float:
    """The least sum over monotone paths, by the textbook recursion."""
    best = np.full((len(prediction) + 1, len(reference) + 1), np.inf)
    best[0, 0] = 0
    for t in range(len(prediction)):
        for u in range(len(reference)):
            distance = np.sqrt(((prediction[t] - reference[u]) ** 2).sum())
            best[t + 1, u + 1] = distance + min(best[t, u], best[t, u + 1], best[t + 1, u])
    return best[-1, -1]


@pytest.mark.parametrize("lengths", [(1, 1), (1, 6), (6, 1), (7, 7), (12, 5), (5, 12)])
def test_warping_finds_the_cheapest_monotone_path(lengths):
    rng = np.random.default_rng(2)
    prediction, reference = (rng.standard_normal((length, 3)) for length in lengths)
    path = warp(prediction, reference)
    assert tuple(path[0]) == (0, 0)
    assert tuple(path[-1]) == (lengths[0] - 1, lengths[1] - 1)
    assert {tuple(step) for step in np.diff(path, axis=0)} <= {(1, 1), (1, 0), (0, 1)}
    cost = np.linalg.norm(prediction[path[:, 0]] - reference[path[:, 1]], axis=1).sum()
    np.testing.assert_allclose(cost, slow_warp(prediction, reference))


def test_warping_pairs_repeated_frames_at_no_cost():
    reference = np.arange(4.0)[:, None]
    path = warp(np.repeat(reference, 3, axis=0), reference)
    assert path[:, 1].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_warping_forgives_a_pause_that_framewise_comparison_does_not():
    wave = buzz()
    paused = np.concatenate([np.zeros(1600, "float32"), wave[:-1600]])
    assert mcd(paused, wave).mcd_db < 0.5 * mcd(paused, wave, align="none").mcd_db


def test_more_noise_is_more_distortion_and_a_silent_output_is_not_let_off():
    wave = buzz()
    noise = np.random.default_rng(3).standard_normal(len(wave)).astype("float32")
    weak, strong = (mcd(wave + gain * noise, wave).mcd_db for gain in (0.003, 0.03))
    assert 0 < weak < strong
    assert mcd(np.zeros_like(wave), wave).mcd_db > weak


def test_framewise_comparison_takes_what_a_vocoder_of_whole_frames_gives_but_refuses_another_timing():
    wave = buzz()
    assert mcd(wave[: len(wave) // 200 * 200 - 200], wave, align="none").mcd_db < 1
    refused = mcd(wave[:-201], wave, align="none")
    assert refused.reason.startswith(
        "prediction has 9399 samples, reference 9600: wants the same timing, within one hop of 200"
    )


def test_any_rate_is_judged_at_16_khz():
    import soxr

    wave = buzz()
    high = soxr.resample(wave, 16000, 24000)
    spec = AudioSpec(sample_rate=24000)
    assert abs(mcd(0.7 * high, high, spec).mcd_db) < 1e-3
    noisy = wave + 0.01 * np.random.default_rng(4).standard_normal(len(wave)).astype("float32")
    np.testing.assert_allclose(
        mcd(soxr.resample(noisy, 16000, 24000), high, spec).mcd_db, mcd(noisy, wave).mcd_db, rtol=0.05
    )


def test_distortion_needs_a_reference_that_sounds_and_an_output_that_has_samples():
    wave = buzz()
    assert mcd(wave, np.zeros(3200, "float32")).reason == "reference: 3200 samples of silence, wants sound"
    assert isinstance(mcd(wave[:0], wave), Failure)


# ---- pitch ----


def curve(*hz):
    return np.array(hz, "float32")


def pair(prediction, reference, prediction_voicing=None, reference_voicing=None):
    return PitchPair(
        prediction=prediction,
        prediction_voicing=prediction > 0 if prediction_voicing is None else prediction_voicing,
        reference=reference,
        reference_voicing=reference > 0 if reference_voicing is None else reference_voicing,
    )


def f0(prediction, reference, **config):
    return only(F0(F0.Config(**config), SPEC), pair(prediction, reference))


def ffe(prediction, reference, **config):
    return only(F0FrameError(F0FrameError.Config(**config), SPEC), pair(prediction, reference))


def test_f0_scores_by_hand():
    scores = f0(curve(100, 0, 110, 130, 200), curve(103, 90, 106, 130, 0))
    assert scores.f0_rmse_hz == pytest.approx(np.sqrt((9 + 16 + 0) / 3))
    assert scores.f0_correlation == pytest.approx(np.corrcoef([100, 110, 130], [103, 106, 130])[0, 1])


def test_a_tone_shifted_by_a_constant_keeps_its_correlation():
    glide = np.linspace(100, 200, 50, dtype="float32")
    scores = f0(glide + 12, glide)
    assert scores.f0_rmse_hz == pytest.approx(12, abs=1e-4)
    assert scores.f0_correlation == pytest.approx(1)
    assert f0(300 - glide, glide).f0_correlation == pytest.approx(-1)


def test_a_tone_raised_by_a_share_errs_in_proportion():
    glide = np.linspace(100, 200, 50, dtype="float32")
    assert f0(1.1 * glide, glide).f0_rmse_hz == pytest.approx(0.1 * np.sqrt(np.mean(glide**2)), rel=1e-5)
    assert ffe(1.19 * glide, glide).ffe == 0
    assert ffe(1.21 * glide, glide).ffe == 100
    assert ffe(0.79 * glide, glide).ffe == 100


def test_frame_errors_by_hand():
    # right, falsely voiced, falsely unvoiced, 21 % too high, unvoiced in both
    assert ffe(curve(100, 100, 0, 121, 0), curve(100, 0, 100, 100, 0)).ffe == pytest.approx(60)


def test_f0_without_two_frames_voiced_in_both_fails_where_the_frame_error_answers():
    assert f0(curve(100, 0, 0), curve(0, 100, 0)).reason == (
        "0 frames are voiced in both (prediction 1, reference 1, of 3): wants two; metric.f0_frame_error still has an answer"
    )
    assert ffe(curve(100, 0, 0), curve(0, 100, 0)).ffe == pytest.approx(200 / 3)


def test_a_flat_voice_has_no_correlation():
    assert "prediction: F0 is 100 Hz in all frames" in f0(curve(100, 100, 100), curve(90, 100, 110)).reason


def test_curves_of_unequal_length_are_refused_or_stretched():
    prediction, reference = curve(100, 200), curve(100, 100, 0, 200)
    for score in (f0, ffe):
        assert score(prediction, reference).reason.startswith(
            "prediction has 2 frames, reference 4: align 'none' wants equal lengths"
        )
    assert f0(prediction, reference, align="linear").f0_rmse_hz == 0
    assert ffe(prediction, reference, align="linear").ffe == 25
    assert ffe(reference, prediction, align="linear").ffe == 0  # takes frames 1 and 3 of four


def test_empty_and_contradictory_curves_are_refused():
    assert ffe(curve(), curve()).reason == "prediction: no frames, wants at least one"
    item = pair(curve(100, 0), curve(100, 90), prediction_voicing=np.array([True, True]))
    assert only(F0(F0.tiny, SPEC), item).reason.startswith("prediction: 1 of 2 voiced frames have no F0 above 0 Hz")


# ---- identity ----


def similarity(prediction, reference):
    return only(
        SpeakerSimilarity(SpeakerSimilarity.tiny, SPEC),
        VoicePair(prediction=curve(*prediction), reference=curve(*reference)),
    )


def test_similarity_is_the_cosine_whatever_the_length():
    assert similarity((3, 4), (3, 4)).speaker_similarity == pytest.approx(1)
    assert similarity((1, 0), (0, 5)).speaker_similarity == 0
    assert similarity((2, 0), (3, -3)).speaker_similarity == pytest.approx(np.sqrt(0.5))
    assert similarity((1, 2), (-2, -4)).speaker_similarity == pytest.approx(-1)


def test_similarity_needs_a_direction():
    assert similarity((0, 0), (1, 0)).reason.startswith("prediction: an embedding of 2 zeros has no direction")


# ---- items ----


def test_a_bad_neighbour_changes_nothing():
    waves = [buzz(seed=n) for n in (0, 1)]
    items = [
        WavePair(prediction=waves[0], reference=waves[1]),
        WavePair(prediction=waves[0], reference=0 * waves[1]),
        WavePair(prediction=waves[1], reference=waves[0]),
    ]
    block = MelCepstralDistortion(MelCepstralDistortion.tiny, SPEC)
    together = block.apply(items)
    assert isinstance(together[1], Failure)
    assert together == [only(block, item) for item in items]
