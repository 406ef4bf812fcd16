"""Alignments as files: Praat's TextGrid (read both forms, write the long one), and HTS and Festival label files.

A tier is a list of intervals from 0 to the end without gaps; an empty label is an interval like any other, never left
out. Times are in seconds.
"""

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np

from blocks.spec import AudioSpec

_TOKEN = re.compile(r'"((?:[^"]|"")*)"|(?<![\w.\[])(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.\]])|(<exists>)')
_HTS_UNITS = 10_000_000  # of 100 ns in a second
_NUMBERS = {"IntervalTier": 2, "TextTier": 1}  # times before the label of an interval, of a point


@dataclass(frozen=True)
class Interval:
    start: float  # s
    end: float  # s
    label: str


Tiers = dict[str, list[Interval]]  # name -> intervals, in the order of the file


def write(path: Path, tiers: Tiers) -> None:
    """Write interval tiers as a long TextGrid in UTF-8.

    Raises ValueError for a tier that is empty, has a gap or an overlap, or ends elsewhere than the others.
    """
    Path(path).write_text(dump(tiers), encoding="utf-8")


def read(path: Path) -> Tiers:
    """All tiers of a TextGrid in UTF-8 or UTF-16, long or short form. Raises ValueError as `read_some` does."""
    return read_some(path, None)[0]


def read_some(path: Path, wanted: Container[str] | None) -> tuple[Tiers, tuple[str, ...]]:
    """The wanted tiers (None: all), and the names of the others, which may be of any kind.

    Raises ValueError where it is no TextGrid, or holds less than it says; where two wanted tiers have one name, or one
    is of points, empty, or with a gap.
    """
    raw = Path(path).read_bytes()
    try:
        return _parse(raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"), wanted)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def dump(tiers: Tiers) -> str:
    """The text of a long TextGrid. Raises ValueError as `write` does."""
    ends = {_whole(name, intervals) for name, intervals in tiers.items()}
    if len(ends) != 1:
        raise ValueError(f"want at least one tier and all of one length, got ends at {sorted(ends)} s")
    (end,) = ends
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", *_times(0.0, end, "")]
    lines += ["tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (name, intervals) in enumerate(tiers.items(), 1):
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f"        name = {_quoted(name)}"]
        lines += [*_times(0.0, end, " " * 8), f"        intervals: size = {len(intervals)}"]
        for at, one in enumerate(intervals, 1):
            lines += [f"        intervals [{at}]:", *_times(one.start, one.end, " " * 12)]
            lines += [f"            text = {_quoted(one.label)}"]
    return "\n".join(lines) + "\n"


def parse(text: str) -> Tiers:
    """All tiers in the text of a TextGrid. Raises ValueError as `read_some` does."""
    return _parse(text, None)[0]


def _parse(text: str, wanted: Container[str] | None) -> tuple[Tiers, tuple[str, ...]]:
    tokens = iter(_tokens(text))
    try:
        if (next(tokens), next(tokens)) != ("ooTextFile", "TextGrid"):
            raise ValueError('no TextGrid: want File type = "ooTextFile" and Object class = "TextGrid" on top')
        _, _, exists, size = (next(tokens) for _ in range(4))
        if exists != "<exists>":
            raise ValueError(f"want tiers? <exists>, got {exists!r}")
        tiers: Tiers = {}
        others: list[str] = []
        for _ in range(int(size)):
            kind, name, _, _, count = (next(tokens) for _ in range(5))
            if kind not in _NUMBERS:
                raise ValueError(f"tier {name!r} is a {kind}; want {' or '.join(_NUMBERS)}")
            found = [tuple(next(tokens) for _ in range(_NUMBERS[kind] + 1)) for _ in range(int(count))]
            if wanted is not None and name not in wanted:
                others.append(name)
                continue
            if kind != "IntervalTier":
                raise ValueError(f"tier {name!r} is a {kind}; only tiers of intervals can be read")
            if name in tiers:
                raise ValueError(f"two tiers are called {name!r}")
            tiers[name] = [Interval(float(start), float(end), label) for start, end, label in found]
            _whole(name, tiers[name])
        return tiers, tuple(others)
    except (StopIteration, RuntimeError):  # a generator expression turns the first into the second
        raise ValueError("the file ends before all that it announces") from None


def from_durations(
    phones: Sequence[str],
    durations: np.ndarray,
    spec: AudioSpec,
    words: Sequence[str] = (),
    word_of_phone: np.ndarray | None = None,
) -> Tiers:
    """Tiers ``words`` (where there are any) and ``phones`` of an alignment in frames; a silence is a word without a label.

    Raises ValueError where a phone has no frame, which a TextGrid cannot say.
    """
    ends = np.cumsum(durations) / spec.frame_rate
    starts = [0.0, *map(float, ends[:-1])]
    tier = [Interval(start, float(end), phone) for start, end, phone in zip(starts, ends, phones, strict=True)]
    _whole("phones", tier)
    if word_of_phone is None:
        return {"phones": tier}
    runs = [list(run) for _, run in groupby(range(len(tier)), key=lambda at: int(word_of_phone[at]))]
    spoken = [(run, int(word_of_phone[run[0]])) for run in runs]
    return {
        "words": [Interval(tier[run[0]].start, tier[run[-1]].end, words[at] if at >= 0 else "") for run, at in spoken],
        "phones": tier,
    }


def to_durations(tier: Sequence[Interval], frames: int, spec: AudioSpec) -> np.ndarray:
    """int32 (N,): frames of each interval of a recording of `frames` frames, their sum.

    Raises ValueError where the tier and the recording differ by more than two frames in length: it is of another one.
    """
    end = tier[-1].end if tier else 0.0
    if abs(end - frames / spec.frame_rate) > 2 / spec.frame_rate:
        raise ValueError(f"the tier ends at {end:.3f} s, the recording at {frames / spec.frame_rate:.3f} s")
    return spec.durations(np.array([one.end for one in tier]), frames)


def words_fit(tiers: Tiers, words: str = "words", phones: str = "phones") -> str | None:
    """What is wrong between the two tiers (one is missing, a word begins or ends inside a phone), or None."""
    if absent := [name for name in (words, phones) if name not in tiers]:
        return f"no tier {absent[0]!r}; there is {', '.join(tiers) or 'none'}"
    bounds = sorted({0.0, *(one.end for one in tiers[phones])})
    for word in tiers[words]:
        for time in (word.start, word.end):
            if min(abs(time - bound) for bound in bounds) > 1e-4:
                return f"the word {word.label!r} has an edge at {time:g} s, where no phone has one"
    return None


def read_labels(path: Path) -> list[Interval]:
    """Phones of an HTS label file (``start end label``, in 100 ns) or a Festival one (``end colour label``, after ``#``).

    Raises ValueError naming the line that is neither, or where times go backwards.
    """
    return parse_labels(Path(path).read_text(encoding="utf-8"), str(path))


def parse_labels(text: str, where: str = "labels") -> list[Interval]:
    """As `read_labels`, from the text."""
    lines = list(enumerate(text.splitlines(), 1))
    header = next((at for at, (_, line) in enumerate(lines) if line.strip() == "#"), None)
    found: list[Interval] = []
    for number, line in lines if header is None else lines[header + 1 :]:
        if not (fields := line.split(None, 2)):
            continue
        try:
            first, second, label = fields
            start, end = (
                (int(first) / _HTS_UNITS, int(second) / _HTS_UNITS)
                if header is None
                else (found[-1].end if found else 0.0, float(first))
            )
        except ValueError:
            want = "start end label" if header is None else "end colour label"
            raise ValueError(f"{where}:{number}: want `{want}`, got {line.strip()!r}") from None
        if not (found[-1].end if found else 0.0) <= start <= end:
            raise ValueError(f"{where}:{number}: {start:g} to {end:g} s goes back in time")
        found.append(Interval(start, end, label.strip()))
    return found


def _tokens(text: str) -> list[str]:
    """Texts without their quotes, free-standing numbers and flags: the same in both forms of the file."""
    return [number or flag or quoted.replace('""', '"') for quoted, number, flag in _TOKEN.findall(text)]


def _whole(name: str, intervals: list[Interval]) -> float:
    """The end of a tier. Raises ValueError where it does not run from 0 to there without a gap."""
    if not intervals:
        raise ValueError(f"tier {name!r} has no interval; silence is an interval with an empty label")
    if abs(intervals[0].start) > 1e-6:
        raise ValueError(f"tier {name!r} begins at {intervals[0].start:g} s, want 0")
    for before, after in pairwise(intervals):
        if abs(before.end - after.start) > 1e-6:
            raise ValueError(f"tier {name!r}: {before.end:g} s and {after.start:g} s leave a gap or overlap")
    if backwards := next((one for one in intervals if not one.start < one.end), None):
        raise ValueError(f"tier {name!r}: {backwards.label!r} from {backwards.start:g} to {backwards.end:g} s is empty")
    return intervals[-1].end


def _times(start: float, end: float, indent: str) -> list[str]:
    return [f"{indent}xmin = {start!r}", f"{indent}xmax = {end!r}"]


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
