"""Corpus: a manifest of Lhotse cuts (Zelasko et al. 2021), .jsonl or .jsonl.gz, so that every Lhotse recipe can be read.

A cut with one supervision is a row as it is, under the cut's id. One with several gives a row for the span of each,
under the supervision's id. A speaker of the manifest is called ``prefix + speaker``, so that corpora can be pooled.
"""

import gzip
import hashlib
import json
import re
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from blocks.base import BadItem, Failure, Skip, Source
from blocks.common.recordings import Entry, OwnConfig, rows
from blocks.corpus.schema import Utterance

_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*")


class Config(OwnConfig):
    manifest: str  # cuts, as ``CutSet.to_file`` writes them
    root: str = ""  # put before relative paths of recordings; else they are relative to the working folder
    prefix: str = "lhotse/"  # put before each id and each speaker of the manifest
    speaker: str = ""  # for all rows, instead of the manifest's
    language: str = ""  # BCP 47, for all rows, instead of the manifest's


class Lhotse(Source[Config]):
    tiny = Config(manifest="cuts.jsonl.gz")
    needs = ("lhotse",)
    extra = "lhotse"

    def __init__(self, config, spec, seed=0):
        super().__init__(config, spec, seed)
        self.licences = (config.licence,)

    def fingerprint(self) -> str:
        found = hashlib.sha256()
        for line in self._lines():
            found.update(line)
            for source in _sources(_parsed(line)):
                path = Path(self.config.root, str(source.get("source")))
                if source.get("type") == "file" and path.is_file():
                    found.update(f"{path.stat().st_size} {path.stat().st_mtime_ns}".encode())
        return found.hexdigest()

    def read(self) -> Iterator[Utterance | Failure | Skip]:
        return rows(Utterance, _Again(self._entries), self.config, self.spec.sample_rate)

    def _lines(self) -> Iterator[bytes]:
        path = Path(self.config.manifest)
        if not path.is_file():
            raise FileNotFoundError(f"manifest: no {str(path)!r} below {Path.cwd()}; want cuts in .jsonl or .jsonl.gz")
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            yield from (line for line in lines if line.strip())

    def _entries(self) -> Iterator[Entry | Failure | Skip]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of what lhotse and torch import
            from lhotse.cut import Cut, PaddingCut
            from lhotse.serialization import deserialize_item

        for number, line in enumerate(self._lines(), 1):
            place = f"{self.config.prefix}cut-{number}"
            data = _parsed(line)
            try:
                commands = [source for source in _sources(data) if _runs_a_command(source)]
                cut = deserialize_item(data)
            except Exception as error:  # lhotse checks nothing, so that any can come
                yield Failure(f"manifest, cut {number}: not readable ({type(error).__name__}: {error})", place)
                continue
            if not isinstance(cut, Cut) or isinstance(cut, PaddingCut):
                raise ValueError(
                    f"manifest: {self.config.manifest} holds {type(cut).__name__}, want cuts: "
                    "make them with `lhotse cut simple -r recordings -s supervisions cuts.jsonl.gz`"
                )
            if commands:
                yield Failure(f"the audio is the output of a command, which is not run: {commands[0]['source']}", place)
            else:
                yield from self._of_cut(cut)

    def _of_cut(self, cut) -> Iterator[Entry | Failure | Skip]:
        if self.config.root:
            cut = cut.with_recording_path_prefix(self.config.root)
        parts = cut.trim_to_supervisions(keep_overlapping=False) if len(cut.supervisions) > 1 else [cut]
        for part in parts:
            key = part.supervisions[0].id if len(cut.supervisions) > 1 else cut.id
            id = self.config.prefix + key
            if not part.supervisions:
                yield Skip("no transcript: the cut has no supervision", id)
                continue
            try:
                fields = self._fields(part.supervisions[0])
            except BadItem as bad:
                yield Failure(str(bad), id)
            else:
                yield Entry(id, key, partial(_decode, part), fields, "" if fields["text"] else "no transcript")

    def _fields(self, supervision) -> dict:
        speaker = self.config.speaker or (supervision.speaker and self.config.prefix + supervision.speaker)
        if not speaker:
            raise BadItem("the supervision names no speaker: set speaker if all rows are of one")
        language = self.config.language or supervision.language or "und"
        if not _TAG.fullmatch(language):
            raise BadItem(f"language {language!r} is no BCP 47 tag: set language, such as en")
        text = (supervision.text or "").strip()
        own = self.config.model_dump(include={"style", "licence"})
        return dict(text=text, speaker=speaker, language=language, **own)


class _Again:
    """A manifest that can be gone through twice and is never held in memory."""

    def __init__(self, entries: Callable[[], Iterator]):
        self.entries = entries

    def __iter__(self) -> Iterator:
        return self.entries()


def _decode(cut) -> tuple[np.ndarray, int]:
    try:
        wave_CS = cut.load_audio()
    except Exception as error:  # one for each backend that lhotse tries
        raise BadItem(f"lhotse cannot load the audio: {error}") from error
    if wave_CS is None:
        raise BadItem("the cut has no recording")
    return wave_CS.T, cut.sampling_rate


def _parsed(line: bytes):
    try:
        return json.loads(line)
    except ValueError:  # also of a wrong encoding
        return None


def _sources(data) -> Iterator[dict]:
    """Every audio source below `data`, also in the tracks of a mixed cut."""
    if isinstance(data, dict):
        yield from (one for one in data.get("sources") or () if isinstance(one, dict))
        yield from (one for value in data.values() for one in _sources(value))
    elif isinstance(data, list):
        yield from (one for value in data for one in _sources(value))


def _runs_a_command(source: dict) -> bool:
    return source.get("type") == "command" or str(source.get("source")).startswith("pipe:")
