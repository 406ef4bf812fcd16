r"""Corpus: the dialogues of the game Fish Fillets, acted, in Czech (106 min) and Dutch (96 min), 22.05 or 44.1 kHz.

The fish `small` and `big` speak most of it, other actors in each language; Czech has about thirty smaller roles. From
the Debian packages fillets-ng-data (scripts with the texts) and fillets-ng-data-cs, -nl (recordings). Whole levels of
the game are drawn for a split, the same ones in both languages, so that a dialogue stays whole but for lines that another
level has too (`blocks.common.splits`).

A script of a level holds ``dialogId("name", "font_ROLE", "English") dialogStr("what is said")``.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field

from blocks.base import Failure, Skip, Source, Unread
from blocks.common import audio, debian
from blocks.common.recordings import Channel, Entry, RecordingConfig, unread
from blocks.corpus.schema import Utterance

_GAME = "usr/share/games/fillets-ng"
_TAGS = {"cs": "cs-CZ", "nl": "nl-NL"}
# Fonts that are a mere colour: who speaks in it differs from level to level.
_COLOURS = {"white", "lightgrey", "darkgrey", "green", "brown", "magenta", "yellow", "cyan"}
_STRING = r'"((?:[^"\\]|\\.)*)"'
_DIALOG = re.compile(
    rf"dialogId\(\s*{_STRING}\s*,\s*{_STRING}\s*,\s*{_STRING}\s*\)\s*(?:dialogStr\(\s*{_STRING}\s*\))?"
)


class Config(RecordingConfig):
    languages: tuple[Literal["cs", "nl"], ...] = Field(("cs", "nl"), min_length=1)
    levels: tuple[str, ...] = ()  # of the game; none: all
    channel: Channel = "mix"  # all of Dutch is stereo, with a little echo


class Fillets(Source[Config]):
    tiny = Config(languages=("nl",))
    licences = ("GPL-2.0-only",)

    def fetch(self) -> None:
        for name in self._packages():
            debian.fetch(f"pool/main/f/fillets-ng-data/{name}_1.0.1-1.1_all.deb")

    def fingerprint(self) -> str:
        return debian.fingerprint(self._packages())

    def entries(self) -> Iterator[Unread[Utterance] | Failure | Skip]:
        """Raises ValueError for a level that the game lacks."""
        for language in self.config.languages:
            entries = list(_entries(language))
            chosen = self._chosen(language, entries)
            yield from unread(Utterance, chosen, self.config, self.spec.sample_rate, among=entries)

    def _chosen(self, language: str, entries: list[Entry]) -> list[Entry]:
        wanted = set(self.config.levels)
        levels = {entry.key for entry in entries}
        if unknown := ", ".join(sorted(wanted - levels)):
            raise ValueError(f"levels {unknown} are not in {language}, want some of {', '.join(sorted(levels))}")
        return [entry for entry in entries if not wanted or entry.key in wanted]

    def _packages(self) -> list[str]:
        return ["fillets-ng-data", *(f"fillets-ng-data-{language}" for language in self.config.languages)]


def _entries(language: str) -> Iterator[Entry]:
    lines = _script(debian.tree("fillets-ng-data") / _GAME / "script", language)
    root = debian.tree(f"fillets-ng-data-{language}") / _GAME / "sound"
    for path in sorted(root.rglob("*.ogg")):
        # LEVEL/cs/name.ogg, or share/jokes/cs/name.ogg
        folder = path.parent.parent.relative_to(root)
        level = folder.parts[0]
        role, text = lines.get((level, path.stem), ("", ""))
        skip = _why_left_out(role, text)
        speaker = f"fillets-{language}-{level}-{role}" if role in _COLOURS else f"fillets-{language}-{role}"
        fields = dict(text=text, speaker=speaker, language=_TAGS[language], style="acted", licence="GPL-2.0-only")
        id = f"fillets-{language}/{folder.as_posix()}/{path.stem}"
        yield Entry(id, level, partial(audio.decode, path), fields, skip)


def _script(root: Path, language: str) -> dict[tuple[str, str], tuple[str, str]]:
    found = {}
    for path in sorted(root.glob(f"*/*dialogs_{language}.lua")):
        for name, line in dialogs(path.read_text("utf-8")).items():
            found[path.parent.name, name] = line
    return found


def dialogs(script: str) -> dict[str, tuple[str, str]]:
    """name -> (role, text) of the dialogues in a script; a text not translated is empty."""
    return {
        name: (font.removeprefix("font_"), re.sub(r"\\(.)", r"\1", line).strip())
        for name, font, _, line in _DIALOG.findall(script)
    }


def _why_left_out(role: str, text: str) -> str:
    if not text or not role:
        return "no transcript"
    if "%" in text:
        return f"only a part of the text is spoken: {text}"
    return "two speakers at once" if role == "both" else ""
