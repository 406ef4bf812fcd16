"""What is asked of `acoustic.parallel` beyond phones: checked, as arrays, and in pieces where it is long (NumPy).

Axes: N phones.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from blocks.acoustic._references import References
from blocks.acoustic._targets import check_controls
from blocks.acoustic.schema import Controllable, Controlled
from blocks.base import BadItem
from blocks.common.checks import check_numbers
from blocks.common.phones import SILENCES

LONGEST = 300  # phones a pass says at most, twice what voices are usually trained on
_STOPS = frozenset(".?!")
_OF_PHONES = ("durations", "phone_pitch", "phone_energy", "phone_rate", "phone_shift", "phone_pause")
_SLOW, _FAST, _OCTAVES, _PAUSE = 0.1, 10.0, 2, 60.0  # how far may be gone


def check(item: Controlled, frame_rate: float, pitch: bool, energy: bool) -> None:
    """Raise BadItem for what cannot be obeyed; `pitch` and `energy` tell whether the model says them."""
    rate = 1.0 if item.speaking_rate is None else item.speaking_rate
    if not _SLOW <= rate <= _FAST:
        raise BadItem(f"a speaking rate of {rate:g}, want {_SLOW:g} (slow) to {_FAST:g} (fast)")
    for name in _OF_PHONES[1:]:
        values = getattr(item, name)
        if values is None:
            continue
        if len(values) != len(item.phones):
            raise BadItem(f"{name} of {len(values)} values for {len(item.phones)} phones: want one each")
        check_numbers(values, name)
    if item.phone_pitch is not None and item.phone_pitch.min() < 0:
        raise BadItem(f"phone_pitch has {item.phone_pitch.min():g} Hz, want 0 (unvoiced) and more")
    for name, there in (("phone_pitch", pitch), ("phone_energy", energy), ("phone_shift", pitch)):
        if not there and _asks_for(item, name):
            raise BadItem(f"{name} was given, but the model was trained without; leave it out")
    _check_changes(item, rate)
    if item.durations is not None:
        check_controls(item.durations, len(item.phones))
    elif not arrays(item, frame_rate)["durations"].any():
        raise BadItem("there is nothing but pauses of no frame, want one frame in all at least")


def _check_changes(item: Controlled, rate: float) -> None:
    """How fast, how high and how long a pause, each within its limits and not beside what is given outright."""
    if item.phone_rate is not None:
        rates = rate * item.phone_rate
        if (wrong := rates[(rates < _SLOW) | (rates > _FAST)]).size:
            raise BadItem(f"phone_rate says a phone at {wrong[0]:g} of its rate, want {_SLOW:g} to {_FAST:g} in all")
    if item.phone_shift is not None and (far := np.abs(item.phone_shift).max()) > 12 * _OCTAVES:
        raise BadItem(f"phone_shift of {far:g} semitones, want at most {12 * _OCTAVES} up or down")
    if item.phone_pause is not None:
        if item.phone_pause.max() > _PAUSE:
            raise BadItem(f"phone_pause of {item.phone_pause.max():g} s, want at most {_PAUSE:g}")
        paused = np.flatnonzero(item.phone_pause >= 0)
        if spoken := [n for n in paused if item.phones[n] not in SILENCES]:
            raise BadItem(f"phone_pause is given for {item.phones[spoken[0]]!r}, want -1 where phones are no silences")
    for name, outright in (("phone_rate", "durations"), ("phone_pause", "durations"), ("phone_shift", "phone_pitch")):
        if getattr(item, outright) is not None and _asks_for(item, name):
            raise BadItem(f"{outright} and {name} were given, want one of both")
    if item.durations is not None and rate != 1:
        raise BadItem(f"durations and a speaking rate of {rate:g} were given, want one of both")


def _asks_for(item: Controlled, name: str) -> bool:
    """Whether it asks for anything: a rate of 1, a shift of 0 and a pause of -1 leave all as it is."""
    values = getattr(item, name)
    idle = {"phone_rate": lambda: values == 1, "phone_shift": lambda: values == 0, "phone_pause": lambda: values < 0}
    return values is not None and not (name in idle and idle[name]().all())


def arrays(item: Controlled, frame_rate: float) -> dict[str, np.ndarray]:
    """`durations` (-1), `pitch` and `energy` (NaN) where they are left open; `rates` float64, `shift` and bool `edges`, all (N)."""
    size = len(item.phones)
    durations = np.full(size, -1, np.int64) if item.durations is None else item.durations.astype(np.int64)
    if item.phone_pause is not None:
        frames = np.rint(item.phone_pause.astype(np.float64) * frame_rate).astype(np.int64)
        durations = np.where(item.phone_pause >= 0, frames, durations)
    free, rates = np.full(size, np.nan, np.float32), np.full(size, item.speaking_rate or 1.0)
    return {
        "durations": durations,
        "rates": rates if item.phone_rate is None else rates * item.phone_rate,
        "pitch": free if item.phone_pitch is None else item.phone_pitch,
        "shift": np.zeros(size, np.float32) if item.phone_shift is None else item.phone_shift,
        "edges": _edges(item.phones),
        "energy": free if item.phone_energy is None else item.phone_energy,
    }


def _edges(phones: tuple[str, ...]) -> np.ndarray:
    """bool (N): the silences at both ends."""
    spoken = np.array([phone not in SILENCES for phone in phones])
    return ~(np.maximum.accumulate(spoken) & np.maximum.accumulate(spoken[::-1])[::-1])


def check_reach(shift: np.ndarray, pitch: np.ndarray, low: float, high: float) -> None:
    """Raise BadItem where a shift (N) in semitones moved phones, whose pitch (N) it has become, out of reach on average."""
    for asked in np.unique(shift[shift != 0]):
        moved = pitch[(shift == asked) & (pitch > 0)]
        hz = float(np.exp(np.log(moved).mean())) if moved.size else low
        if not low <= hz <= high:
            least, most = (12 * np.log2(end / hz) + asked for end in (low, high))
            raise BadItem(
                f"pitch moved by {asked:g} semitones is {hz:.0f} Hz on average, but the voice reaches {low:.0f} to {high:.0f} Hz: "
                f"want {np.ceil(10 * least) / 10:+.1f} to {np.floor(10 * most) / 10:+.1f} semitones here"
            )


# ---- long requests ----


@dataclass(frozen=True)
class Piece:
    """A part of a request, with so many phones (none or one) in front that are not of it."""

    item: Controlled
    lead: int


def pieces(item: Controlled, longest: int = LONGEST, references: References | None = None) -> list[Piece]:
    """The request in parts of at most so many phones, each up to a silence: a full stop's if there is one.

    The silence before a piece stands in front of it as ``sil``, which is how what was trained on begins. Without any
    silence a piece is longer; a request whose phones look for their place in a whole recording stays whole.
    """
    references = references or References()
    if len(item.phones) <= longest or references.whole(item.references):
        return [Piece(item, 0)]
    size, ends = len(item.phones), [0]
    silences = [n + 1 for n, phone in enumerate(item.phones[:-1]) if phone in SILENCES]
    while (start := ends[-1]) < size:
        near = [size] if size - start <= longest else [end for end in silences if start < end <= start + longest]
        after = next((end for end in silences if end > start + longest), size)
        ends.append(max(near, key=lambda end: (item.phones[end - 1] in _STOPS, end)) if near else after)
    return [_piece(item, references, start, end) for start, end in pairwise(ends)]


def _piece(item: Controlled, references: References, start: int, end: int) -> Piece:
    lead = 1 if start else 0
    here = slice(start - lead, end)
    given = {name: values[here] for name in _OF_PHONES if (values := getattr(item, name)) is not None}
    streams = {name: values[here] for name, values in item.streams.items()}
    cut = references.part(item.references, here)
    phones = ("sil",) * lead + item.phones[start:end]
    return Piece(item.model_copy(update={"phones": phones, "streams": streams, "references": cut, **given}), lead)


def joined(parts: list[Piece], made: list[Controllable]) -> Controllable:
    """What was said of a request's pieces, one after the other."""
    if len(parts) == 1:
        return made[0]
    rows: dict[str, list[np.ndarray]] = {"log_mel": [], "durations": [], "phone_pitch": [], "phone_energy": []}
    for part, one in zip(parts, made, strict=True):
        for name, values in rows.items():
            if (found := getattr(one, name)) is not None:
                values.append(found[one.durations[: part.lead].sum() if name == "log_mel" else part.lead :])
    return Controllable(**{name: np.concatenate(values) for name, values in rows.items() if values})
