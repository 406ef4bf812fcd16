"""Corpus: KLettres, letters and syllables in 20 languages, 51 min, mostly 44.1 kHz, from the Debian package klettres-data.

Recorded by volunteers; one speaker for each language is an assumption. The rows hold no text.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from blocks.base import Failure, Skip, Source
from blocks.common import audio, debian
from blocks.common.recordings import Channel, Entry, RecordingConfig, rows
from blocks.corpus.schema import Recording


class Config(RecordingConfig):
    languages: tuple[str, ...] = ()  # folders of the package, such as de and pt_BR; none: all
    channel: Channel = "mix"  # half of the files are stereo


class Klettres(Source[Config]):
    tiny = Config(languages=("nb",))
    licences = ("GPL-2.0-or-later",)

    def fetch(self) -> None:
        debian.fetch("pool/main/k/klettres/klettres-data_22.12.3-1_all.deb")

    def fingerprint(self) -> str:
        return debian.fingerprint(["klettres-data"])

    def read(self) -> Iterator[Recording | Failure | Skip]:
        return rows(Recording, self._entries(), self.config, self.spec.sample_rate)

    def _entries(self) -> Iterator[Entry]:
        root = debian.tree("klettres-data") / "usr/share/klettres"
        paths = sorted(root.rglob("*.ogg"))
        there = sorted({path.relative_to(root).parts[0] for path in paths})
        if unknown := sorted(set(self.config.languages) - set(there)):
            raise ValueError(f"languages: {', '.join(unknown)} not found; there is {', '.join(there)}")
        for path in paths:
            id = path.relative_to(root).with_suffix("").as_posix()
            language = id.split("/")[0]
            if language in (self.config.languages or there):
                fields = dict(
                    speaker=f"klettres-{language}",
                    language=language.replace("_", "-"),
                    style="neutral",
                    licence="GPL-2.0-or-later",
                )
                yield Entry(f"klettres/{id}", id, partial(_decode, path), fields)


def _decode(path: Path) -> tuple[np.ndarray, int]:
    """Most of Setswana is encoded up to 35 dB above full scale, but not clipped: it is brought back to full scale."""
    wave_SC, rate = audio.decode(path)
    return wave_SC / max(1.0, np.abs(wave_SC).max(initial=0.0)), rate
