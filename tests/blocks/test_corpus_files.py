"""Sound files as they come: half-written, without a length in their header, with a constant part, in hidden folders."""

import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from blocks.base import BadItem, Failure
from blocks.common import audio, headers
from blocks.corpus.folder import Folder
from runner.serve.encoding import Encoder
from runner.speak.playback import pcm16

RATE = 16000
SECONDS = 2.0
WAVE = (
    0.3 * np.sin(2 * np.pi * 220 * np.arange(int(SECONDS * RATE)) / RATE)
    + 0.05 * np.random.default_rng(0).standard_normal(int(SECONDS * RATE))
).astype("float32")
SOUNDFILE = {  # what libsndfile writes
    "wav": {}, "flac": {}, "ogg": {}, "mp3": {}, "aiff": {}, "au": {}, "caf": {}, "w64": {},
    "opus": {"format": "OGG", "subtype": "OPUS"},
}  # fmt: skip
FFMPEG = {  # suffix -> format, codec, rate, options
    "webm": ("webm", "libopus", 48000, {}),
    "m4a": ("mp4", "aac", RATE, {"movflags": "faststart"}),
    "aac": ("adts", "aac", RATE, {}),
    "mp3": ("mp3", "libmp3lame", RATE, {"write_xing": "0"}),
}
KINDS = [f"{suffix}" for suffix in SOUNDFILE] + [f"{suffix} by ffmpeg" for suffix in FFMPEG]


def encoded(kind: str) -> bytes:
    suffix, _, by = kind.partition(" by ")
    return by_ffmpeg(*FFMPEG[suffix]) if by else by_soundfile(suffix)


def by_soundfile(suffix: str, wave=WAVE, rate: int = RATE) -> bytes:
    made = io.BytesIO()
    soundfile.write(made, wave, rate, **({"format": suffix} | SOUNDFILE[suffix]))
    return made.getvalue()


def by_ffmpeg(format: str, codec: str, rate: int, options: dict, to=None) -> bytes:
    import av

    with tempfile.TemporaryDirectory() as folder:
        target = to or f"{folder}/made"  # a file can be gone over again at its end
        with av.open(target, "w", format=format, options=options) as container:
            _write(container, codec, rate)
        return to.getvalue() if to else Path(target).read_bytes()


def _write(container, codec: str, rate: int) -> None:
    import av

    stream = container.add_stream(codec, rate=rate, layout="mono")
    fitting = av.AudioResampler(format=stream.codec_context.format or "fltp", rate=rate, layout="mono")
    frame = av.AudioFrame.from_ndarray(WAVE[None], format="fltp", layout="mono")
    frame.rate = RATE
    for part in fitting.resample(frame) + fitting.resample(None):
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))


class Pipe(io.RawIOBase):
    """Where nothing can be written again: headers stay as they were at the start."""

    def __init__(self):
        self.made = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.made += bytes(data)
        return len(data)

    def getvalue(self) -> bytes:
        return bytes(self.made)


@pytest.fixture(scope="module", params=KINDS)
def file(request) -> tuple[str, bytes]:
    return request.param, encoded(request.param)


def decoded(tmp_path, kind: str, raw: bytes) -> float:
    path = tmp_path / f"a.{kind.split()[0]}"
    path.write_bytes(raw)
    wave, rate = audio.decode(path)
    return len(wave) / rate


@pytest.mark.parametrize("part", [0.2, 0.5, 0.94])
def test_a_file_that_broke_off_is_refused(tmp_path, file, part):
    kind, raw = file
    assert decoded(tmp_path, kind, raw) == pytest.approx(SECONDS, abs=0.13)
    with pytest.raises(BadItem, match=r"is cut off: |cannot be decoded: "):
        decoded(tmp_path, kind, raw[: int(len(raw) * part)])


def test_an_ogg_whose_last_page_is_not_marked_as_such_is_taken_as_whole(tmp_path):
    """As those of KLettres are; one that broke off between two pages cannot be told from them."""
    raw = by_soundfile("ogg", np.tile(WAVE, 4))
    last = raw.rindex(b"OggS")
    assert raw[:last].count(b"OggS") > 3
    assert decoded(tmp_path, "ogg", raw[:last]) < 4 * SECONDS
    with pytest.raises(BadItem, match="cut off: it ends within the header of a page"):
        decoded(tmp_path, "ogg", raw[: last + 20])


def test_an_mp3_that_ends_with_a_whole_frame_is_told_by_its_count_of_bytes(tmp_path):
    raw = by_soundfile("mp3")
    (tmp_path / "a.mp3").write_bytes(raw)
    with (tmp_path / "a.mp3").open("rb") as file:
        frame, at = headers._frame_length(raw[:4]), 0
        while at < len(raw) // 2:
            file.seek(at)
            at += headers._frame_length(file.read(4))
    assert frame
    with pytest.raises(BadItem, match=f"{at} bytes found, its header says {len(raw)}"):
        decoded(tmp_path, "mp3", raw[:at])


ID3 = b"ID3\x04\0\0" + bytes([0, 0, 1, 0]) + bytes(128)  # a tag of 128 bytes


@pytest.mark.parametrize(("before", "behind"), [(ID3, b""), (b"", b"TAG" + bytes(125)), (ID3, b"TAG" + bytes(125))])
def test_tags_around_an_mp3_are_no_fault(tmp_path, before, behind):
    for raw in (by_soundfile("mp3"), encoded("mp3 by ffmpeg")):
        assert decoded(tmp_path, "mp3", before + raw + behind) == pytest.approx(SECONDS, abs=0.13)
    with pytest.raises(BadItem, match="cut off"):
        decoded(tmp_path, "mp3", before + by_soundfile("mp3")[: -len(raw) // 2])


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "ogg", "opus"])
def test_what_the_server_sends_piece_by_piece_is_whole(tmp_path, format):
    encoder = Encoder(format, len(WAVE), RATE)
    pcm = pcm16(WAVE)
    pieces = [encoder.add(pcm[at : at + 8000]) for at in range(0, len(pcm), 8000)]
    raw = b"".join([encoder.start, *pieces, encoder.end()])
    assert decoded(tmp_path, format, raw) == pytest.approx(SECONDS, abs=0.15)


# ---- lengths that were never written ----


def sized(raw: bytes, at: int, size: int, order: str) -> bytes:
    return raw[:at] + size.to_bytes(4, order) + raw[at + 4 :]


@pytest.mark.parametrize("size", [0, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_a_wav_or_au_without_its_size_is_as_long_as_it_is(tmp_path, size):
    wav = sized(sized(by_soundfile("wav"), 4, size, "little"), 40, size, "little")
    assert decoded(tmp_path, "wav", wav) == SECONDS
    assert decoded(tmp_path, "au", sized(by_soundfile("au"), 8, size, "big")) == SECONDS


@pytest.mark.parametrize(
    ("suffix", "codec"), [("wav", "pcm_s16le"), ("flac", "flac"), ("webm", "libopus"), ("mp3", "libmp3lame")]
)
def test_a_recorder_to_a_pipe_leaves_a_whole_file(tmp_path, suffix, codec):
    raw = by_ffmpeg(suffix, codec, 48000 if codec == "libopus" else RATE, {}, to=Pipe())
    assert decoded(tmp_path, suffix, raw) == pytest.approx(SECONDS, abs=0.13)


def test_a_wav_without_samples_has_none_whatever_stands_behind(tmp_path):
    empty = by_soundfile("wav", WAVE[:0])
    for raw in (empty, empty + b"LIST" + (4).to_bytes(4, "little") + b"INFO"):
        assert decoded(tmp_path, "wav", raw) == 0


# ---- a constant part ----


def rows(spec, path, **config):
    return list(Folder(Folder.Config(path=str(path), **config), spec).read())


@pytest.mark.parametrize("offset", [0.03, 0.1, -0.2])
def test_a_constant_part_is_taken_off_and_listed(tmp_path, spec, offset):
    soundfile.write(tmp_path / "a.wav", WAVE + offset, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "b.wav", WAVE, RATE, subtype="FLOAT")
    with_offset, without = rows(spec, tmp_path)
    assert with_offset.notes == (f"a constant offset of {WAVE.mean() + offset:.3f} was taken off",)
    assert without.notes == ()
    np.testing.assert_array_equal(without.wave, WAVE, "a clean recording stays as it is, bit for bit")
    np.testing.assert_allclose(with_offset.wave, WAVE - WAVE.mean(), atol=1e-6)


def test_energy_and_vocoder_hear_no_offset(tmp_path, spec):
    """What an offset did: pauses had its level, and nothing could be said softly."""
    from blocks.features.energy import Config, Energy
    from blocks.features.schema import Recorded

    loud = WAVE * np.repeat([1.0, 1e-2], len(WAVE) // 2).astype("float32")
    soundfile.write(tmp_path / "a.wav", loud + 0.1, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "b.wav", loud, RATE, subtype="FLOAT")
    levels = [
        made.energy for made in Energy(Config(), spec).apply([Recorded(wave=row.wave) for row in rows(spec, tmp_path)])
    ]
    np.testing.assert_allclose(*levels, atol=0.5)


# ---- hidden files and folders, and suffixes in capitals ----


def test_what_is_hidden_is_passed_over_and_capitals_are_read(tmp_path, spec):
    for name in ("a.wav", "b/C.WAV", "b/d.Flac", ".ipynb_checkpoints/a-checkpoint.wav", "b/.git/x/y.wav", "b/._C.WAV"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / name, WAVE, RATE, format=name.rpartition(".")[2].upper())
    (tmp_path / "@eaDir" / "a.wav").mkdir(parents=True)  # a folder that is called as a recording
    assert [row.id for row in rows(spec, tmp_path)] == ["a", "b/C", "b/d"]
    hidden_root = tmp_path / "b" / ".git"
    assert [row.id for row in rows(spec, hidden_root)] == ["x/y"], "who asks for a hidden folder has it"


def test_a_half_file_costs_itself_alone(tmp_path, spec):
    (tmp_path / "a.opus").write_bytes(by_soundfile("opus")[:3000])
    (tmp_path / "b.wav").write_bytes(by_soundfile("wav"))
    bad, good = rows(spec, tmp_path)
    assert type(bad) is Failure
    assert bad.reason.startswith("a.opus is cut off: 3000 bytes found, its header says ")
    assert good.id == "b"
