"""Corpus: KLettres, letters and syllables in 20 languages, 51 min, mostly 44.1 kHz, from the Debian package klettres-data.

Recorded by volunteers; one speaker for each language is an assumption. The rows hold no text.
"""

from collections.abc import Iterator

from blocks.base import Failure, Skip, Source, Unread
from blocks.common import debian, kde_games
from blocks.common.recordings import unread
from blocks.corpus.schema import Recording


class Config(kde_games.LanguagesConfig):
    pass


class Klettres(Source[Config]):
    tiny = Config(languages=("nb",))
    licences = (kde_games.LICENCE,)

    def fetch(self) -> None:
        debian.fetch("pool/main/k/klettres/klettres-data_22.12.3-1_all.deb")

    def fingerprint(self) -> str:
        return debian.fingerprint(["klettres-data"])

    def entries(self) -> Iterator[Unread[Recording] | Failure | Skip]:
        rate = self.spec.sample_rate
        return unread(
            Recording, kde_games.entries("klettres-data", "usr/share/klettres", self.config, rate), self.config, rate
        )
