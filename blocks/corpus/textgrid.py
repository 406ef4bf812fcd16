"""Corpus: a folder of recordings with a TextGrid each, as the Montreal Forced Aligner and Praat leave them.

The TextGrid of ``a/b.wav`` is ``a/b.TextGrid``, beside it or below a folder of its own. Intervals without a label, ``sil`` and
``sp`` are silences; ``spn``, by which MFA marks a word that its dictionary lacks, is refused. The text of a row is its words; where there is no tier of words, its phones in brackets, as
`text.phones` takes them. Tiers that nobody asked for may be of any kind; `notes` of a row names them.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Literal

import numpy as np

from blocks.base import Failure, Skip, Unread
from blocks.common import contents, phones, recordings, textgrid
from blocks.common.recordings import Entry, OwnCorpus
from blocks.common.textgrid import Interval, Tiers
from blocks.corpus import folder
from blocks.corpus.schema import Recording, Timed

_SILENT = ("", "sil", "sp", "<eps>")
_UNKNOWN = "spn"  # of the Montreal Forced Aligner


class Config(folder.Config):
    grids: str | None = None  # the folder of the TextGrids, laid out like those; None: beside the recordings
    phones: str = "phones"  # name of a tier
    words: str | None = "words"  # name of a tier; None: there is none
    # mfa: of its dictionaries in IPA, such as english_mfa, by `language`; own: labels are taken as they are
    phone_set: Literal["ipa", "arpabet", "mfa", "own"] = "ipa"


class TextGrids(OwnCorpus[Config]):
    paths = ("path", "grids")
    tiny = Config(path="recordings")

    def fingerprint(self) -> str:
        root, grids = Path(self.config.path), Path(self.config.grids or self.config.path)
        audio = contents.fingerprint(root, folder.paths(self.config.path))
        return f"{audio} {contents.fingerprint(grids, self._grids().values())}"

    def entries(self) -> Iterator[Unread[Timed] | Failure | Skip]:
        grids = self._grids()
        for entry in recordings.unread(Recording, self._entries(grids), self.config, self.spec.sample_rate):
            yield entry.then(partial(self._with_grid, grids)) if isinstance(entry, Unread) else entry

    def _with_grid(self, grids: dict[str, Path], row: Recording) -> Timed | Failure:
        try:
            return self._timed(row, *self._tiers(row.id, grids))
        except (OSError, ValueError) as error:
            return Failure(str(error), row.id)

    def _grids(self) -> dict[str, Path]:
        """By their paths without the suffix."""
        root = Path(self.config.grids or self.config.path)
        found = sorted(path for path in root.rglob("*") if path.suffix.lower() == ".textgrid")
        return {
            path.relative_to(root).with_suffix("").as_posix(): path
            for path in found
            if not recordings.is_hidden(path, root)
        }

    def _entries(self, grids: dict[str, Path]) -> Iterator[Entry | Failure]:
        """Those of the folder with what their TextGrids say, for the split; one that cannot be read fails later, as a row."""
        for entry in folder.entries(self.config):
            if isinstance(entry, Entry):
                with contextlib.suppress(OSError, ValueError):
                    tiers, others = self._tiers(entry.id, grids)
                    tier = self._tier(tiers, others, self.config.words or self.config.phones)
                    notes = (f"not read: tiers {', '.join(map(repr, others))}",) if others else ()
                    entry = replace(entry, transcript=" ".join(one.label for one in tier), notes=notes)
            yield entry

    def _tiers(self, id: str, grids: dict[str, Path]) -> tuple[Tiers, tuple[str, ...]]:
        key = id.removeprefix(self.config.prefix)
        if key not in grids:
            raise ValueError(
                f"no TextGrid for this recording: want {Path(self.config.grids or self.config.path) / key}.TextGrid"
            )
        return textgrid.read_some(grids[key], {self.config.phones, self.config.words})

    def _timed(self, row: Recording, tiers: Tiers, others: tuple[str, ...]) -> Timed:
        intervals = self._tier(tiers, others, self.config.phones)
        spoken = self._tier(tiers, others, self.config.words) if self.config.words else []
        labels = tuple(self._phone(one, spoken) for one in intervals)
        if self.config.words is None:
            words, of = _stretches(labels)
        else:
            words, of = self._words(tiers, intervals, labels)
        durations = textgrid.to_durations(intervals, self.spec.frames(len(row.wave)), self.spec)
        return Timed(
            **dict(row), text=" ".join(words), phones=labels, durations=durations, words=tuple(words), word_of_phone=of
        )

    def _tier(self, tiers: Tiers, others: tuple[str, ...], name: str) -> list[Interval]:
        if name not in tiers:
            there = ", ".join(map(repr, (*others, *tiers))) or "none"
            raise ValueError(f"no tier {name!r} in the TextGrid; there is {there}")
        return tiers[name]

    def _phone(self, one: Interval, words: list[Interval]) -> str:
        label = one.label.strip()
        if label in _SILENT:
            return "sil"
        if label == _UNKNOWN:
            word = next((f" ({word.label})" for word in words if word.start <= one.start < word.end), "")
            raise ValueError(
                f"at {one.start:g} s the aligner met a word that its dictionary lacks{word} and marked it {label}: "
                "add the word to the dictionary, and align again"
            )
        if self.config.phone_set == "own" or label in phones.SILENCES:
            return label
        if self.config.phone_set == "arpabet":
            try:
                return phones.from_arpabet(label)
            except KeyError:
                raise ValueError(f"{label!r} at {one.start:g} s is no ARPAbet; want such as AH0") from None
        if self.config.phone_set == "mfa":
            try:
                return phones.from_mfa(label, self.config.language)
            except KeyError:
                raise ValueError(
                    f"{label!r} at {one.start:g} s is no phone of MFA's in {self.config.language}"
                ) from None
        if len(found := phones.tokens(label) or ()) != 1:
            raise ValueError(
                f"at {one.start:g} s: {phones.unknown(label)}; phone_set: mfa reads what MFA's dictionaries in IPA have, "
                "own takes any label as it is"
            )
        return found[0]

    def _words(self, tiers: Tiers, intervals: list[Interval], labels: tuple[str, ...]) -> tuple[list[str], np.ndarray]:
        """The words, and of each phone the number of its word, -1 for a silence."""
        spoken = [one for one in tiers[self.config.words] if one.label.strip() not in _SILENT]
        if wrong := textgrid.words_fit(tiers, self.config.words, self.config.phones):
            raise ValueError(wrong)
        of = np.full(len(intervals), -1, np.int32)
        for n, (one, label) in enumerate(zip(intervals, labels)):
            if label not in phones.SILENCES:
                middle = (one.start + one.end) / 2
                of[n] = next((k for k, word in enumerate(spoken) if word.start < middle < word.end), -1)
                if of[n] < 0:
                    raise ValueError(f"the phone {label!r} at {one.start:g} s is in no word")
        if silent := [word.label for k, word in enumerate(spoken) if k not in of]:
            raise ValueError(f"the word {silent[0]!r} has no phone but silence")
        return [word.label.strip() for word in spoken], of


def _stretches(labels: tuple[str, ...]) -> tuple[list[str], np.ndarray]:
    """What is said between two silences as one word in brackets."""
    words, of = [], []
    for silent, run in groupby(labels, key=phones.SILENCES.__contains__):
        run = list(run)
        of += [-1 if silent else len(words)] * len(run)
        words += [] if silent else [f"[[{' '.join(run)}]]"]
    return words, np.array(of, np.int32)
