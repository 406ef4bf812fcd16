"""Recorded singing with its notes and phones, as singing corpora come: what a singer is trained on.

Two layouts are read. A folder with DiffSinger's `transcriptions.csv` (name, ph_seq, ph_dur, note_seq, note_dur) and `wavs/NAME.wav`; or one with
full-context labels of HTS, as Sinsy and NNSVS write them (`.lab`), and recordings of the same names, beside them or in a folder of their own.
A vowel that goes on over several notes is said again on each, and consonants before the vowel of a note are of that note, as `score.phones`
has it. Labels that tell no words leave `word_end` 0. Breaths are taken for silence.
Axes: N phones.
"""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from blocks.arrays import Licence, Note, Speaker
from blocks.base import BadItem, BlockConfig, Failure, Skip, Source
from blocks.common import audio, contents, phones, recordings
from blocks.common.splits import splits
from blocks.score import _labels
from blocks.score._labels import Labels
from blocks.score._rows import REST, Row, streams
from blocks.score.schema import Performance

_APART_S = 0.1  # that labels and recording may differ in length


class Config(BlockConfig):
    path: str = ""  # of the folder; empty: no rows, for a graph that others bring their singing to
    phone_set: Literal["own", "ipa", "arpabet"] = (
        "own"  # own: as they are called there; a voice that begins from another should share its phones
    )
    speaker: Speaker = "singer"
    licence: Licence = "NOASSERTION"
    prefix: str = ""  # put before each id
    upsample: bool = False  # whether a recording below the spec's rate may be used


class Recorded(Source[Config]):
    tiny = Config(path="sung")
    paper = "Liu et al. 2022 (DiffSinger, 2105.02446); Yamamoto et al. 2023 (NNSVS, 2210.15987); Hono et al. 2021 (Sinsy, 2108.02776)"

    def __init__(self, config, spec, seed=0):
        super().__init__(config, spec, seed)
        self.licences = (config.licence,)

    def fingerprint(self) -> str:
        if not self.config.path:
            return ""
        root = self._root()
        labels = sorted([*root.glob("transcriptions.csv"), *root.rglob("*.lab")])
        found = hashlib.sha256(b"".join(path.read_bytes() for path in labels)).hexdigest()
        return f"{found} {contents.fingerprint(root, recordings.files_below(root))}"

    def read(self) -> Iterator[Performance | Failure | Skip]:
        if not self.config.path:
            return
        found = dict(self._labelled())
        read = {name: self._labels(make) for name, make in found.items()}
        texts = [
            "" if isinstance(each, str) else " ".join(one.label for one, _ in each.phones) for each in read.values()
        ]
        waves = {path.stem: path for path in recordings.files_below(self._root())}
        for (name, labels), split in zip(read.items(), splits(list(read), texts, False), strict=True):
            id = self.config.prefix + name
            try:
                if isinstance(labels, str):
                    raise BadItem(labels)
                if name not in waves:
                    raise BadItem(f"no recording called {name} below {self.config.path}")
                yield self._performance(id, labels, waves[name], split)
            except BadItem as reason:
                yield Failure(str(reason), id)

    def _root(self) -> Path:
        root = Path(self.config.path)
        if not root.is_dir():
            raise FileNotFoundError(
                f"path: no folder {self.config.path!r} below {Path.cwd()}; want a folder of recorded singing"
            )
        return root

    def _labelled(self) -> Iterator[tuple[str, Callable[[], Labels]]]:
        root = self._root()
        table = root / "transcriptions.csv"
        labels = sorted(root.rglob("*.lab"))
        if table.is_file():
            yield from ((name, partial(_labels.of_transcription, row)) for name, row in _labels.transcriptions(table))
        elif labels:
            yield from ((path.stem, partial(_labels.of_full_context, path)) for path in labels)
        else:
            raise FileNotFoundError(f"path: neither transcriptions.csv nor .lab files in {root}")

    @staticmethod
    def _labels(make: Callable[[], Labels]) -> Labels | str:
        """Or why there are none."""
        try:
            return make()
        except (BadItem, ValueError, OSError) as reason:
            return str(reason)

    def _performance(self, id: str, labels: Labels, path: Path, split: str) -> Performance:
        decoded, recorded_at = audio.decode(path)
        wave = audio.to_wave(decoded, recorded_at, self.spec.sample_rate, None, self.config.upsample)
        seconds = len(wave) / self.spec.sample_rate
        if abs(labels.end - seconds) > _APART_S:
            raise BadItem(f"the labels end at {labels.end:.2f} s, the recording at {seconds:.2f} s")
        starts = [start for _, start in labels.notes] + [seconds]
        notes = tuple(Note(key=key, seconds=starts[n + 1] - starts[n]) for n, (key, _) in enumerate(labels.notes))
        rows = [
            Row(REST, note) if one.label in _labels.SILENT else Row(self._phone(one.label), note, number)
            for number, (one, note) in enumerate(labels.phones)
        ]
        durations = _at_least_one(
            np.array([one.end for one, _ in labels.phones]), self.spec, self.spec.frames(len(wave))
        )
        return Performance(
            id=id, wave=wave, notes=notes, durations=durations, split=split, seconds=seconds, speaker=self.config.speaker,
            licence=self.config.licence, **streams(rows, notes),
        )  # fmt: skip

    def _phone(self, label: str) -> str:
        if self.config.phone_set == "own":
            return label
        try:
            (phone,) = (
                [phones.from_arpabet(label.upper())]
                if self.config.phone_set == "arpabet"
                else phones.tokens(label) or ()
            )
        except (KeyError, ValueError):
            raise BadItem(
                f"{label!r} is no phone of {self.config.phone_set}; phone_set: own takes any as it is"
            ) from None
        return phone


def _at_least_one(ends_s: np.ndarray, spec, frames: int) -> np.ndarray:
    """int32 (N,): frames of phones that end then, one each at least, `frames` in all."""
    if frames < len(ends_s):
        raise BadItem(f"{len(ends_s)} phones in {frames} frames: want a longer recording, or fewer phones")
    order = np.arange(len(ends_s))
    ends = np.cumsum(spec.durations(ends_s, frames))
    ends = np.maximum.accumulate(np.maximum(ends, 1) - order) + order
    ends = np.minimum(ends, frames - order[::-1])
    return np.diff(ends, prepend=0).astype(np.int32)
