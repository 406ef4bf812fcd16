"""Corpus: the dialogues of the game Flight of the Amazon Queen, acted, in English, 11.025 kHz with nothing above 4 kHz.

From the Debian package of that name (35 MB). Roles are not people, so `speaker` is the actor whom the game's credits name:
rows of roles whose actor they do not tell, and of scenes with two, are left out and listed, and so are clips under 0.7 s or
with a pace that no text has (5 to 22 characters a second), which say something else. Three actors and one more voice are kept
for outside evaluation. Recorded below any spec's rate, it is upsampled; `band_hz` tells where it ends.
The game may be given away with its notices, changed versions marked as such; no fee may be charged for it.
"""

import io
from collections.abc import Iterator
from functools import partial

import numpy as np
from pydantic import PositiveFloat, field_validator

from blocks.base import BadItem, Failure, Skip, Source, Unread
from blocks.common import debian
from blocks.common.recordings import Entry, RecordingConfig, unread
from blocks.corpus._queen import Prompt, prompts
from blocks.corpus.schema import Utterance
from blocks.load import suggest

LICENCE = "LicenseRef-Flight-of-the-Amazon-Queen"
BAND_HZ = 4000.0
_PACKAGE = "flight-of-the-amazon-queen"
_FILE = "usr/share/scummvm/flight-of-the-amazon-queen/queen.1c"
_ACTORS = {  # of the credits: Brad Lavelle, Tom Hill, Bill Hootkins, Enn Reitel, Regina Reagan, Lisa Valdez, Debbie Arnold
    "lavelle": ("JOE", "NARR"),
    "hill": ("SPARKY", "JIM", "APE", "MAN", "LOU"),
    "hootkins": ("FRANK", "BUD"),
    "reitel": ("KLUNK", "HENRY", "DEATH", "ANDERSON"),
    "reagan": ("WITCH",),
    "valdez": ("FAYE",),
    "arnold": ("PRIN", "AMGUARD"),
}
_RESERVED = {"BOB", "ORACLE", "IAN", "CHIEF", "NAOMI", "SEC", "ZOMBIE"}
_ACTOR = {role: actor for actor, roles in _ACTORS.items() for role in roles}


class Config(RecordingConfig):
    upsample: bool = True
    min_seconds: PositiveFloat = 0.7
    slowest: PositiveFloat = 5.0  # characters a second
    fastest: PositiveFloat = 22.0
    actors: tuple[str, ...] = ()  # these alone, such as hill; none: all

    @field_validator("actors")
    @classmethod
    def _are_there(cls, actors: tuple[str, ...]) -> tuple[str, ...]:
        if strange := [actor for actor in actors if actor not in _ACTORS]:
            raise ValueError(f"no actor {strange[0]!r}{suggest(strange[0], list(_ACTORS))}")
        return actors


class AmazonQueen(Source[Config]):
    tiny = Config()
    licences = (LICENCE,)

    def fetch(self) -> None:
        debian.fetch(f"pool/main/f/{_PACKAGE}/{_PACKAGE}_1.0.0-9_all.deb")

    def fingerprint(self) -> str:
        return debian.fingerprint([_PACKAGE])

    def entries(self) -> Iterator[Unread[Utterance] | Failure | Skip]:
        every = list(map(_entry, prompts(debian.tree(_PACKAGE) / _FILE)))
        wanted = {f"queen-{actor}" for actor in self.config.actors}
        entries = [entry for entry in every if not wanted or entry.fields["speaker"] in wanted]
        for entry in unread(Utterance, entries, self.config, self.spec.sample_rate, among=every):
            yield entry.then(self._if_likely) if isinstance(entry, Unread) else entry

    def _if_likely(self, row: Utterance) -> Utterance | Skip:
        return Skip(reason, row.id) if (reason := self._unlikely(row)) else row

    def _unlikely(self, row: Utterance) -> str:
        if row.seconds < self.config.min_seconds:
            return f"short: {row.seconds:.2f} s"
        pace = len(row.text) / row.seconds
        return "" if self.config.slowest <= pace <= self.config.fastest else f"pace: {pace:.1f} characters a second"


def _entry(one: Prompt) -> Entry:
    speaker = f"queen-{_ACTOR.get(one.role, one.role.lower())}"
    fields = dict(text=one.text, speaker=speaker, language="en-US", style="acted", licence=LICENCE)
    return Entry(f"amazon-queen/{one.name}", one.name, partial(_decode, one), fields, why_left_out(one.role), BAND_HZ)


def why_left_out(role: str) -> str:
    if "/" in role:
        return f"two roles in one scene: {role}"
    if role in _RESERVED:
        return "reserved for outside evaluation"
    return "" if role in _ACTOR else f"nobody knows the actor of: {role}"


def _decode(one: Prompt) -> tuple[np.ndarray, int]:
    import soundfile

    try:
        return soundfile.read(io.BytesIO(one.sound), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise BadItem(f"the sound {one.name} cannot be decoded: {error}") from error
