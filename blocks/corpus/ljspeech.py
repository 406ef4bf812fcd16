"""Corpus: the layout of LJ Speech (Ito and Johnson 2017): metadata.csv with ``id|raw|normalised`` and wavs/id.wav.

For the original set: speaker linda-johnson, language en-US, and it is in the public domain.
"""

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from blocks.base import Failure, Skip, Source
from blocks.common import audio, recordings
from blocks.common.recordings import Entry, OwnConfig
from blocks.corpus.schema import Utterance


class Config(OwnConfig):
    path: str  # the folder that holds metadata.csv and wavs; empty: no rows, for a graph that others bring their folder to
    prefix: str = "ljspeech/"  # put before each id, to pool several corpora
    text: Literal["raw", "normalised"] = "raw"


class LJSpeech(Source[Config]):
    tiny = Config(path="recordings")

    def __init__(self, config, spec, seed=0):
        super().__init__(config, spec, seed)
        self.licences = (config.licence,)

    def fingerprint(self) -> str:
        if not self.config.path:
            return ""
        table, root = self._table(), Path(self.config.path)
        wavs = recordings.fingerprint(root, sorted(root.glob("wavs/*.wav")))
        return f"{hashlib.sha256(table.read_bytes()).hexdigest()} {wavs}"

    def read(self) -> Iterator[Utterance | Failure | Skip]:
        found = self._entries() if self.config.path else ()
        return recordings.rows(Utterance, found, self.config, self.spec.sample_rate)

    def _table(self) -> Path:
        table = Path(self.config.path) / "metadata.csv"
        if not table.is_file():
            raise FileNotFoundError(f"path: no {table} below {Path.cwd()}; want a folder with metadata.csv and wavs")
        return table

    def _entries(self) -> Iterator[Entry | Failure]:
        seen: set[str] = set()
        with self._table().open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield self._entry(number, line.removeprefix(b"\xef\xbb\xbf"), seen)

    def _entry(self, number: int, line: bytes, seen: set[str]) -> Entry | Failure:
        key = line.split(b"|")[0].decode("utf-8", "replace").strip()
        where = f"metadata.csv, line {number}"
        if key in seen or not key:
            return Failure(f"{where}: id {key!r} is empty or was there before", f"{self.config.prefix}line-{number}")
        seen.add(key)
        id = self.config.prefix + key
        try:
            columns = [column.strip() for column in line.decode("utf-8").split("|")]
        except UnicodeDecodeError as error:
            return Failure(f"{where}: {error}; want UTF-8", id)
        if len(columns) not in (2, 3):
            return Failure(f"{where}: {len(columns)} columns found, want id|raw|normalised", id)
        text = dict(zip(("raw", "normalised"), columns[1:])).get(self.config.text, "")
        if not text:
            return Failure(f"{where}: the {self.config.text} text is empty", id)
        own = self.config.model_dump(include={"speaker", "language", "style", "licence"})
        path = Path(self.config.path) / "wavs" / f"{key}.wav"
        return Entry(id, key, partial(audio.decode, path), {"text": text, **own})
