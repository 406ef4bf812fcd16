"""Corpus: festvox-ru, one male Russian voice (nsh), 620 read sentences, 99.5 min, 16 kHz.

The material of a Festival voice by N. V. Shmyrev, from the Debian package of that name. In the texts a ``+`` stands
before a stressed vowel and commas mark phrase breaks, as transcribed.
"""

import re
from collections.abc import Iterator
from functools import partial

from blocks.base import Failure, Skip, Source
from blocks.common import audio, debian
from blocks.common.recordings import Entry, RecordingConfig, rows
from blocks.corpus.schema import Utterance

_VOICE = "usr/share/festival/voices/russian/msu_ru_nsh_clunits"


class Config(RecordingConfig):
    pass


class Festvox(Source[Config]):
    tiny = Config()
    licences = ("MIT-Festival",)  # the permission notice of Festival, word for word, under another author's name

    def fetch(self) -> None:
        debian.fetch("pool/main/f/festvox-ru/festvox-ru_0.5+dfsg-6_all.deb")

    def fingerprint(self) -> str:
        return debian.fingerprint(["festvox-ru"])

    def read(self) -> Iterator[Utterance | Failure | Skip]:
        return rows(Utterance, _entries(), self.config, self.spec.sample_rate)


def _entries() -> Iterator[Entry]:
    root = debian.tree("festvox-ru") / _VOICE
    texts = transcripts((root / "etc/txt.done.data").read_text("utf-8"))
    for path in sorted(root.glob("wav/*.wav")):
        text = texts.get(path.stem, "")
        fields = dict(text=text, speaker="nsh", language="ru-RU", style="neutral", licence="MIT-Festival")
        skip = "" if text else "no transcript"
        yield Entry(f"festvox-ru/{path.stem}", path.stem, partial(audio.decode, path), fields, skip)


def transcripts(text: str) -> dict[str, str]:
    r"""The lines ``( id "text" )`` of a Festival prompt file; ``\"`` is a quote."""
    found = re.findall(r'^\(\s*(\S+)\s+"((?:[^"\\]|\\.)*)"\s*\)', text, flags=re.MULTILINE)
    return {id: re.sub(r"\\(.)", r"\1", said).strip() for id, said in found}
