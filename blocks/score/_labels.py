"""Labels of singing corpora: which phone is sung when, and on which note (NumPy)."""

import csv
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from blocks.base import BadItem
from blocks.common.phones import SILENCES
from blocks.common.singing import is_nucleus
from blocks.common.textgrid import Interval, read_labels
from blocks.score.phones import onset

SILENT = frozenset(["", "SP", "AP", "pau", "br", "rest", "sil", "sp", "<SP>", "<AP>"]) | SILENCES
_NAME = re.compile(r"([A-G])([#♯b♭]*)(-?\d+)([+-]\d+)?")  # C#4, and cents as DiffSinger has them: C4+12
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHARPS = {"#": 1, "♯": 1, "b": -1, "♭": -1}
_CONTEXT = re.compile(
    r"(?:(?P<kind>[a-z])@)?[^/]*?\^[^/]*?-(?P<phone>[^+/]+)\+.*?/E:(?P<note>(?P<key>[^\]]*)\].*?)(?:/F:|$)"
)
_SHORT_S = 0.03  # what is shorter beside a note's edge is an edge that was not drawn exactly


@dataclass(frozen=True)
class Labels:
    """Phones in time, each with the number of its note; notes with their key, None for a rest, and when they begin."""

    phones: list[tuple[Interval, int]]
    notes: list[tuple[float | None, float]]

    @property
    def end(self) -> float:
        return self.phones[-1][0].end


def key_of(name: str) -> float | None:
    """``A4`` -> 69, ``C4+12`` -> 60.12, ``rest`` and ``xx`` -> None. Raises BadItem for what is no note."""
    if name in SILENT or name == "xx":
        return None
    if not (found := _NAME.fullmatch(name)):
        raise BadItem(f"{name!r} is no note, want one such as C#4, or rest")
    step, marks, octave, cents = found.groups()
    return _STEPS[step] + sum(map(_SHARPS.__getitem__, marks)) + 12 * (int(octave) + 1) + int(cents or 0) / 100


# ---- DiffSinger ----


def transcriptions(table: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a transcriptions.csv by their names. Raises ValueError where it lacks the columns of all."""
    with table.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if absent := [name for name in ("name", "ph_seq", "ph_dur") if name not in (reader.fieldnames or ())]:
            raise ValueError(
                f"{table}: no column {', '.join(absent)}; there is {', '.join(reader.fieldnames or ()) or 'none'}"
            )
        for row in reader:
            yield row["name"], row


def of_transcription(row: dict[str, str]) -> Labels:
    """Notes begin with their vowels there; a vowel that goes on over several is one phone, and is cut at their edges."""
    phones, notes = _timed(row, "ph_seq", "ph_dur"), _timed(row, "note_seq", "note_dur")
    begins = [(key_of(one.label), one.start) for one in notes]
    pieces = [piece for one in phones for piece in _cut(one, [start for _, start in begins[1:]])]
    at = [
        max(n for n, (_, start) in enumerate(begins) if n == 0 or start <= (one.start + one.end) / 2) for one in pieces
    ]
    return _with_rests(pieces, begins, _moved(pieces, at, begins))


def _timed(row: dict[str, str], names: str, lengths: str) -> list[Interval]:
    if absent := [name for name in (names, lengths) if not row.get(name)]:
        raise BadItem(f"no {' and '.join(absent)} in the table: want phones with their seconds, and notes with theirs")
    labels, seconds = row[names].split(), [float(number) for number in row[lengths].split()]
    if len(labels) != len(seconds):
        raise BadItem(f"{len(labels)} in {names} and {len(seconds)} in {lengths}, want as many")
    ends = [sum(seconds[: n + 1]) for n in range(len(seconds))]
    return [Interval(end - length, end, label) for label, length, end in zip(labels, seconds, ends)]


def _cut(one: Interval, edges: list[float]) -> list[Interval]:
    if one.label in SILENT:
        return [one]
    inside = [edge for edge in edges if one.start + _SHORT_S < edge < one.end - _SHORT_S]
    bounds = [one.start, *inside, one.end]
    return [Interval(start, end, one.label) for start, end in itertools.pairwise(bounds)]


def _moved(pieces: list[Interval], at: list[int], notes: list[tuple[float | None, float]]) -> list[int]:
    """The note of each piece: consonants that stand before the vowel of a note are of that note."""
    begins = [start for key, start in notes if key is not None]
    silent = [one.label in SILENT for one in pieces]
    nuclei = [
        n for n, one in enumerate(pieces)
        if not silent[n] and (_vowel(one.label) or any(abs(one.start - start) < _SHORT_S for start in begins))
    ]  # fmt: skip
    made = list(at)
    for before, n in zip([None, *nuclei], nuclei):
        first = n
        while first and not silent[first - 1] and first - 1 != before:
            first -= 1
        if before is not None and first - 1 == before and first < n:  # behind a vowel, not behind a rest
            first = onset([one.label for one in pieces], before, n)
            made[before + 1 : first] = [at[before]] * (first - before - 1)
        made[first:n] = [at[n]] * (n - first)
    last = nuclei[-1] if nuclei else len(pieces)
    for n in range(last + 1, len(pieces)):
        made[n] = made[n - 1] if not silent[n] else at[n]
    return made


def _vowel(phone: str) -> bool:
    """Also of pinyin, romaji and ARPAbet, whose vowels have vowels in their names."""
    return is_nucleus(phone) or any(letter in "aeiouüAEIOU" for letter in phone)


# ---- HTS ----


def of_full_context(path: Path) -> Labels:
    """Full-context labels as Sinsy and NNSVS write them: the phone stands between - and +, its note's key behind /E:."""
    phones, notes, last = [], [], None
    for one in read_labels(path):
        if not (found := _CONTEXT.match(one.label)):
            raise BadItem(
                f"{path.name}: at {one.start:g} s no full context, such as xx^xx-a+n=o ... /E:C4]: want notes beside phones"
            )
        key = None if found["phone"] in SILENT else key_of(found["key"])
        note = (key, found["note"])
        if note != last:
            notes.append([key, one.start, found["kind"] == "v"])
            last = note
        elif not notes[-1][2] and (found["kind"] == "v" or (found["kind"] is None and _vowel(found["phone"]))):
            notes[-1][1:] = [one.start, True]  # the beat is on the vowel
        phones.append((Interval(one.start, one.end, found["phone"]), len(notes) - 1))
    if not phones:
        raise BadItem(f"{path.name} is empty, want labels")
    return Labels(phones, [(key, start) for key, start, _ in notes])


def _with_rests(pieces: list[Interval], notes: list[tuple[float | None, float]], at: list[int]) -> Labels:
    """Notes that have phones, and a rest for each stretch of silence, in the order of the phones."""
    made, phones, last = [], [], None
    for one, n in zip(pieces, at):
        silent = one.label in SILENT
        if not silent and notes[n][0] is None:
            raise BadItem(f"{one.label!r} at {one.start:.2f} s is sung where the notes have a rest")
        note = None if silent else n
        if not made or note != last:
            made.append((None, one.start) if silent else (notes[n][0], max(notes[n][1], made[-1][1] if made else 0.0)))
            last = note
        phones.append((one, len(made) - 1))
    return Labels(phones, made)
