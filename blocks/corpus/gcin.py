"""Corpus: the syllables of Mandarin in all tones, each alone, 44.1 kHz, from the Debian package gcin-voice.

The voice lo (a voice actress, 5.9 min) is clean and licensed CC-BY-3.0; liu (a man, 7.8 min) stands only 11 dB above
its noise, comes under GPL-3.0 or LGPL-3.0, and is left out unless asked for. The rows hold no text. A syllable lies in
one split for both voices.
"""

from collections.abc import Iterator
from functools import partial
from typing import Literal

from pydantic import Field

from blocks.base import Failure, Skip, Source, Unread
from blocks.common import audio, debian
from blocks.common.recordings import Entry, RecordingConfig, unread
from blocks.corpus.schema import Recording

_VOICES = {  # name -> file of each syllable's folder, licence
    "lo": ("5.ogg", "CC-BY-3.0"),
    "liu": ("3.ogg", "GPL-3.0-only OR LGPL-3.0-only"),
}
_SILENT = {("lo", "ㄏㄡ2"), ("lo", "ㄏㄡ3"), ("lo", "ㄏㄡ4")}


class Config(RecordingConfig):
    voices: tuple[Literal["lo", "liu"], ...] = Field(("lo",), min_length=1)


class Gcin(Source[Config]):
    tiny = Config()
    licences = tuple(licence for _, licence in _VOICES.values())

    def __init__(self, config, spec, seed=0):
        super().__init__(config, spec, seed)
        self.licences = tuple(_VOICES[voice][1] for voice in config.voices)

    def fetch(self) -> None:
        debian.fetch("pool/main/g/gcin-voice/gcin-voice_0~20170223-3_all.deb")

    def fingerprint(self) -> str:
        return debian.fingerprint(["gcin-voice"])

    def entries(self) -> Iterator[Unread[Recording] | Failure | Skip]:
        for voice in self.config.voices:
            yield from unread(Recording, _entries(voice), self.config, self.spec.sample_rate)


def _entries(voice: str) -> Iterator[Entry]:
    file, licence = _VOICES[voice]
    fields = dict(speaker=f"gcin-{voice}", language="cmn-TW", style="neutral", licence=licence)
    for path in sorted((debian.tree("gcin-voice") / "usr/share/gcin-voice/ogg").glob(f"*/{file}")):
        syllable = path.parent.name
        skip = "silent" if (voice, syllable) in _SILENT else ""
        yield Entry(f"gcin/{voice}/{syllable}", syllable, partial(audio.decode, path), fields, skip)
