"""Corpus: a manifest of Lhotse cuts (Zelasko et al. 2021), .jsonl or .jsonl.gz, so that every Lhotse recipe can be read.

Each supervision is a row of its own stretch of its cut: under the cut's id where it is the only one, else under its own. Ids
are read as texts. A speaker of the manifest is called ``prefix + speaker``, so that corpora can be pooled.
Where the audio is shorter than the manifest says, lhotse mirrors its end (up to 0.5 s, unless told otherwise): here such a row fails.
"""

import contextlib
import gzip
import hashlib
import json
import re
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from blocks.base import BadItem, Failure, Skip, Unread
from blocks.common import contents
from blocks.common.recordings import Entry, OwnConfig, OwnCorpus, unread
from blocks.corpus.schema import Utterance

_SAMPLES = 2  # by so many may audio be shorter than the manifest says, which is rounding
_OVERHANG_S = 0.05  # by so much may a supervision reach beyond its cut, where it is cut off
_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*")


class Config(OwnConfig):
    manifest: str  # cuts, as ``CutSet.to_file`` writes them
    root: str = ""  # put before relative paths of recordings; else they are relative to the working folder
    prefix: str = "lhotse/"  # put before each id and each speaker of the manifest
    speaker: str = ""  # for all rows, instead of the manifest's
    language: str = ""  # BCP 47, for all rows, instead of the manifest's
    text: str = ""  # a key of a supervision's `custom` that holds the text to take, such as text_punct; empty: its own


class Lhotse(OwnCorpus[Config]):
    paths = ("manifest", "root")
    tiny = Config(manifest="cuts.jsonl.gz")
    needs = ("lhotse",)
    extra = "lhotse"

    def fingerprint(self) -> str:
        found, paths = hashlib.sha256(), []
        for line in filter(bytes.strip, self._lines()):
            found.update(line)
            for source in _sources(_parsed(line)):
                path = Path(self.config.root, str(source.get("source")))
                if source.get("type") == "file" and path.is_file():
                    paths.append(path)
        return f"{found.hexdigest()} {contents.fingerprint(None, paths)}"

    def entries(self) -> Iterator[Unread[Utterance] | Failure | Skip]:
        return unread(Utterance, _Again(self._entries), self.config, self.spec.sample_rate)

    def _lines(self) -> Iterator[bytes]:
        path = Path(self.config.manifest)
        if not path.is_file():
            raise FileNotFoundError(f"manifest: no {str(path)!r} below {Path.cwd()}; want cuts in .jsonl or .jsonl.gz")
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            yield from lines

    def _entries(self) -> Iterator[Entry | Failure | Skip]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of what lhotse and torch import
            from lhotse.cut import Cut, PaddingCut
            from lhotse.serialization import deserialize_item

        seen: dict[str, int] = {}
        for number, line in enumerate(self._lines(), 1):
            if not line.strip():
                continue
            place = f"{self.config.prefix}cut-{number}"
            try:
                data = json.loads(line)
            except ValueError as error:  # also of a wrong encoding
                yield Failure(f"manifest, line {number}: no JSON ({error}); want one cut a line", place)
                continue
            try:
                commands = [source for source in _sources(data) if _runs_a_command(source)]
                cut = deserialize_item(data)
            except Exception as error:  # lhotse checks nothing, so that any can come
                yield Failure(f"manifest, line {number}: no cut that lhotse reads: {_lacking(data, error)}", place)
                continue
            if not isinstance(cut, Cut) or isinstance(cut, PaddingCut):
                raise ValueError(
                    f"manifest: {self.config.manifest} holds {type(cut).__name__}, want cuts: "
                    "make them with `lhotse cut simple -r recordings -s supervisions cuts.jsonl.gz`"
                )
            if commands:
                yield Failure(f"the audio is the output of a command, which is not run: {commands[0]['source']}", place)
            else:
                yield from self._of_cut(cut, number, seen)

    def _of_cut(self, cut, line: int, seen: dict[str, int]) -> Iterator[Entry | Failure | Skip]:
        if self.config.root:
            cut = cut.with_recording_path_prefix(self.config.root)
        if not cut.supervisions:
            yield Skip("no transcript: the cut has no supervision", self.config.prefix + str(cut.id))
        several = len(cut.supervisions) > 1
        for nth, supervision in enumerate(cut.supervisions, 1):
            key = str(supervision.id if several else cut.id)
            id = self.config.prefix + key
            if key in seen:
                where = f"manifest, line {line}: id {key!r} was there before, on line {seen[key]}"
                yield Failure(where, f"{self.config.prefix}cut-{line}" + (f"-{nth}" if several else ""))
                continue
            seen[key] = line
            try:
                fields, part = self._fields(supervision), _stretch(cut, supervision)
            except BadItem as bad:
                yield Failure(str(bad), id)
            else:
                yield Entry(id, key, partial(_decode, part), fields, "" if fields["text"] else "no transcript")

    def _fields(self, supervision) -> dict:
        named = "" if supervision.speaker is None else str(supervision.speaker)
        speaker = self.config.speaker or (named and self.config.prefix + named)
        if not speaker:
            raise BadItem("the supervision names no speaker: set speaker if all rows are of one")
        language = self.config.language or supervision.language or "und"
        if not _TAG.fullmatch(language):
            raise BadItem(f"language {language!r} is no BCP 47 tag: set language, such as en")
        text = "" if (found := self._text(supervision)) is None else str(found).strip()
        own = self.config.model_dump(include={"style", "licence"})
        return dict(text=text, speaker=speaker, language=language, **own)

    def _text(self, supervision):
        if not self.config.text:
            return supervision.text
        custom = supervision.custom or {}
        if self.config.text not in custom:
            there = ", ".join(map(repr, custom)) or "nothing"
            raise BadItem(f"the supervision's custom has no {self.config.text!r} for its text; there is {there}")
        return custom[self.config.text]


class _Again:
    """A manifest that can be gone through twice and is never held in memory."""

    def __init__(self, entries: Callable[[], Iterator]):
        self.entries = entries

    def __iter__(self) -> Iterator:
        return self.entries()


def _stretch(cut, supervision):
    """The part of a cut that a supervision is of. Raises BadItem where it reaches beyond: its text would not fit the sound."""
    from lhotse.cut import MultiCut

    start, end = max(supervision.start, 0.0), min(supervision.end, cut.duration)
    if (beyond := max(start - supervision.start, supervision.end - end)) > _OVERHANG_S or start >= end:
        raise BadItem(
            f"the supervision lasts from {supervision.start:g} to {supervision.end:g} s of its cut, which has {cut.duration:g} s: "
            f"{beyond:.3g} s of its text are elsewhere"
        )
    if start > 0 or end < cut.duration:
        cut = cut.truncate(offset=start, duration=end - start)
    if isinstance(cut, MultiCut):
        cut.channel = supervision.channel
        cut = cut.to_mono()[0] if cut.num_channels == 1 else cut
    return cut


def _decode(cut) -> tuple[np.ndarray, int]:
    import lhotse

    before = lhotse.get_audio_duration_mismatch_tolerance()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it advises against less than its default
        lhotse.set_audio_duration_mismatch_tolerance(_SAMPLES / cut.sampling_rate)
        try:
            wave_CS = cut.load_audio()
        except Exception as error:  # one for each backend that lhotse tries
            what = _too_short(cut) or f"lhotse cannot load the audio: {str(error).strip().splitlines()[0]}"
            raise BadItem(what) from error
        finally:
            lhotse.set_audio_duration_mismatch_tolerance(before)
    if wave_CS is None:
        raise BadItem("the cut has no recording")
    return wave_CS.T, cut.sampling_rate


def _too_short(cut) -> str:
    """What of a cut is not in its files, where one is too short."""
    from lhotse.audio import info

    for part in [track.cut for track in getattr(cut, "tracks", ())] or [cut]:
        for source in part.recording.sources if getattr(part, "has_recording", False) else ():
            with contextlib.suppress(Exception):  # it cannot be read at all, as lhotse has said
                if (found := info(source.source).duration) < part.end - _SAMPLES / part.sampling_rate:
                    return (
                        f"the cut ends at {part.end:g} s of recording {part.recording_id}, whose file {Path(source.source).name} "
                        f"has {found:g} s (the manifest says {part.recording.duration:g} s): mend the manifest"
                    )
    return ""


def _parsed(line: bytes):
    try:
        return json.loads(line)
    except ValueError:  # also of a wrong encoding
        return None


def _lacking(data, error: Exception) -> str:
    """What a line of JSON has not that a cut needs, as far as lhotse's error tells."""
    if not isinstance(data, dict):
        return f"it is a {type(data).__name__}, want an object"
    missing = re.findall(r"'(\w+)'", str(error)) if "missing" in str(error) or isinstance(error, KeyError) else []
    what = re.match(r"\w+", str(error))[0] if missing and isinstance(error, TypeError) else "it"
    return f"{what} lacks {', '.join(missing)}" if missing else str(error)


def _sources(data) -> Iterator[dict]:
    """Every audio source below `data`, also in the tracks of a mixed cut."""
    if isinstance(data, dict):
        yield from (one for one in data.get("sources") or () if isinstance(one, dict))
        yield from (one for value in data.values() for one in _sources(value))
    elif isinstance(data, list):
        yield from (one for value in data for one in _sources(value))


def _runs_a_command(source: dict) -> bool:
    return source.get("type") == "command" or str(source.get("source")).startswith("pipe:")
