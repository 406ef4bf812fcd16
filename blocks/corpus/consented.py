"""Corpus: a folder of one speaker's recordings, who speaks or has agreed that this voice be made; without that said nothing is read.

`consent` says who agreed, when, and for what; it goes along with all that is made of the recordings, and stands in the card of models.
A folder is read as `corpus.folder` reads it. The text of ``a/b.wav`` is in metadata.csv (``id|text``, or LJ Speech's three columns, id
being ``a/b`` or ``b``; or as ``voxblocks run --out`` writes it), in ``a/b.txt`` or in the words of ``a/b.TextGrid``, whichever is found first; a recording without has an empty
text. Files below the spec's rate are read, so that whoever judges can say what is wrong with them; channels are mixed.
"""

from collections.abc import Iterator
from pathlib import Path

from pydantic import model_validator

from blocks.base import Failure, Skip, Unread
from blocks.common import contents, recordings, textgrid
from blocks.common.recordings import Channel, Entry, OwnCorpus
from blocks.common.text_files import Row, read_table, read_written
from blocks.corpus import folder
from blocks.corpus.schema import Utterance

_SILENT = ("", "sil", "sp", "<eps>")
_TIER = "words"


class Config(folder.Config):
    consent: str = ""  # who agreed, when, for what
    upsample: bool = True
    channel: Channel = "mix"

    @model_validator(mode="after")
    def _agreed(self):
        if self.path and not any(map(str.isalpha, self.consent)):
            raise ValueError(
                "a voice is its speaker's: say who agreed that this one be made, when and for what, by --consent or consent: "
                '"Ann Example, 1 May 2026, for her own audio books"; it is kept with the voice'
            )
        return self


class Consented(OwnCorpus[Config]):
    paths = ("path",)
    tiny = Config(path="recordings", consent="the speaker of these tones, today, for a test")

    def fingerprint(self) -> str:
        if not self.config.path:
            return ""
        root = Path(self.config.path)
        beside = [path for ending in ("*.txt", "*.TextGrid", "metadata.csv") for path in root.rglob(ending)]
        return contents.fingerprint(root, [*folder.paths(self.config.path), *sorted(beside)])

    def entries(self) -> Iterator[Unread[Utterance] | Failure | Skip]:
        found = self._entries() if self.config.path else ()
        return recordings.unread(Utterance, found, self.config, self.spec.sample_rate)

    def _entries(self) -> Iterator[Entry | Failure]:
        table = self._table()
        for entry in folder.entries(self.config):
            if isinstance(entry, Failure):
                yield entry
                continue
            try:
                text = self._text(entry.key, table)
            except (OSError, ValueError) as error:
                yield Failure(f"its text cannot be read: {error}", entry.id)
                continue
            yield Entry(entry.id, entry.key, entry.decode, {**entry.fields, "text": text})

    def _table(self) -> dict[str, Row]:
        path = Path(self.config.path) / "metadata.csv"
        if not path.is_file():
            return {}
        if (written := read_written(path)) is not None:
            return {key: (0, [key, text], "") for key, text in written.items()}
        rows = read_table(path)
        return {row[1][0]: row for row in rows if len(row[1]) > 1}

    def _text(self, key: str, table: dict[str, Row]) -> str:
        for name in (key, Path(key).name):
            if name in table:
                number, cells, wrong = table[name]
                if wrong:
                    raise ValueError(f"metadata.csv, line {number}: {wrong}")
                return cells[1]
        beside = Path(self.config.path) / key
        if (path := beside.with_name(f"{beside.name}.txt")).is_file():
            return " ".join(path.read_text(encoding="utf-8-sig").split())
        if (path := beside.with_name(f"{beside.name}.TextGrid")).is_file():
            tiers = textgrid.read(path)
            if _TIER not in tiers:
                raise ValueError(f"no tier {_TIER!r} in {path.name}; there is {', '.join(map(repr, tiers)) or 'none'}")
            return " ".join(one.label.strip() for one in tiers[_TIER] if one.label.strip() not in _SILENT)
        return ""
