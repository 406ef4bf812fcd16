"""Whether a sound file is as long as its own header says: a copy or a download that broke off is told from a short recording.

Decoders pass over this in silence. Read are the headers of WAV (RIFF), AIFF, Wave64, AU, CAF, Ogg (RFC 3533) and MPEG audio
(Xing, Info and VBRI frames, and the last frame). Recorders to a pipe never learn the length and leave 0, or a
number near 2 or 4 GiB: such a file is as long as it is.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_UNKNOWN = 0x7FFF_0000  # a length from here on, or 0, says nothing
_HEAD = 4096
_OGG_PAGE = 65_307  # bytes of the longest page
_KBPS = {  # of layer III, by the version bits: MPEG 1; MPEG 2 and 2.5
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def cut_off(path: Path) -> str:
    """What is missing by the header's account; nothing where the file is whole, or where its header does not say."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD)
        read = next((read for magic, read in _FORMATS.items() if head.startswith(magic)), None)
        if read is None and head[:1] == b"\xff" and path.suffix.lower() == ".mp3":
            read = _mpeg
        found = read(file, head, size) if read else None
    if isinstance(found, int):
        return f"{size} bytes found, its header says {found}" if size + 1 < found else ""
    return found or ""


def with_size(path: Path) -> io.BytesIO | Path:
    """The file, or where it is a WAV or AU without a length while samples follow, the same with one that decoders know as open."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    at, size = None, path.stat().st_size
    if head[:4] == b".snd" and _au(file, head, size) is None and size > int.from_bytes(head[4:8], "big"):
        at = 8
    elif head[:4] == b"RIFF":
        place = _data_chunk(head)
        if place and head[place + 4 : place + 8] == bytes(4) and not _only_chunks(path, place + 8):
            at = place + 4
    if at is None:
        return path
    raw = bytearray(path.read_bytes())
    raw[at : at + 4] = b"\xff" * 4
    return io.BytesIO(raw)


# ---- each gives the bytes that there should be, a reason of its own, or None ----


def _riff(file: BinaryIO, head: bytes, size: int) -> int | None:
    return _claimed(int.from_bytes(head[4:8], "little"), 8)


def _form(file: BinaryIO, head: bytes, size: int) -> int | None:
    return _claimed(int.from_bytes(head[4:8], "big"), 8)


def _wave64(file: BinaryIO, head: bytes, size: int) -> int | None:
    claimed = int.from_bytes(head[16:24], "little")
    return claimed if 0 < claimed < 1 << 62 else None


def _au(file: BinaryIO, head: bytes, size: int) -> int | None:
    return _claimed(int.from_bytes(head[8:12], "big"), int.from_bytes(head[4:8], "big"))


def _caf(file: BinaryIO, head: bytes, size: int) -> int | None:
    at = 8
    while at + 12 <= size:
        file.seek(at)
        length = int.from_bytes(file.read(12)[4:], "big", signed=True)
        if length < 0:  # left open, which only the last chunk may be
            return None
        at += 12 + length
    return at


def _ogg(file: BinaryIO, head: bytes, size: int) -> int | str:
    start = max(0, size - 2 * _OGG_PAGE)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"OggS")
    page = tail[at:] if at >= 0 else b""
    segments = page[26] if len(page) > 26 else 0
    if len(page) < 27 + segments:
        return "it ends within the header of a page"
    if (end := 27 + segments + sum(page[27 : 27 + segments])) > len(page):
        return start + at + end
    return ""  # whether it is marked as the last says nothing: encoders of real corpora (KLettres) leave the mark out


def _mpeg(file: BinaryIO, head: bytes, size: int) -> int | str | None:
    at = 0
    if head[:3] == b"ID3":  # a tag before, its length in seven bits a byte
        at = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0)))
    file.seek(at)
    frame, claimed = file.read(_HEAD), 0
    if (place := max(frame.find(b"Xing", 4, 64), frame.find(b"Info", 4, 64))) > 0:
        flags = frame[place + 7]
        claimed = int.from_bytes(frame[place + 8 + 4 * (flags & 1) :][:4], "big") if flags & 2 else 0
    elif (place := frame.find(b"VBRI", 4, 64)) > 0:
        claimed = int.from_bytes(frame[place + 10 : place + 14], "big")
    whole = at + claimed - _frame_length(frame[:4])  # some count a frame more
    return at + claimed if claimed and size < whole else _torn_frame(file, at, size)


def _torn_frame(file: BinaryIO, at: int, size: int) -> int | None:
    """Where a file of MPEG frames alone ends within one, that frame's end."""
    while at + 4 <= size:
        file.seek(at)
        if not (length := _frame_length(file.read(4))):
            return None  # a tag behind, or what we cannot tell
        at += length
    return at


def _frame_length(head: bytes) -> int:
    """Bytes of a frame of MPEG layer III; 0 where it is none, or of no fixed rate."""
    version, layer, rate, speed = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 2 & 3, head[2] >> 4
    if head[0] != 0xFF or head[1] & 0xE0 != 0xE0 or version == 1 or layer != 1 or rate == 3 or speed in (0, 15):
        return 0
    kbps = _KBPS[3 if version == 3 else 2][speed]
    return (144 if version == 3 else 72) * kbps * 1000 // _RATES[version][rate] + (head[2] >> 1 & 1)


_FORMATS: dict[bytes, Callable] = {
    b"RIFF": _riff, b"FORM": _form, b"riff": _wave64, b".snd": _au, b"caff": _caf, b"OggS": _ogg, b"ID3": _mpeg,
}  # fmt: skip


def _claimed(length: int, before: int) -> int | None:
    return length + before if 0 < length < _UNKNOWN else None


def _data_chunk(head: bytes) -> int | None:
    """Where the data chunk of a WAV begins, if it does within the head."""
    at = 12
    while at + 8 <= len(head):
        if head[at : at + 4] == b"data":
            return at
        length = int.from_bytes(head[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
    return None


def _only_chunks(path: Path, at: int) -> bool:
    """Whether what follows is nothing, or whole chunks up to the end: then the data really are none."""
    raw = path.read_bytes()
    while at + 8 <= len(raw) and raw[at : at + 4].isascii():
        length = int.from_bytes(raw[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
    return at in (len(raw), len(raw) + 1)
