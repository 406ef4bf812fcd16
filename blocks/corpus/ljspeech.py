"""Corpus: the layout of LJ Speech (Ito and Johnson 2017): metadata.csv with ``id|raw|normalised`` and wavs/id.wav.

For the original set: speaker linda-johnson, language en-US, and it is in the public domain. Tables of other columns, such as
Piper's ``id|speaker|text``, are read with `columns`; a speaker of the table is called ``prefix + speaker``.

Larger corpora have one such table for each speaker or book, or a file of text beside each recording: `tables` are then patterns,
and `layout` says what the names of their folders mean. The id of a row is that of its table, below the table's folder.
"""

import codecs
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from blocks.base import BadItem, Failure, Skip, Unread
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
_FOLDERS = ("speaker", "language", "style")  # what `layout` may find


class Config(OwnConfig):
    path: str  # the folder that holds metadata.csv and wavs; empty: no rows, for a graph that others bring their folder to
    prefix: str = "ljspeech/"  # put before each id, and each speaker of the table, to pool several corpora
    columns: tuple[Column, ...] = ()  # what stands in each, "-" for nothing of use; else id, raw and maybe normalised
    text: Literal["raw", "normalised"] = "raw"
    tables: tuple[str, ...] = ("metadata.csv",)  # or patterns, such as */*.txt; without id in `columns`, one a row
    wavs: str = "wavs"  # the folder of recordings beside each table; ".": that of the table, with all below
    separator: str = Field("|", min_length=1)  # between two columns
    encoding: str = "utf-8"  # of tables that do not begin with a mark of theirs
    layout: str = ""  # a regular expression: its groups speaker, language, style are found in the path of a recording

    @field_validator("tables")
    @classmethod
    def _below(cls, tables: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [table for table in tables or ("",) if not table.strip("./") or Path(table).is_absolute()]:
            raise ValueError(f"want names of tables, or patterns below path such as */metadata.csv; got {wrong[0]!r}")
        return tables

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str) -> str:
        try:
            return codecs.lookup(encoding).name
        except LookupError:
            raise ValueError(f"no encoding {encoding!r}; want such as utf-8, utf-16, gb18030, shift_jis") from None

    @field_validator("layout")
    @classmethod
    def _compiles(cls, layout: str) -> str:
        try:
            names = set(re.compile(layout).groupindex)
        except re.error as error:
            raise ValueError(f"{layout!r} is no regular expression: {error}") from None
        if layout and (not names or names - set(_FOLDERS)):
            raise ValueError(
                f"want groups of {', '.join(_FOLDERS)}, such as (?P<speaker>[^/]+)/(?P<style>[^/]+)/; got {sorted(names)}"
            )
        return layout

    @model_validator(mode="after")
    def _check_columns(self):
        named = [name for name in self.columns if name != "-"]
        tells = "id" in named or all("*" in table for table in self.tables)
        if self.columns and (len(set(named)) < len(named) or not tells or self.text_column is None):
            raise ValueError(
                "columns: want each name once, with id and a text: columns: [id, speaker, text], or [id, raw, normalised] "
                f"of which `text` says which one; got {list(self.columns)} with text: {self.text}"
            )
        if twice := set(named) & set(re.compile(self.layout).groupindex):
            raise ValueError(f"columns and layout both name {', '.join(sorted(twice))}; want it from one of them")
        return self

    @property
    def text_column(self) -> str | None:
        return next((name for name in (self.text, "text") if name in (self.columns or _TEXTS)), None)


class _Table(NamedTuple):
    path: Path
    name: str  # below the corpus
    folder: str  # put before its ids: empty, or ending with a slash
    wavs: Path


class LJSpeech(OwnCorpus[Config]):
    paths = ("path",)
    tiny = Config(path="recordings")

    def fingerprint(self) -> str:
        if not self.config.path:
            return ""
        tables = self._tables()
        wavs = {path for folder in {table.wavs for table in tables} for path in recordings.files_below(folder)}
        return contents.fingerprint(Path(self.config.path), [*(table.path for table in tables), *sorted(wavs)])

    def entries(self) -> Iterator[Unread[Utterance] | Failure | Skip]:
        found = self._entries() if self.config.path else ()
        return recordings.unread(Utterance, found, self.config, self.spec.sample_rate)

    def _tables(self) -> list[_Table]:
        root = Path(self.config.path)
        found: set[Path] = set()
        for pattern in self.config.tables:
            paths = {path for path in root.glob(pattern) if path.is_file() and not recordings.is_hidden(path, root)}
            if not paths:
                raise FileNotFoundError(
                    f"path: no {root / pattern} below {Path.cwd()}; want a folder with {pattern} and {self.config.wavs}"
                )
            found |= paths
        return [self._table(path, path.relative_to(root)) for path in sorted(found)]

    def _table(self, path: Path, below: Path) -> _Table:
        folder = "" if below.parent == Path() else f"{below.parent.as_posix()}/"
        return _Table(path, below.as_posix(), folder, path.parent / self.config.wavs)

    def _entries(self) -> Iterator[Entry | Failure | Skip]:
        tables = [(table, self._rows(table)) for table in self._tables()]
        if not self.config.columns:
            _refuse_speakers(", ".join(self.config.tables), [cells for _, rows in tables for _, cells, _ in rows])
        found = {wavs: _Files(wavs) for wavs in {table.wavs for table, _ in tables}}
        seen: set[str] = set()
        named: set[Path] = set()
        for table, rows in tables:
            files = found[table.wavs]
            if not rows:
                yield Failure(f"{table.name} is empty", f"{self.config.prefix}{table.name}")
            for nth, row in enumerate(rows):
                if nth == 0 and self._is_header(row, files):
                    what = f"line {row[0]} is a header, {'|'.join(row[1])}: it names columns and holds no row"
                    yield Skip(f"{table.name}, {what}", f"{self.config.prefix}{table.folder}line-{row[0]}")
                else:
                    yield self._entry(table, row, seen, files)
                    named.update(files.of(self._key(table, row[1])))
        for path in sorted({path for files in found.values() for path in files.by_path.values()} - named):
            key = path.relative_to(self.config.path).with_suffix("").as_posix()
            yield Skip(
                f"no transcript: no line of {' or '.join(self.config.tables)} names it", self.config.prefix + key
            )

    def _rows(self, table: _Table) -> list[Row]:
        """Of a file that is the text of one recording, one, though there is nothing in it."""
        rows = list(read_table(table.path, self.config.separator, self.config.encoding))
        return rows if rows or "id" in self._names else [(1, [""], "")]

    @property
    def _names(self) -> tuple[str, ...]:
        return self.config.columns or ("id", "raw", "normalised")

    def _is_header(self, row: Row, files: "_Files") -> bool:
        return "id" in self._names and not files.of(row[1][0]) and all(cell.lower() in _HEADS for cell in row[1])

    def _key(self, table: _Table, cells: list[str]) -> str:
        """The id of a row in its table."""
        return _without_suffix(dict(zip(self._names, cells)).get("id", "")) if "id" in self._names else table.path.stem

    def _entry(self, table: _Table, found: Row, seen: set[str], files: "_Files") -> Entry | Failure:
        number, cells, wrong = found
        where, spare = f"{table.name}, line {number}", f"{self.config.prefix}{table.folder}line-{number}"
        names = self._names
        row = dict(zip(names, cells))
        own_key = self._key(table, cells)
        key = table.folder + own_key
        if key in seen or not own_key:
            return Failure(f"{where}: id {own_key!r} is empty or was there before", spare)
        seen.add(key)
        id = self.config.prefix + key
        if wrong:
            return Failure(f"{where}: {wrong}", id)
        if (count := len(cells)) not in ((len(names),) if self.config.columns else (2, 3)):
            want = repr(self.config.separator)[1:-1].join(names)
            return Failure(f"{where}: {count} columns found, want {want}; `columns` names others", id)
        column = self.config.text_column
        if not (text := row.get(column, "")):
            return Failure(f"{where}: the {'text' if column == 'text' else f'{column} text'} is empty", id)
        try:
            path = files.one(own_key)
            row |= self._told_by(path)
        except BadItem as bad:
            return Failure(f"{where}: {bad}", id)
        own = self.config.model_dump(include=set(_OWN)) | {name: row[name] for name in _OWN if row.get(name)}
        if row.get("speaker"):
            own["speaker"] = self.config.prefix + row["speaker"]
        return Entry(id, key, partial(audio.decode, path), {"text": text, **own})

    def _told_by(self, path: Path) -> dict[str, str]:
        """What the folders and the name of a recording say, as `layout` reads them."""
        below = path.relative_to(self.config.path).as_posix()
        if not (match := re.search(self.config.layout, below)):
            raise BadItem(f"layout {self.config.layout!r} does not fit the path {below}")
        return match.groupdict()


class _Files:
    """The recordings below a folder, by their path without its suffix, and by their bare name."""

    def __init__(self, root: Path):
        self.root = root
        self.by_path: dict[str, Path] = {}
        self.by_name: dict[str, list[Path]] = defaultdict(list)
        for path in recordings.files_below(root):
            self.by_path[path.relative_to(root).with_suffix("").as_posix()] = path
            self.by_name[path.stem].append(path)

    def of(self, key: str) -> list[Path]:
        """None, one, or several of one name."""
        return [self.by_path[key]] if key in self.by_path else self.by_name.get(key, [])

    def one(self, key: str) -> Path:
        """Raises BadItem where there is none, or where it may be one or the other."""
        if not (found := self.of(key)):
            raise BadItem(f"no such file: {self.root / key}.wav")
        if len(found) > 1:
            some = " or ".join(path.relative_to(self.root).as_posix() for path in found[:2])
            raise BadItem(f"{key!r} may be {some}: want its path below {self.root}")
        return found[0]


def _without_suffix(key: str) -> str:
    """An id as some tables have it: with the folder, and with the suffix of its file."""
    path = Path(key.removeprefix("wavs/"))
    return path.with_suffix("").as_posix() if path.suffix.lower() in audio.SUFFIXES else key


def _refuse_speakers(tables: str, rows: list[list[str]]) -> None:
    """Raises BadItem for a table whose second column is no text: what LJ Speech has there says the same as its third."""
    rows = [cells for cells in rows if len(cells) == 3]
    seconds, thirds = ([row[at] for row in rows] for at in (1, 2))
    apart = sum(set(plain(second).split()).isdisjoint(plain(third).split()) for second, third in zip(seconds, thirds))
    if len(rows) > 1 and (2 * apart > len(rows) or 2 * len(set(seconds)) <= len(set(thirds))):
        some = ", ".join(map(repr, dict.fromkeys(seconds[:3])))
        raise BadItem(
            f"{tables}: column 2 ({some}) does not say what column 3 does, or repeats: where it names who speaks, set "
            "columns: [id, speaker, text]; where it is the text as written, columns: [id, raw, normalised]"
        )
