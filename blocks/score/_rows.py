"""What is sung, one row a phone, as streams of numbers (NumPy). Axes: N phones."""

import itertools
from dataclasses import dataclass

import numpy as np

from blocks.arrays import Note
from blocks.base import BadItem
from blocks.score.schema import REST_OCTAVE, REST_STEP

REST = "sil"
_UNVOICED = "p t ʈ c k q ʔ ɸ f θ s ʃ ʂ ɕ ç x χ ħ h ɬ ʍ t͡s t͡ʃ t͡ɕ t͡ʂ p͡f pʲ tʲ kʲ fʲ sʲ xʲ t͡sʲ ɕː"
UNVOICED = frozenset(_UNVOICED.split())


@dataclass
class Row:
    phone: str
    note: int  # its number
    spoken: int = -1  # its number in the text; -1 for a rest
    word_end: bool = False


def streams(rows: list[Row], notes: tuple[Note, ...]) -> dict:
    """The fields of `schema.Sung` but remarks. Raises BadItem where a note is too low or too high to be named."""
    of = np.array([row.note for row in rows], np.int32)
    keys = np.array([notes[n].key if notes[n].key is not None else 0.0 for n in of])
    rest = np.array([notes[n].key is None for n in of])
    whole = np.rint(keys).astype(int)
    if (odd := ~rest & ((whole < 12) | (whole > 119))).any():
        bad = notes[of[np.flatnonzero(odd)[0]]]
        raise BadItem(f"{bad.place or 'a note'}: key {bad.key:g}, want 12 (C0) to 119 (B8)")
    voiced = np.array([row.phone not in UNVOICED for row in rows]) & ~rest
    return dict(
        phones=tuple(row.phone for row in rows),
        octave=np.where(rest, REST_OCTAVE, whole // 12).astype(np.float32),
        step=np.where(rest, REST_STEP, whole % 12 + 1).astype(np.float32),
        key=keys.astype(np.float32),
        note_seconds=np.array([notes[n].seconds for n in of], np.float32),
        ramp=_ramp(rows),
        word_end=np.array([row.word_end for row in rows], np.float32),
        phone_pitch=np.where(voiced, 440 * 2 ** ((keys - 69) / 12), 0).astype(np.float32),
        note_of_phone=of,
        spoken_phone=np.array([row.spoken for row in rows], np.int32),
    )


def _ramp(rows: list[Row]) -> np.ndarray:
    """float32 (N,): over the rows of each note, and the boundaries behind words among them."""
    made = np.ones(len(rows), np.float32)
    starts = [n for n, row in enumerate(rows) if n == 0 or row.note != rows[n - 1].note] + [len(rows)]
    for start, end in itertools.pairwise(starts):
        places = np.cumsum(
            [0, *(1 + row.word_end for row in rows[start:end])]
        )  # of the rows, and of one behind the last
        last = places[-1] - 1
        if last:
            made[start:end] = 1 - places[:-1] / last
    return made
