"""Corpus: festvox-ru, one male Russian voice (nsh), 620 read sentences, 99.5 min, 16 kHz.

The material of a Festival voice by N. V. Shmyrev, from the Debian package of that name. In the texts a ``+`` stands
before a stressed vowel and commas mark phrase breaks, as transcribed. The phones are those of the labels in the package,
which an automatic aligner made: 51 symbols, each one phone of the inventory here, pauses where there are some.
"""

import re
from collections.abc import Iterator
from functools import partial

import numpy as np

from blocks.base import Failure, Skip, Source, Unread
from blocks.common import audio, debian, textgrid
from blocks.common.recordings import Entry, RecordingConfig, unread
from blocks.corpus.schema import Labelled, Utterance

BAND_HZ = 7200.0  # a brick wall
_VOICE = "usr/share/festival/voices/russian/msu_ru_nsh_clunits"
# Vowels by their reduction, after msu_ru_nsh_phoneset.scm: aa stressed, a before the stress, ay and ae farther from it.
_IPA = dict(
    pau="sil", aa="ˈa", ee="ˈɛ", ii="ˈi", oo="ˈo", uu="ˈu", yy="ˈɨ", a="ɐ", e="ɛ", i="i", u="u", y="ɨ", ay="ə", ae="ɪ", ur="ʊ",
    p="p", b="b", t="t", d="d", k="k", g="ɡ", f="f", v="v", s="s", z="z", h="x", m="m", n="n", l="l", r="r", j="j",
    pp="pʲ", bb="bʲ", tt="tʲ", dd="dʲ", kk="kʲ", gg="ɡʲ", ff="fʲ", vv="vʲ", ss="sʲ", zz="zʲ", hh="xʲ", mm="mʲ", nn="nʲ",
    ll="lʲ", rr="rʲ", c="t͡s", ch="t͡ɕ", sh="ʂ", sch="ɕː", zh="ʐ",
)  # fmt: skip


class Config(RecordingConfig):
    pass


class Festvox(Source[Config]):
    tiny = Config()
    licences = ("MIT-Festival",)  # the permission notice of Festival, word for word, under another author's name

    def fetch(self) -> None:
        debian.fetch("pool/main/f/festvox-ru/festvox-ru_0.5+dfsg-6_all.deb")

    def fingerprint(self) -> str:
        return debian.fingerprint(["festvox-ru"])

    def entries(self) -> Iterator[Unread[Labelled] | Failure | Skip]:
        for entry in unread(Utterance, _entries(), self.config, self.spec.sample_rate):
            yield entry.then(self._labelled) if isinstance(entry, Unread) else entry

    def _labelled(self, row: Utterance) -> Labelled:
        labels = textgrid.read_labels(debian.tree("festvox-ru") / _VOICE / f"lab/{row.id.rsplit('/')[-1]}.lab")
        phones = tuple(_IPA[label.label] for label in labels)
        ends = np.array([label.end for label in labels])
        durations = self.spec.durations(ends, self.spec.frames(len(row.wave)))
        return Labelled(**dict(row), phones=phones, durations=durations)


def _entries() -> Iterator[Entry]:
    root = debian.tree("festvox-ru") / _VOICE
    texts = transcripts((root / "etc/txt.done.data").read_text("utf-8"))
    for path in sorted(root.glob("wav/*.wav")):
        text = texts.get(path.stem, "")
        fields = dict(text=text, speaker="nsh", language="ru-RU", style="neutral", licence="MIT-Festival")
        skip = "" if text else "no transcript"
        yield Entry(f"festvox-ru/{path.stem}", path.stem, partial(audio.decode, path), fields, skip, BAND_HZ)


def transcripts(text: str) -> dict[str, str]:
    r"""The lines ``( id "text" )`` of a Festival prompt file; ``\"`` is a quote."""
    found = re.findall(r'^\(\s*(\S+)\s+"((?:[^"\\]|\\.)*)"\s*\)', text, flags=re.MULTILINE)
    return {id: re.sub(r"\\(.)", r"\1", line).strip() for id, line in found}
