"""Bytes of sound files, made while the wave comes, are what other programs read."""

import io

import numpy as np
import pytest
import soundfile

from blocks.common.audio import decode
from runner.run.output import write_out
from runner.serve.encoding import TYPES, Encoder
from runner.speak.playback import pcm16

RATE = 16000
WAVE = (0.6 * np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE)).astype(np.float32)


def encoded(format: str, wave=WAVE, rate: int = RATE, size: int = 4000) -> list[bytes]:
    """The start, then what comes of each piece, then the end."""
    encoder = Encoder(format, len(wave), rate)
    pieces = [encoder.add(pcm16(wave[at : at + size])) for at in range(0, len(wave), size)]
    return [encoder.start, *pieces, encoder.end()]


@pytest.mark.parametrize("format", [name for name in TYPES if name != "pcm"])
def test_other_programs_read_what_was_sent(tmp_path, format):
    (path := tmp_path / f"sent.{format}").write_bytes(b"".join(encoded(format)))
    samples, rate = decode(path)
    found = samples[:, 0]
    heard = found[: len(WAVE)] if rate == RATE else None
    if format in ("wav", "flac"):
        assert len(found) == len(WAVE)
        np.testing.assert_allclose(heard, WAVE, atol=1.1 / 32768)
    else:
        assert len(found) / rate == pytest.approx(3.0, abs=0.15)
        middle = found[rate : 2 * rate]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
        assert np.argmax(spectrum) == pytest.approx(440, abs=1)
        assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.6 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("format", ["wav", "pcm", "mp3", "ogg", "opus", "aac"])
def test_there_is_something_to_hear_before_the_end(format):
    pieces = encoded(format, np.tile(WAVE, 8))
    assert sum(map(len, pieces[: len(pieces) // 2])) > 0.3 * sum(map(len, pieces))


def test_a_wav_is_what_a_run_writes(tmp_path):
    loud = np.concatenate([WAVE, np.linspace(-1, 1, 999, dtype=np.float32)])

    class Table:
        def rows(self):
            yield {"id": "a", "wave": loud}

    from blocks.arrays import Wave

    (path,) = write_out(Table(), {"wave": Wave}, RATE, tmp_path)
    ours = soundfile.read(io.BytesIO(b"".join(encoded("wav", loud))), dtype="int16")[0]
    np.testing.assert_array_equal(ours, soundfile.read(path, dtype="int16")[0])


def test_a_rate_that_a_format_cannot_hold_is_told():
    with pytest.raises(ValueError, match="opus cannot hold a wave of 22050 Hz"):
        Encoder("opus", 10, 22050)
    with pytest.raises(ValueError, match="aac cannot hold a wave of 17000 Hz"):
        Encoder("aac", 10, 17000)
