"""Waves as bytes of a sound file, as they come."""

import io
import struct

import numpy as np

TYPES = {  # response_format -> Content-Type
    "wav": "audio/wav",
    "pcm": "audio/pcm",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg; codecs=opus",
    "aac": "audio/aac",
}
_WIDTH = 2  # bytes of a sample


def wav_header(samples: int, rate: int) -> bytes:
    """Of a mono WAV file of 16-bit samples."""
    size = samples * _WIDTH
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate * _WIDTH, _WIDTH, 8 * _WIDTH)
    return struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE") + form + struct.pack("<4sI", b"data", size)


class Encoder:
    """Bytes of 16-bit samples to bytes of a file. Raises ValueError where the format cannot hold such a wave."""

    def __init__(self, format: str, samples: int, rate: int):
        self.start, self._file, self._format = b"", None, format
        self._held, self._given = io.BytesIO(), 0
        if format == "wav":
            self.start = wav_header(samples, rate)
        elif format != "pcm":
            self._file = _open(self._held, format, rate)

    def add(self, pcm: bytes) -> bytes:
        """What can be sent after this piece, maybe nothing."""
        if self._file is None:
            return pcm
        self._file.write(np.frombuffer(pcm, "<i2"))
        return b"" if self._format == "flac" else self._new()  # its header is written last

    def end(self) -> bytes:
        if self._file is None:
            return b""
        self._file.close()
        return self._new()

    def _new(self) -> bytes:
        """What was written behind what was given out; what is rewritten before it is left as it was."""
        new = self._held.getvalue()[self._given :]
        self._given += len(new)
        return new


class _Aac:
    """A stream of AAC frames with a header each (ADTS), by FFmpeg: libsndfile has none."""

    def __init__(self, held: io.BytesIO, rate: int):
        import av

        self._file = av.open(held, "w", format="adts")
        self._stream = self._file.add_stream("aac", rate=rate, layout="mono")
        self._stream.codec_context.open()
        self._to_float = av.AudioResampler(format="fltp", layout="mono", rate=rate)

    def write(self, samples: np.ndarray) -> None:
        import av

        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.rate = self._stream.rate
        for part in self._to_float.resample(frame):
            self._file.mux(self._stream.encode(part))

    def close(self) -> None:
        self._file.mux(self._stream.encode(None))
        self._file.close()


def _open(held: io.BytesIO, format: str, rate: int):
    if format == "aac":
        try:
            return _Aac(held, rate)
        except ImportError:
            raise ValueError("aac needs PyAV here, of the extra 'audio'; the other formats do not") from None
        except (OSError, ValueError) as error:  # as FFmpeg's own are
            raise ValueError(f"aac cannot hold a wave of {rate} Hz ({error}); wav, pcm and flac can") from None
    import soundfile

    kind, subtype = {"opus": ("OGG", "OPUS"), "ogg": ("OGG", "VORBIS")}.get(format, (format.upper(), None))
    # Of a file with a changing rate, players that see its beginning guess a wrong length.
    more = {"bitrate_mode": "CONSTANT", "compression_level": 0.5} if format == "mp3" else {}
    try:
        return soundfile.SoundFile(held, "w", rate, 1, subtype, format=kind, **more)
    except soundfile.LibsndfileError as error:
        why = error.error_string.removeprefix("Error : ").rstrip(".")
        raise ValueError(f"{format} cannot hold a wave of {rate} Hz ({why}); wav, pcm and flac can") from None
