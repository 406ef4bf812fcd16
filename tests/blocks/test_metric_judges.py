"""The judges that are models, on a synthetic voice: noise lowers every score, and the numbers are the packages' own."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from blocks.base import Failure, Skip
from blocks.common import whisper_asr
from blocks.metric.distillmos import DistillMOS, _windows
from blocks.metric.pesq import PESQ
from blocks.metric.schema import Audio, Transcribed, WavePair
from blocks.metric.stoi import STOI
from blocks.metric.word_error import WordError
from blocks.spec import AudioSpec

SPEC = AudioSpec()
SENTENCE = "Please press 7 now, and leave a message after the tone."


def say(text: str, folder, voice: str = "en-us") -> np.ndarray:
    """float32 (S,) at 16 kHz."""
    if not shutil.which("espeak-ng"):
        pytest.skip("needs a voice: apt-get install espeak-ng")
    path = folder / "said.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-s", "140", "-w", path, text], check=True)
    wave, rate = soundfile.read(path, dtype="float32")
    return soxr.resample(wave, rate, 16000)


@pytest.fixture(scope="module")
def wave(tmp_path_factory):
    return say(SENTENCE, tmp_path_factory.mktemp("voice"))


@pytest.fixture(scope="module")
def noisy(wave):
    return wave + 0.03 * np.random.default_rng(0).standard_normal(len(wave)).astype("float32")


def ready(cls, spec=SPEC, **config):
    block = cls(cls.Config(**config), spec)
    block.setup()
    return block


def only(block, item):
    (result,) = block.apply([item])
    return result


# ---- PESQ and STOI ----


@pytest.mark.parametrize(("judge", "field", "best"), [(PESQ, "pesq", 4.64), (STOI, "stoi", 1.0)])
class TestIntrusive:
    def score(self, judge, field, prediction, reference, spec=SPEC):
        return getattr(only(ready(judge, spec), WavePair(prediction=prediction, reference=reference)), field)

    def test_the_same_wave_is_best_and_noise_lowers_it(self, judge, field, best, wave, noisy):
        assert self.score(judge, field, wave, wave) == pytest.approx(best, abs=0.01)
        assert self.score(judge, field, noisy, wave) < 0.97 * best

    def test_the_output_of_a_vocoder_of_whole_frames_is_judged_but_another_timing_refused(
        self, judge, field, best, wave
    ):
        assert self.score(judge, field, wave[:-150], wave) == pytest.approx(best, abs=0.02)
        late = only(ready(judge), WavePair(prediction=wave[:-500], reference=wave))
        assert "wants the same timing, within one hop of 200 samples" in late.reason

    def test_other_rates_are_resampled(self, judge, field, best, wave, noisy):
        high, high_noisy = (soxr.resample(one, 16000, 24000) for one in (wave, noisy))
        there = self.score(judge, field, high_noisy, high, AudioSpec(sample_rate=24000))
        assert there == pytest.approx(self.score(judge, field, noisy, wave), rel=0.02)

    def test_too_little_speech_is_a_failure_with_a_reason(self, judge, field, best, wave):
        short = wave[4000:6000]
        assert type(only(ready(judge), WavePair(prediction=short, reference=short))) is Failure
        silence = np.zeros_like(wave)
        assert only(ready(judge), WavePair(prediction=wave, reference=silence)).reason.startswith("reference: ")


def test_pesq_and_stoi_are_the_packages_own_numbers(wave, noisy):
    from pesq import pesq
    from pystoi import stoi

    pair = WavePair(prediction=noisy, reference=wave)
    assert only(ready(PESQ), pair).pesq == pesq(16000, wave, noisy, "wb")
    assert only(ready(STOI), pair).stoi == stoi(wave, noisy, 16000)


def test_pesq_skips_what_its_reference_code_would_die_of():
    bursts = np.random.default_rng(0).standard_normal(30 * 16000).astype("float32") * 0.1
    bursts *= np.arange(len(bursts)) % 8000 < 4000  # 60 stretches of sound in 30 s
    skipped = only(ready(PESQ), WavePair(prediction=bursts, reference=bursts))
    assert type(skipped) is Skip
    assert skipped.reason.startswith("30.0 s: PESQ judges up to 20 s")
    densest = bursts[: 20 * 16000].copy()
    assert only(ready(PESQ), WavePair(prediction=densest, reference=densest)).pesq == pytest.approx(4.64, abs=0.01)


# ---- DistillMOS ----


@pytest.fixture(scope="module")
def distillmos():
    return ready(DistillMOS)


@pytest.fixture(scope="module")
def alone(distillmos, wave, noisy):
    return [only(distillmos, Audio(prediction=one)) for one in (wave, noisy)]


def test_noise_sounds_less_natural_and_level_does_not_count(distillmos, wave, alone):
    clean, noisy = (result.distillmos for result in alone)
    assert 1 < noisy < clean - 0.1
    assert clean < 5
    quiet = only(distillmos, Audio(prediction=0.1 * wave)).distillmos
    assert quiet == pytest.approx(clean, abs=0.01)


def test_neighbours_do_not_count_and_an_empty_recording_fails(distillmos, wave, noisy, alone):
    together = distillmos.apply([Audio(prediction=one) for one in (wave, wave[:0], noisy)])
    assert together.pop(1).reason == "prediction: no samples, wants a recording"
    assert together == alone


def test_a_long_recording_scores_as_the_package_windows_it(distillmos, wave):
    import torch

    long = np.concatenate([wave, 0.5 * wave[::-1]])[: 8 * 16000]
    network = distillmos.network
    network.segmenting_in_forward = True
    try:
        with torch.inference_mode():
            package = float(network(torch.from_numpy(long)[None]))
    finally:
        network.segmenting_in_forward = False
    assert _windows(long).shape == (2, 122880)
    assert only(distillmos, Audio(prediction=long)).distillmos == pytest.approx(package, abs=1e-4)


@pytest.mark.parametrize(
    ("samples", "starts"), [(10, [0]), (122880, [0]), (122881, [0, 1]), (142880, [0, 10000, 20000])]
)
def test_windows_reach_both_ends(samples, starts):
    windows = _windows(np.arange(1, samples + 1, dtype="float32"))
    assert (windows[:, 0] - 1).tolist() == starts
    assert windows.max() == samples


def test_loading_leaves_no_torchaudio_behind_and_prints_nothing(capfd):
    code = (
        "import sys, warnings; warnings.simplefilter('error')\n"
        "from blocks.metric.distillmos import DistillMOS\nfrom blocks.spec import AudioSpec\n"
        "DistillMOS(DistillMOS.tiny, AudioSpec()).setup()\nassert 'torchaudio' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
    assert capfd.readouterr().out == ""


# ---- Whisper ----


@pytest.fixture(scope="module")
def english():
    return ready(WordError)


def test_clear_speech_is_understood_with_numbers_as_words(english, wave):
    result = only(english, Transcribed(prediction=wave, text=SENTENCE, language="en-US"))
    assert "seven" in result.transcript.lower()
    assert not any(map(str.isdigit, result.transcript))
    assert result.cer < 12
    assert list(english.recognisers) == ["tiny.en"]


def test_money_is_heard_in_words(english, tmp_path):
    text = "The coat costs seventy dollars, thirty percent less."
    result = only(english, Transcribed(prediction=say(text, tmp_path), text=text, language="en"))
    assert "dollars" in result.transcript
    assert not set(result.transcript) & set("$%")
    assert result.wer < 40


def test_another_text_and_noise_are_errors(english, wave):
    noise = 0.3 * np.random.default_rng(1).standard_normal(len(wave)).astype("float32")
    items = [
        Transcribed(prediction=one, text=text, language="en")
        for one, text in [(wave, SENTENCE), (wave, "Nobody is here today."), (wave + noise, SENTENCE)]
    ]
    clear, other, drowned = english.apply(items)
    assert clear.cer < min(other.cer, drowned.cer)
    assert other.wer > 80
    assert english.apply(items[2:] + items[:1]) == [drowned, clear]


@pytest.mark.slow
def test_another_language_is_understood_by_the_joined_base_model(tmp_path):
    text = "Buenos d\u00edas, el tren sale a las nueve de la ma\u00f1ana."
    block = ready(WordError)
    result = only(block, Transcribed(prediction=say(text, tmp_path, "es"), text=text, language="es-ES"))
    assert result.cer < 20
    assert set(block.recognisers["base"].model.supported_languages) - {"yue"} == whisper_asr.LANGUAGES


@pytest.mark.parametrize("threads", [1, 2])
def test_a_recogniser_leaves_torch_its_threads(threads):
    """One that took two made every training after it in the process take ten times as long on two busy cores."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    made = whisper_asr.Recogniser("tiny.en", threads)
    made.transcribe(np.zeros(16000, np.float32), "en")
    assert torch.get_num_threads() == before
