"""Corpus: KTuberling, single words in 23 languages, 29 min, mostly 44.1 kHz, from the Debian package ktuberling-data.

Recorded by volunteers; one speaker for each language is an assumption, and so is that they are others than those of
klettres: no two folders sound alike (GE2E similarity 0.86 at most, halves of one folder 0.83 to 0.98), but one person in
two languages may not either. The rows hold no text. At 16 kHz 18 languages stay: clips at 8 kHz (most of es, fi, it,
nds, nl, pt and sv) are left out unless `upsample` is set. So are copies: three of the four Serbian folders, and the words
of fr and uk that two scenes share.
"""

from collections.abc import Iterator

from blocks.base import Failure, Skip, Source, Unread
from blocks.common import debian, kde_games
from blocks.common.recordings import unread
from blocks.corpus.schema import Recording

_SOUNDS = "usr/share/ktuberling/sounds"


class Config(kde_games.LanguagesConfig):
    pass


class Ktuberling(Source[Config]):
    tiny = Config(languages=("ga",))
    licences = (kde_games.LICENCE,)

    def fetch(self) -> None:
        debian.fetch("pool/main/k/ktuberling/ktuberling-data_22.12.3-1_all.deb")

    def fingerprint(self) -> str:
        return debian.fingerprint(["ktuberling-data"])

    def entries(self) -> Iterator[Unread[Recording] | Failure | Skip]:
        rate = self.spec.sample_rate
        return unread(Recording, kde_games.entries("ktuberling-data", _SOUNDS, self.config, rate), self.config, rate)
