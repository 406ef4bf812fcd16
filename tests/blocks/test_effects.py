"""Effects by their physics: a whisper has no pitch, a song has the notes asked for, noise stands at the ratio asked for."""

import numpy as np
import pytest

from blocks.base import BadItem, Failure
from blocks.common.mel import log_mel
from blocks.corpus.asterisk import Asterisk
from blocks.effect.babble import Babble
from blocks.effect.noise import Noise, Noisy
from blocks.effect.schema import Recorded
from blocks.effect.sing import Sing
from blocks.effect.whisper import Whisper
from blocks.features.pitch import Pitch
from blocks.spec import AudioSpec, preset
from tests.blocks.signals import cents, tone

SPEC = AudioSpec()


@pytest.fixture(scope="module")
def speech():
    """Two recordings of a real voice, of three seconds and more."""
    block = Asterisk(Asterisk.Config(), SPEC)
    block.fetch()
    rows = (row for row in block.read() if not isinstance(row, Failure) and 3 < row.seconds < 6)
    return [next(rows).wave, next(rows).wave]


def heard(wave, spec=SPEC):
    (found,) = Pitch(Pitch.tiny, spec).apply([Recorded(wave=wave)])
    return found


# ---- whisper ----


def test_a_whisper_has_no_pitch_and_the_same_sounds(speech):
    wave = speech[0]
    (whispered,) = Whisper(Whisper.Config(gain_db=0), SPEC).apply([item(wave)])
    assert len(whispered.wave) == len(wave)
    assert heard(wave).voicing.mean() > 0.3
    assert heard(whispered.wave).voicing.mean() < 0.02
    a, b = (log_mel(x, SPEC) for x in (wave, whispered.wave))
    loud = a.max(1) > a.max() - 4
    assert np.corrcoef(a[loud].ravel(), b[loud].ravel())[0, 1] > 0.75


def test_a_whisper_is_weaker_by_what_is_asked(speech):
    wave = speech[0][8000:20000]
    loud, weak = (Whisper(Whisper.Config(gain_db=db), SPEC).apply([item(wave)])[0].wave for db in (0, -10))
    assert power_db(loud) - power_db(weak) == pytest.approx(10, abs=0.1)


# ---- song ----


@pytest.mark.parametrize("stretch", [1.0, 2.0])
def test_a_song_has_the_notes_asked_for(speech, stretch):
    wave = speech[1]
    config = Sing.Config(melody=(0, 4, 7), stretch=stretch, vibrato_cents=0)
    (sung,) = Sing(config, SPEC).apply([item(wave)])
    assert len(sung.wave) == round(stretch * len(wave))
    assert len(sung.pitch) == SPEC.frames(len(sung.wave))
    assert len(np.unique(sung.pitch[sung.pitch > 0])) == 3
    found = heard(sung.wave)
    both = inside(sung.pitch > 0) & inside(found.voicing) & held(sung.pitch)
    assert both.mean() > 0.15
    off = np.abs(cents(found.pitch[both], sung.pitch[both]))
    assert np.quantile(off, 0.95) < 50


def test_notes_are_those_of_a_piano_and_vibrato_swings_around_them():
    hz = 220 * 2 ** (0.4 / 12)  # nearest to A3
    wave = tone(hz, 1.5, SPEC)
    for vibrato in (0.0, 40.0):
        config = Sing.Config(melody=(0, 12), note_s=0.6, stretch=1, vibrato_cents=vibrato)
        (sung,) = Sing(config, SPEC).apply([item(wave)])
        times = SPEC.frame_times(len(sung.pitch))
        asked = np.where((times // 0.6) % 2 == 0, 220, 440)
        np.testing.assert_allclose(sung.pitch[5:-5], asked[5:-5], rtol=1e-6)
        found = heard(sung.wave)
        sure = inside(found.voicing) & held(sung.pitch)
        off = cents(found.pitch[sure], sung.pitch[sure])
        assert abs(np.mean(off)) < 8
        assert np.std(off) == pytest.approx(vibrato / np.sqrt(2), abs=6)


def test_what_cannot_be_sung_is_refused():
    block = Sing(Sing.Config(melody=(0, -24)), SPEC)
    with pytest.raises(BadItem, match=r"no voiced sound found in 0\.50 s"):
        block.apply([item(np.zeros(8000, np.float32))])
    with pytest.raises(BadItem, match="median pitch is 200 Hz, the lowest note 49 Hz, want at least f_min 71 Hz"):
        block.apply([item(tone(200, 0.5, SPEC))])


# ---- noise ----


@pytest.mark.parametrize("snr", [-5, 0, 20])
@pytest.mark.parametrize("kind", ["white", "pink", "babble"])
def test_noise_stands_at_the_ratio_asked_for(speech, snr, kind):
    wave = speech[0] * np.float32(0.2)  # far enough from full scale that nothing is made quieter
    babble = Babble(Babble.tiny, SPEC).reduce(list(map(item, speech))).wave if kind == "babble" else None
    block = Noise(Noise.Config(snr_db=snr, color="white" if kind == "white" else "pink"), SPEC)
    (noisy,) = block.apply([Noisy(wave=wave, noise=babble)])
    added = noisy.wave.astype(np.float64) - wave
    assert power_db(wave) - power_db(added) == pytest.approx(snr, abs=0.1)
    assert abs(np.corrcoef(wave, added)[0, 1]) < 0.1


def test_a_loud_mixture_is_scaled_as_a_whole_and_not_clipped():
    wave = tone(200, 1.0, SPEC, 0.95)
    (noisy,) = Noise(Noise.Config(snr_db=0, color="white"), SPEC).apply([Noisy(wave=wave)])
    assert np.abs(noisy.wave).max() == pytest.approx(1)
    assert (np.abs(noisy.wave) > 0.999).sum() == 1
    gain = noisy.wave @ wave / (wave @ wave)
    assert power_db(gain * wave) - power_db(noisy.wave - gain * wave) == pytest.approx(0, abs=0.1)


def test_pink_noise_has_as_much_power_in_each_octave():
    wave = np.full(160000, 1e-6, np.float32)
    wave[::2] *= -1
    levels = {}
    for color in ("white", "pink"):
        (noisy,) = Noise(Noise.Config(snr_db=-60, color=color), SPEC).apply([Noisy(wave=wave)])
        power = np.abs(np.fft.rfft(noisy.wave)) ** 2
        hz = np.fft.rfftfreq(len(wave), 1 / 16000)
        levels[color] = [10 * np.log10(power[(hz >= f) & (hz < 2 * f)].sum()) for f in (250, 500, 1000, 2000)]
    np.testing.assert_allclose(np.diff(levels["pink"]), 0, atol=0.7)
    np.testing.assert_allclose(np.diff(levels["white"]), 3, atol=0.7)


def test_noise_follows_content_and_seed():
    a, b = (item(tone(hz, 0.3, SPEC)) for hz in (150, 200))
    noise = Noise(Noise.Config(), SPEC, seed=1)
    alone, among = noise.apply([Noisy(wave=a.wave)])[0], noise.apply([Noisy(wave=b.wave), Noisy(wave=a.wave)])[1]
    assert np.array_equal(alone.wave, among.wave)
    (other,) = Noise(Noise.Config(), SPEC, seed=2).apply([Noisy(wave=a.wave)])
    assert not np.array_equal(alone.wave, other.wave)


def test_silence_has_no_ratio_and_silent_noise_none_to_give():
    with pytest.raises(BadItem, match="100 silent samples found, want a sound"):
        Noise(Noise.tiny, SPEC).apply([Noisy(wave=np.zeros(100, np.float32))])
    with pytest.raises(BadItem, match="the noise is silent"):
        Noise(Noise.tiny, SPEC).apply([Noisy(wave=tone(200, 0.1, SPEC), noise=np.zeros(50, np.float32))])


def test_babble_is_made_of_all_voices_at_equal_power():
    low, high = tone(110, 0.8, SPEC, 0.01), tone(1900, 1.1, SPEC, 0.5)
    talk = Babble(Babble.Config(voices=2, seconds=0.8), SPEC).reduce([item(low), item(high)]).wave
    assert len(talk) == 12800
    part = [np.dot(talk, x[:12800]) / np.linalg.norm(x[:12800]) for x in (low, high)]
    assert part[0] == pytest.approx(part[1], rel=0.05)
    with pytest.raises(ValueError, match="1 recordings found, all silent"):
        Babble(Babble.tiny, SPEC).reduce([item(np.zeros(10, np.float32))])


@pytest.mark.parametrize("cls", [Whisper, Sing])
def test_effects_keep_to_the_spec_of_any_rate(cls):
    spec = preset("hifigan_22k")
    (made,) = cls(cls.tiny, spec).apply([item(tone(180, 0.5, spec))])
    assert made.wave.dtype == np.float32
    assert np.abs(made.wave).max() <= 1
    assert len(made.wave) == round(11025 * getattr(cls.tiny, "stretch", 1))


def item(wave):
    return Recorded(wave=wave)


def power_db(wave):
    return 10 * np.log10(np.mean(np.square(wave, dtype=np.float64)))


def inside(mask, margin=3):
    """Without the frames near an edge, where a pitch is anybody's guess."""
    return np.convolve(mask, np.ones(2 * margin + 1), "same") > 2 * margin + 0.5


def held(pitch, margin=3):
    """Frames whose neighbours have the same note."""
    return inside(np.diff(pitch, prepend=pitch[:1]) == 0, margin)


def test_what_lies_above_a_frequency_is_gone_and_nothing_else_moves(spec):
    from blocks.effect.low_pass import Banded, LowPass

    t = np.arange(spec.sample_rate) / spec.sample_rate
    low, high = (0.3 * np.sin(2 * np.pi * hz * t).astype(np.float32) for hz in (500, 6000))
    block = LowPass(LowPass.Config(), spec)
    cut, told, whole = block.apply([Banded(wave=low + high, band_hz=hz) for hz in (None, 4000.0, spec.sample_rate / 2)])
    np.testing.assert_allclose(cut.wave[200:-200], low[200:-200], atol=1e-3)
    np.testing.assert_array_equal(cut.wave, told.wave)
    np.testing.assert_array_equal(whole.wave, low + high)
    (short,) = block.apply([Banded(wave=np.ones(3, np.float32))])
    assert len(short.wave) == 3
