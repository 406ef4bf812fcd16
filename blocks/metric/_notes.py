"""Where the notes of a score are sung, and how high, for the metrics of singing. Axes: N phones, A frames of the analysis."""

from dataclasses import dataclass

import numpy as np

from blocks.arrays import Durations, Note, NoteOfPhone, Notes, Phones, Wave
from blocks.base import BadItem, Schema
from blocks.common.quiet_imports import import_quietly
from blocks.common.singing import is_nucleus
from blocks.spec import AudioSpec

PERIOD_S = 0.005
SEARCH = 7  # semitones to either side of a note: trackers jump octaves in singing
QUIET_DB = -60.0  # of full scale: what is quieter is no singing, though a tracker finds a pitch in any noise
_AROUND_S = 0.1  # of a note, which the search hears too


class Sung(Schema):
    """Singing, and the score. Notes last as the score has it, or where `durations` of the phones are given, as these say."""

    prediction: Wave
    notes: Notes
    phones: Phones | None = None
    note_of_phone: NoteOfPhone | None = None
    durations: Durations | None = None


@dataclass(frozen=True)
class Place:
    """A note, from the beginning of its vowel, in seconds."""

    note: Note
    number: int
    start: float
    end: float


def places(item: Sung, spec: AudioSpec) -> list[Place]:
    """Of each note that is sung. Raises BadItem where there are none."""
    if item.durations is None:
        ends = np.cumsum([note.seconds for note in item.notes])
        bounds = {n: (end - note.seconds, end) for n, (note, end) in enumerate(zip(item.notes, ends))}
    else:
        bounds = _note_bounds(item, spec)
    made = [Place(note, n, *bounds[n]) for n, note in enumerate(item.notes) if note.key is not None and n in bounds]
    if not made:
        raise BadItem("no notes but rests: nothing to judge")
    return made


def _note_bounds(item: Sung, spec: AudioSpec) -> dict[int, tuple[float, float]]:
    if item.phones is None or item.note_of_phone is None or not (
        len(item.phones) == len(item.note_of_phone) == len(item.durations)
    ):  # fmt: skip
        raise BadItem("durations want phones and note_of_phone beside them, one of each a phone")
    ends = np.cumsum(item.durations) / spec.frame_rate
    made: dict[int, tuple[float, float]] = {}
    for phone, note, end, frames in zip(item.phones, item.note_of_phone.tolist(), ends, item.durations):
        start = end - frames / spec.frame_rate
        if note in made:
            made[note] = (made[note][0], end)
        elif is_nucleus(phone):
            made[note] = (start, end)
    return made


def pitch(
    wave: np.ndarray, rate: int, start: float, end: float, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """Times in seconds (A,), and F0 as MIDI keys (A,), NaN where unvoiced, searched from key `low` - SEARCH to `high` + SEARCH."""
    from scipy.ndimage import gaussian_filter1d

    pyworld = import_quietly("pyworld")
    first = max(0, int((start - _AROUND_S) * rate))
    part = wave[first : int((end + _AROUND_S) * rate)].astype(np.float64)
    floor, ceil = (440 * 2 ** ((key - 69) / 12) for key in (low - SEARCH, high + SEARCH))
    floor, ceil = max(40.0, floor), min(ceil, rate / 4)
    if len(part) < 2 * rate / floor or ceil <= floor:
        return np.zeros(0), np.zeros(0)
    found, times = pyworld.harvest(part, rate, f0_floor=floor, f0_ceil=ceil, frame_period=1000 * PERIOD_S)
    times = times + first / rate
    level = gaussian_filter1d(part**2, 0.01 * rate)[np.minimum((times * rate).astype(int) - first, len(part) - 1)]
    found = np.where(level > 10 ** (QUIET_DB / 10), found, 0.0)
    inside = (times >= start) & (times < end)
    with np.errstate(divide="ignore"):
        keys = np.where(found > 0, 69 + 12 * np.log2(np.maximum(found, 1e-9) / 440), np.nan)
    return times[inside], keys[inside]
