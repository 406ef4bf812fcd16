"""Corpus: the telephone prompts of Asterisk, read by one voice per language, 16 kHz G.722 with transcripts.

English (24 min) and Spanish (30 min) are one and the same Allison; Russian (23 min) is another woman. From the Debian
packages asterisk-core-sounds-*. The French and Italian sets are kept for outside evaluation and refused here.
"""

import gzip
import re
from collections.abc import Iterator
from functools import partial

from pydantic import field_validator

from blocks.base import Failure, Skip, Source, Unread
from blocks.common import audio, debian
from blocks.common.recordings import Entry, RecordingConfig, unread
from blocks.corpus.schema import Utterance

_VOICES = {  # language -> BCP 47 tag, speaker, licence
    "en": ("en-US", "allison", "CC-BY-SA-3.0"),
    "es": ("es-MX", "allison", "CC-BY-SA-3.0"),
    "ru": ("ru-RU", "ivrvoice-ru", "CC-BY-3.0"),
}
_RESERVED = ("fr", "it")


class Config(RecordingConfig):
    languages: tuple[str, ...] = ("en",)

    @field_validator("languages")
    @classmethod
    def _known(cls, languages):
        for one in languages:
            if one in _RESERVED:
                raise ValueError(
                    f"the set {one!r} is reserved for outside evaluation; choose from {', '.join(_VOICES)}"
                )
            if one not in _VOICES:
                raise ValueError(f"no set {one!r}; choose from {', '.join(_VOICES)}")
        if not languages or len(set(languages)) < len(languages):
            raise ValueError(f"want each language once and at least one, got {list(languages)}")
        return languages


class Asterisk(Source[Config]):
    tiny = Config()
    needs = ("av",)
    extra = "audio"
    licences = ("CC-BY-SA-3.0", "CC-BY-3.0")

    def __init__(self, config, spec, seed=0):
        super().__init__(config, spec, seed)
        self.licences = tuple(sorted({_VOICES[language][2] for language in config.languages}))

    def fetch(self) -> None:
        for name in self._packages():
            debian.fetch(f"pool/main/a/asterisk-core-sounds/{name}_1.6.1-1_all.deb")

    def fingerprint(self) -> str:
        return debian.fingerprint(self._packages())

    def entries(self) -> Iterator[Unread[Utterance] | Failure | Skip]:
        for language in self.config.languages:
            yield from unread(Utterance, _entries(language), self.config, self.spec.sample_rate)

    def _packages(self) -> list[str]:
        return [
            f"asterisk-core-sounds-{language}{kind}" for language in self.config.languages for kind in ("", "-g722")
        ]


def _entries(language: str) -> Iterator[Entry]:
    name = f"asterisk-core-sounds-{language}"
    packed = debian.tree(name) / f"usr/share/doc/{name}/core-sounds-{language}.txt.gz"
    texts = transcripts(gzip.decompress(packed.read_bytes()))
    (root,) = (debian.tree(f"{name}-g722") / "usr/share/asterisk/sounds").glob(f"{language}_*")
    tag, speaker, licence = _VOICES[language]
    ids = {path.relative_to(root).with_suffix("").as_posix(): path for path in root.rglob("*.g722")}
    for id in sorted(ids):
        text, skip = transcript(id, texts.get(id, ""))
        fields = dict(text=text, speaker=speaker, language=tag, style="neutral", licence=licence)
        yield Entry(f"asterisk-{language}/{id}", id, partial(audio.decode, ids[id]), fields, skip)


def transcripts(raw: bytes) -> dict[str, str]:
    """The lines ``id: text`` of a transcript file; ``;`` starts a comment."""
    try:
        lines = raw.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        lines = raw.decode("latin-1").splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line and not line.startswith(";"))
    return {id.strip(): text.strip() for id, text in pairs}


def transcript(id: str, text: str) -> tuple[str, str]:
    """What is said, and else why the prompt is left out: notes in [..] or <..> are not spoken."""
    spoken = " ".join(re.sub(r"\[[^\]]*\]|<[^>]*>", " ", text).split())
    if id.startswith("silence/"):
        return "", "silence"
    if re.fullmatch(r"\W*|\(.*\)", spoken):
        return "", f"no speech: {text}" if text else "no transcript"
    return spoken, ""
