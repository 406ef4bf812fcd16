"""Corpus: the names of Tux Paint's stamps, said by volunteers, 44.1 kHz, from the Debian package tuxpaint-stamps-default (161 MB).

Short phrases such as "A frog."; one speaker a language as far as is known, but two in Catalan and French, whom nothing tells
apart: `speaker` names both there. A stamp lies in one split for all languages, but for stamps that share their name with
another in one of them. Belarusian and Bulgarian are kept for outside
evaluation and refused here. Copies of a clip are left out.
"""

import hashlib
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pydantic import field_validator

from blocks.base import Failure, Skip, Source, Unread
from blocks.common import audio, debian
from blocks.common.recordings import Channel, Entry, RecordingConfig, unread
from blocks.corpus.schema import Utterance

_PACKAGE = "tuxpaint-stamps-default"
_STAMPS = "usr/share/tuxpaint/stamps"
_CLIP = re.compile(r"(?P<stamp>.*)_desc_(?P<language>[a-z]{2})\.(?:ogg|wav)")
_TAGS = {"ca": "ca-ES", "da": "da-DK", "el": "el-GR", "es": "es-ES", "fr": "fr-FR", "ro": "ro-RO", "ru": "ru-RU"}
_RESERVED = ("be", "bg")


class Config(RecordingConfig):
    languages: tuple[str, ...] = ("ro", "es", "ru", "el")  # those of one speaker with many clips
    channel: Channel = "mix"

    @field_validator("languages")
    @classmethod
    def _known(cls, languages):
        for one in languages:
            if one in _RESERVED:
                raise ValueError(f"{one!r} is reserved for outside evaluation; choose from {', '.join(_TAGS)}")
            if one not in _TAGS:
                raise ValueError(f"no language {one!r}; choose from {', '.join(_TAGS)}")
        if not languages or len(set(languages)) < len(languages):
            raise ValueError(f"want each language once and at least one, got {list(languages)}")
        return languages


class Tuxpaint(Source[Config]):
    tiny = Config(languages=("ro",))
    licences = ("GPL-2.0-only",)

    def fetch(self) -> None:
        debian.fetch("pool/main/t/tuxpaint-stamps/tuxpaint-stamps-default_2022.06.04-1_all.deb")

    def fingerprint(self) -> str:
        return debian.fingerprint([_PACKAGE])

    def entries(self) -> Iterator[Unread[Utterance] | Failure | Skip]:
        entries = list(self._entries())
        for language in self.config.languages:
            own = [entry for entry in entries if entry.fields["language"] == _TAGS[language]]
            yield from unread(Utterance, own, self.config, self.spec.sample_rate)

    def _entries(self) -> Iterator[Entry]:
        root = debian.tree(_PACKAGE) / _STAMPS
        first: dict[tuple[str, bytes], str] = {}
        for path in sorted(root.rglob("*_desc_*")):
            found = _CLIP.fullmatch(path.relative_to(root).as_posix())
            if not found or found["language"] not in self.config.languages:
                continue
            stamp, language = found["stamp"], found["language"]
            text = _name(root / f"{stamp}.txt", language)
            same = first.setdefault((language, hashlib.sha256(path.read_bytes()).digest()), stamp)
            skip = f"a copy: the same recording as {same}" if same != stamp else "" if text else "no transcript"
            fields = dict(text=text, speaker=f"tuxpaint-{language}", language=_TAGS[language], style="neutral")
            fields["licence"] = "GPL-2.0-only"
            yield Entry(f"tuxpaint-{language}/{stamp}", stamp, partial(audio.decode, path), fields, skip)


def _name(path: Path, language: str) -> str:
    return names(path.read_text("utf-8", "replace")).get(language, "") if path.is_file() else ""


def names(text: str) -> dict[str, str]:
    """language -> what a stamp is called, from its text file: English first, then lines such as ``ro.utf8=O broască.``"""
    english, *others = text.splitlines() or [""]
    pairs = (line.split(".utf8=", 1) for line in others if ".utf8=" in line)
    return {"en": english.strip()} | {language: name.strip() for language, name in pairs}
