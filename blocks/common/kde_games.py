"""The clips of KDE's games for children: one folder a language, recorded by volunteers, one speaker each as far as known."""

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from blocks.common import audio, debian
from blocks.common.recordings import Channel, Entry, RecordingConfig

LICENCE = "GPL-2.0-or-later"


class LanguagesConfig(RecordingConfig):
    languages: tuple[str, ...] = ()  # folders of the package, such as de and pt_BR; none: all
    channel: Channel = "mix"  # many of the files are stereo


def entries(package: str, folder: str, config: LanguagesConfig, rate: int) -> Iterator[Entry]:
    """The clips below `folder` of a Debian package; an id is GAME/LANGUAGE/..., after the package GAME-data.

    Copies of a clip under another name are left out, or one could be trained on and its copy be judged. So are clips
    below `rate`, unless they may be upsampled: volunteers recorded as they could.

    Raises ValueError for a language that is not there.
    """
    root, game = debian.tree(package) / folder, package.removesuffix("-data")
    paths = sorted(path for path in root.rglob("*") if path.suffix in audio.SUFFIXES)
    there = sorted({_language(root, path) for path in paths})
    if unknown := sorted(set(config.languages) - set(there)):
        raise ValueError(f"languages: {', '.join(unknown)} not found; there is {', '.join(there)}")
    first: dict[bytes, str] = {}
    for path in paths:
        key = path.relative_to(root).with_suffix("").as_posix()
        same = first.setdefault(hashlib.sha256(path.read_bytes()).digest(), key)
        if (language := _language(root, path)) in (config.languages or there):
            skip = f"a copy: the same recording as {same}" if same != key else _too_low(path, rate, config.upsample)
            speaker, tag = f"{game}-{language}", language.replace("_", "-")
            fields = dict(speaker=speaker, language=tag, style="neutral", licence=LICENCE)
            yield Entry(f"{game}/{key}", key, partial(_decode, path), fields, skip)


def _language(root: Path, path: Path) -> str:
    return path.relative_to(root).parts[0]


def _too_low(path: Path, rate: int, upsample: bool) -> str:
    import soundfile

    found = soundfile.info(path).samplerate
    return (
        ""
        if upsample or found >= rate
        else f"below the spec's rate: recorded at {found} Hz, want at least {rate} Hz, or upsample: true"
    )


def _decode(path: Path) -> tuple[np.ndarray, int]:
    """Some are encoded far above full scale (Setswana by 35 dB), but not clipped: they are brought back to it."""
    wave_SC, rate = audio.decode(path)
    return wave_SC / max(1.0, np.abs(wave_SC).max(initial=0.0)), rate
