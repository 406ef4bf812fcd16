"""Corpus: the layout of LJ Speech (Ito and Johnson 2017): metadata.csv with ``id|raw|normalised`` and wavs/id.wav.

For the original set: speaker linda-johnson, language en-US, and it is in the public domain. Tables of other columns, such as
Piper's ``id|speaker|text``, are read with `columns`; a speaker of the table is called ``prefix + speaker``.
"""

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import model_validator

from blocks.base import BadItem, Failure, Skip
from blocks.common import audio, contents, recordings
from blocks.common.recordings import Entry, OwnConfig, OwnCorpus
from blocks.common.text_files import Row, read_table
from blocks.common.words import plain
from blocks.corpus.schema import Utterance

Column = Literal["id", "raw", "normalised", "text", "speaker", "language", "style", "-"]
_TEXTS = ("raw", "normalised", "text")
# What people call columns in a first line.
_HEADS = {*_TEXTS, "id", "speaker", "speaker_id", "language", "lang", "style", "file", "file_name", "filename", "wav", "path"} | {
    "audio", "name", "transcript", "transcription", "sentence", "normalized", "normalized_text", "raw_text",
}  # fmt: skip
_OWN = ("speaker", "language", "style", "licence")


class Config(OwnConfig):
    path: str  # the folder that holds metadata.csv and wavs; empty: no rows, for a graph that others bring their folder to
    prefix: str = "ljspeech/"  # put before each id, and each speaker of the table, to pool several corpora
    columns: tuple[Column, ...] = ()  # what stands in each, "-" for nothing of use; else id, raw and maybe normalised
    text: Literal["raw", "normalised"] = "raw"

    @model_validator(mode="after")
    def _check_columns(self):
        named = [name for name in self.columns if name != "-"]
        if self.columns and (len(set(named)) < len(named) or "id" not in named or self.text_column is None):
            raise ValueError(
                "columns: want each name once, with id and a text: columns: [id, speaker, text], or [id, raw, normalised] "
                f"of which `text` says which one; got {list(self.columns)} with text: {self.text}"
            )
        return self

    @property
    def text_column(self) -> str | None:
        return next((name for name in (self.text, "text") if name in (self.columns or _TEXTS)), None)


class LJSpeech(OwnCorpus[Config]):
    paths = ("path",)
    tiny = Config(path="recordings")

    def fingerprint(self) -> str:
        if not self.config.path:
            return ""
        table, root = self._table(), Path(self.config.path)
        wavs = contents.fingerprint(root, recordings.files_below(root / "wavs"))
        return f"{hashlib.sha256(table.read_bytes()).hexdigest()} {wavs}"

    def read(self) -> Iterator[Utterance | Failure | Skip]:
        found = self._entries() if self.config.path else ()
        return recordings.rows(Utterance, found, self.config, self.spec.sample_rate)

    def _table(self) -> Path:
        table = Path(self.config.path) / "metadata.csv"
        if not table.is_file():
            raise FileNotFoundError(f"path: no {table} below {Path.cwd()}; want a folder with metadata.csv and wavs")
        return table

    def _entries(self) -> Iterator[Entry | Failure | Skip]:
        rows = list(read_table(self._table()))
        if not self.config.columns:
            _refuse_speakers([cells for _, cells, _ in rows])
        wavs = Path(self.config.path) / "wavs"
        files = {path.relative_to(wavs).with_suffix("").as_posix(): path for path in recordings.files_below(wavs)}
        seen: set[str] = set()
        for nth, row in enumerate(rows):
            number, cells, _ = row
            if nth == 0 and cells[0] not in files and all(cell.lower() in _HEADS for cell in cells):
                reason = (
                    f"metadata.csv, line {number} is a header, {'|'.join(cells)}: it names columns and holds no row"
                )
                yield Skip(reason, f"{self.config.prefix}line-{number}")
            else:
                yield self._entry(row, seen, files)

    def _entry(self, found: Row, seen: set[str], files: dict[str, Path]) -> Entry | Failure:
        number, cells, wrong = found
        where, spare = f"metadata.csv, line {number}", f"{self.config.prefix}line-{number}"
        names = self.config.columns or ("id", "raw", "normalised")
        row = dict(zip(names, cells))
        key = _without_suffix(row.get("id", ""))
        if key in seen or not key:
            return Failure(f"{where}: id {key!r} is empty or was there before", spare)
        seen.add(key)
        id = self.config.prefix + key
        if wrong:
            return Failure(f"{where}: {wrong}", id)
        if (count := len(cells)) not in ((len(names),) if self.config.columns else (2, 3)):
            return Failure(f"{where}: {count} columns found, want {'|'.join(names)}; `columns` names others", id)
        column = self.config.text_column
        if not (text := row.get(column, "")):
            return Failure(f"{where}: the {column} text is empty", id)
        own = self.config.model_dump(include=set(_OWN)) | {name: row[name] for name in _OWN if row.get(name)}
        if row.get("speaker"):
            own["speaker"] = self.config.prefix + row["speaker"]
        path = files.get(key, Path(self.config.path) / "wavs" / f"{key}.wav")
        return Entry(id, key, partial(audio.decode, path), {"text": text, **own})


def _without_suffix(key: str) -> str:
    """An id as some tables have it: with the folder, and with the suffix of its file."""
    path = Path(key.removeprefix("wavs/"))
    return path.with_suffix("").as_posix() if path.suffix.lower() in audio.SUFFIXES else key


def _refuse_speakers(rows: list[list[str]]) -> None:
    """Raises BadItem for a table whose second column is no text: what LJ Speech has there says the same as its third."""
    rows = [cells for cells in rows if len(cells) == 3]
    seconds, thirds = ([row[at] for row in rows] for at in (1, 2))
    apart = sum(set(plain(second).split()).isdisjoint(plain(third).split()) for second, third in zip(seconds, thirds))
    if len(rows) > 1 and (2 * apart > len(rows) or 2 * len(set(seconds)) <= len(set(thirds))):
        some = ", ".join(map(repr, dict.fromkeys(seconds[:3])))
        raise BadItem(
            f"metadata.csv: column 2 ({some}) does not say what column 3 does, or repeats: where it names who speaks, set "
            "columns: [id, speaker, text]; where it is the text as written, columns: [id, raw, normalised]"
        )
