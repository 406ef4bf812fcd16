"""What all corpora of recordings do alike: a file on disk turned into a row or a reason, and the split of each row."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal, TypeVar

import numpy as np
from pydantic import NonNegativeInt

from blocks.arrays import Language, Licence, Speaker, Split, Style
from blocks.base import BadItem, BlockConfig, Failure, Schema, Skip, Source, Unread
from blocks.common.audio import SUFFIXES, to_wave
from blocks.common.splits import splits
from blocks.spec import AudioSpec

OFFSET = (
    1e-3  # of full scale: a recording with a mean beyond this has a constant part, which energy and vocoders would hear
)

Channel = NonNegativeInt | Literal["mix"] | None


class RecordingConfig(BlockConfig):
    """Settings of every corpus of recordings."""

    reserves: ClassVar[bool] = True  # whether a tenth is kept for outside evaluation
    splits: tuple[Split, ...] = ("train", "dev")  # rows of another split are left out, and listed
    channel: Channel = None  # of a file with several; None: such a file fails
    upsample: bool = False  # whether a recording below the spec's rate may be used


class OwnConfig(RecordingConfig):
    """Settings of corpora that users bring: what their files do not say is given here."""

    reserves: ClassVar[bool] = False
    speaker: Speaker = "unknown"
    language: Language = "und"  # undetermined
    style: Style = "neutral"
    licence: Licence = "NOASSERTION"


C = TypeVar("C", bound=OwnConfig)


class OwnCorpus(Source[C]):
    """A corpus that users bring: its licence is that of the settings."""

    def __init__(self, config: C, spec: AudioSpec, seed: int = 0):
        super().__init__(config, spec, seed)
        self.licences = (config.licence,)


@dataclass(frozen=True)
class Entry:
    """One row to be: `decode` gives its samples (S, C) and rate, `key` and text decide its split, `fields` are the rest."""

    id: str
    key: str
    decode: Callable[[], tuple[np.ndarray, int]]
    fields: dict
    skip: str = ""  # why it is left out, if it is
    band_hz: float = float("inf")  # where a corpus is known to end below half its rate
    transcript: str = ""  # its text, where `fields` hold none
    notes: tuple[str, ...] = ()  # what was passed over

    @property
    def text(self) -> str:
        return self.fields.get("text", self.transcript)


def files_below(root: Path) -> list[Path]:
    """Every recording below a folder, sorted; hidden files, and all in hidden folders, are passed over."""
    found = (path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES and not path.is_dir())
    return sorted(path for path in found if not is_hidden(path, root))


def is_hidden(path: Path, root: Path) -> bool:
    """Whether its name, or that of a folder between `root` and it, begins with a dot, as of what editors leave."""
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def unread(
    schema: type[Schema],
    entries: Iterable[Entry | Failure],
    config: RecordingConfig,
    rate: int,
    among: Iterable[Entry | Failure] | None = None,
) -> Iterator[Unread | Failure]:
    """What gives a row of `schema`, a Failure or a Skip for each entry, one at a time.

    What is said twice shares a split, for which all entries are looked at before the first is given; with `among`,
    all of these, of which `entries` are some. An iterator is kept as a list; for more than memory holds, give
    something that can be gone through twice.
    """
    entries = list(entries) if isinstance(entries, Iterator) else entries
    split_by_id = _splits(entries if among is None else among, config.reserves)
    for entry in entries:
        if isinstance(entry, Failure):
            yield entry
        else:
            yield Unread(entry.id, partial(_row, schema, entry, split_by_id[entry.id], config, rate))


def _splits(entries: Iterable[Entry | Failure], reserve: bool) -> dict[str, Split]:
    found = [(e.id, e.key, "" if e.skip else e.text) for e in entries if isinstance(e, Entry)]
    ids, keys, texts = zip(*found) if found else ((), (), ())
    return dict(zip(ids, splits(keys, texts, reserve)))


def _row(schema: type[Schema], entry: Entry, split: Split, config: RecordingConfig, rate: int):
    if split not in config.splits:
        wanted = f"split {split}, and only {', '.join(config.splits)} is asked for"
        return Skip("reserved for outside evaluation" if split == "reserved" else wanted, entry.id)
    if entry.skip:
        return Skip(entry.skip, entry.id)
    try:
        decoded, recorded_at = entry.decode()
        wave = to_wave(decoded, recorded_at, rate, config.channel, config.upsample)
    except BadItem as bad:
        return Failure(str(bad), entry.id)
    wave, notes = _centred(wave)
    band_hz = float(min(entry.band_hz, recorded_at / 2, rate / 2))
    values = {"seconds": len(wave) / rate, "band_hz": band_hz, "split": split, "notes": entry.notes + notes}
    return schema(id=entry.id, wave=wave, **values, **entry.fields)


def _centred(wave: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """The wave without a constant part, and a note of it; untouched where there is none."""
    offset = float(wave.mean(dtype=np.float64))
    if abs(offset) < OFFSET:
        return wave, ()
    return np.clip(wave - np.float32(offset), -1, 1), (f"a constant offset of {offset:.3f} was taken off",)
