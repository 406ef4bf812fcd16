"""One voice of a score, note by note in quarters, with the syllables of one verse: what music21 has parsed, unfolded and put in order.

Whatever is left out or read otherwise is said with its bar and beat.
"""

import re
import unicodedata
import warnings
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from blocks.base import BadItem
from blocks.common.singing import ELISION

GRACE = 0.25  # quarters a grace note takes of its main note, at most half of it together
NO_TEMPO = 120.0


class NoLyrics(BadItem):
    """A score with nothing to sing."""


@dataclass
class Event:
    """A note or a rest of a line."""

    start: float  # in quarters from the beginning
    length: float
    key: float | None
    lyric: str
    place: str


@dataclass
class Line:
    events: list[Event] = field(default_factory=list)
    tempi: list[tuple[float, float]] = field(default_factory=list)  # quarter, quarters a minute
    remarks: list[str] = field(default_factory=list)


def line_of(score, part: str, voice: str, verse: int) -> Line:
    """Raises BadItem where there is no such part, voice or verse, where one must be chosen, and for repeats that do not close."""
    made = Line()
    chosen = _part(score, part)
    verses = _verses(chosen)
    if verse > len(verses):
        raise BadItem(f"no verse {verse}, the part has {len(verses)}")
    _gather_tempi(score, chosen)
    if chosen.recurse().getElementsByClass("Ottava"):
        made.remarks.append("octave lines are of the print: pitches sound as the file has them")
        for each in list(chosen.recurse().getElementsByClass("Ottava")):
            chosen.remove(each, recurse=True)
    if (_octave_clef(chosen) or "").strip() and _transposes(chosen):
        made.remarks.append(
            f"{_octave_clef(chosen)}: a clef of another octave and a transposition, of which the latter counts"
        )
    chosen = chosen.toSoundingPitch()
    chosen = _unfolded(chosen)
    _walk(chosen, _voice(chosen, voice), verses, verse - 1, made)
    if not made.tempi or made.tempi[0][0] > 0:
        made.remarks.append(f"no tempo at the beginning: {NO_TEMPO:g} quarters a minute")
        made.tempi.insert(0, (0.0, NO_TEMPO))
    return made


# ---- what is to be sung ----


def _part(score, asked: str):
    parts = list(score.parts)
    names = [f"{n} ({(each.partName or each.id or '').strip() or 'no name'})" for n, each in enumerate(parts, 1)]
    if asked:
        fits = [
            each for n, each in enumerate(parts, 1) if asked in (str(n), (each.partName or "").strip(), str(each.id))
        ]
        if len(fits) != 1:
            raise BadItem(f"part {asked!r}: {len(fits)} of that name or number, want one of {', '.join(names)}")
        if not _lyrics(fits[0]):
            raise BadItem(f"part {asked!r} has no lyrics, nothing to sing" + _with_lyrics(parts, names))
        return fits[0]
    sung = [n for n, each in enumerate(parts) if _lyrics(each)]
    if not sung:
        raise NoLyrics(
            f"no lyrics in {len(parts)} part{'s' * (len(parts) != 1)}, nothing to sing: want syllables below notes"
        )
    if len(sung) > 1:
        raise BadItem(
            f"{len(sung)} parts have lyrics, one line is sung: choose by part, {', '.join(names[n] for n in sung)}"
        )
    return parts[sung[0]]


def sung_parts(score) -> list[int]:
    """The numbers, from 1, of those with lyrics. Raises NoLyrics where there are none."""
    found = [n for n, each in enumerate(score.parts, 1) if _lyrics(each)]
    if not found:
        raise NoLyrics(f"no lyrics in {len(score.parts)} parts, nothing to sing: want syllables below notes")
    return found


def _with_lyrics(parts, names) -> str:
    fits = [name for each, name in zip(parts, names) if _lyrics(each)]
    return f"; lyrics are in {', '.join(fits)}" if fits else ""


def _verses(part) -> list[int]:
    """The numbers that lyrics are printed under: a chorale's only verse may be its second."""
    return sorted({lyric.number for note in part.recurse().notes for lyric in note.lyrics if clean(lyric.text or "")})


def _lyrics(part) -> int:
    """Notes with a syllable."""
    return sum(any(clean(lyric.text or "") for lyric in note.lyrics) for note in part.recurse().notes)


def _voice(part, asked: str) -> str:
    """The id of the voice to be sung, "" for what stands in no voice. Raises BadItem where one must be chosen."""
    found: Counter[str] = Counter()
    every = set()
    for measure in part.getElementsByClass("Measure"):
        for voice in measure.voices:
            every.add(str(voice.id))
            found[str(voice.id)] += sum(bool(each.lyrics) for each in voice.notes)
    if asked:
        if every and asked not in every:
            raise BadItem(f"no voice {asked!r}, want one of {', '.join(sorted(every))}")
        return asked
    sung = sorted(name for name, count in found.items() if count)
    if len(sung) > 1:
        raise BadItem(f"voices {', '.join(sung)} of the part have lyrics, one line is sung: choose by voice")
    return sung[0] if sung else min(every, default="")


def _octave_clef(part) -> str:
    for clef in part.recurse().getElementsByClass("Clef"):
        if getattr(clef, "octaveChange", 0):
            return f"bar {clef.measureNumber}"
    return ""


def _transposes(part) -> bool:
    return any(each.transposition is not None for each in part.recurse().getElementsByClass("Instrument"))


def _gather_tempi(score, part) -> None:
    """The tempo of a score is often written above its first part alone."""
    measures = list(part.getElementsByClass("Measure"))
    for other in score.parts:
        if other is part:
            continue
        for measure, theirs in zip(measures, other.getElementsByClass("Measure")):
            known = {float(mark.getOffsetInHierarchy(measure)) for mark in _marks(measure)}
            for mark in _marks(theirs):
                if (at := float(mark.getOffsetInHierarchy(theirs))) not in known:
                    measure.insert(at, mark)


def _marks(measure) -> list:
    return list(measure.recurse().getElementsByClass("MetronomeMark"))


def _unfolded(part):
    """With repeats, endings and jumps played out. Raises BadItem naming the bars where they do not close."""
    from music21 import repeat

    bars = []
    for measure in part.getElementsByClass("Measure"):
        marks = [each for each in (measure.leftBarline, measure.rightBarline) if isinstance(each, repeat.RepeatMark)]
        marks += list(measure.recurse().getElementsByClass("RepeatExpression"))
        bars += [str(measure.number)] if marks else []
    if not bars:
        return part
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return part.expandRepeats()
    except (repeat.ExpanderException, AttributeError, TypeError, IndexError, KeyError) as error:
        raise BadItem(f"repeats in bars {', '.join(bars)} do not close ({error}): want each begun one ended") from None


# ---- note by note ----


def _walk(part, voice: str, verses: list[int], first: int, made: Line) -> None:
    passes: Counter[str] = Counter()
    graces: list = []
    other = False
    for measure in part.getElementsByClass("Measure"):
        bar = f"{measure.number}{measure.numberSuffix or ''}"
        wanted = [*verses[first + passes[bar] : first + passes[bar] + 1], verses[first]]  # a repeat takes its verse
        printed = set(_verses(measure))
        if len(printed) == 1 and not printed & set(wanted):
            wanted += printed  # a refrain, or what follows a repeat: printed once, and sung in every verse
        passes[bar] += 1
        begin = float(measure.offset)
        for mark in _marks(measure):
            _tempo(mark, begin + float(mark.getOffsetInHierarchy(measure)), bar, made)
        own = next((each for each in measure.voices if str(each.id) == voice), None)
        if measure.voices and not other and len(measure.voices) > 1:
            made.remarks.append(f"bar {bar}: more than one voice, of which {voice} is sung")
            other = True
        for element in (measure if own is None else own).notesAndRests:
            if "ChordSymbol" in element.classes or "NoChord" in element.classes:
                continue
            at = begin + float(element.getOffsetInHierarchy(measure))
            place = f"bar {bar}, beat {_beat(element)}"
            if element.duration.isGrace:
                graces.append((element, place))
                continue
            _add(element, graces, at, place, wanted, made)
            graces = []
    made.events = _sung(_joined(made.events), made.remarks)


def _beat(element) -> str:
    try:
        return f"{float(element.beat):g}"
    except Exception:  # music21 raises its own of several kinds where a bar has no meter
        return f"{1 + float(element.offset):g}"


def _tempo(mark, at: float, bar: str, made: Line) -> None:
    quarters = None if mark.numberImplicit else mark.getQuarterBPM()
    if quarters is None and mark.numberSounding:
        quarters = mark.numberSounding
    if quarters:
        if made.tempi and made.tempi[-1][0] == at:
            made.tempi.pop()
        made.tempi.append((at, float(quarters)))
    elif mark.text:
        made.remarks.append(f"bar {bar}: the tempo {mark.text!r} has no number, and is not followed")


def _add(element, graces: list, at: float, place: str, verses: list[int], made: Line) -> None:
    length = float(element.duration.quarterLength)
    key = _key(element, place, made)
    lyric = _lyric(element, verses, place, made) if key is not None else ""
    for expression in getattr(element, "expressions", ()):
        if "Ornament" in expression.classes:
            made.remarks.append(f"{place}: {type(expression).__name__.lower()} is not sung")
    if key is not None and graces:
        each = min(GRACE, length / 2 / len(graces))
        for n, (grace, there) in enumerate(graces):
            own = _lyric(grace, verses, there, made)
            if not own and n == 0:
                own, lyric = lyric, ""  # the syllable begins with the first of them
            if (grace_key := _key(grace, there, made)) is not None:
                made.events.append(Event(at + n * each, each, grace_key, own, there))
                made.remarks.append(f"{there}: a grace note, sung in {each:g} of a quarter that its main note gives")
        at, length = at + each * len(graces), length - each * len(graces)
    tie = getattr(element, "tie", None)
    if tie is not None and tie.type in ("stop", "continue") and made.events and key is not None:
        before = made.events[-1]
        if before.key == key and abs(before.start + before.length - at) < 1e-6:
            before.length += length
            if lyric:
                made.remarks.append(f"{place}: {lyric!r} on the end of a tie is not sung")
            return
    made.events.append(Event(at, length, key, lyric, place))


def _key(element, place: str, made: Line) -> float | None:
    if element.isRest:
        return None
    if element.style.hideObjectOnPrint:
        made.remarks.append(f"{place}: a hidden note is not sung")
        return None
    if element.isChord and hasattr(element, "pitches"):
        made.remarks.append(f"{place}: of a chord the highest note is sung")
        return max(pitch.ps for pitch in element.pitches)
    if not hasattr(element, "pitch"):
        made.remarks.append(f"{place}: a note without pitch is not sung")
        return None
    return float(element.pitch.ps)


# ---- syllables ----


def clean(text: str) -> str:
    """A syllable without punctuation, soft hyphens, and the number of a verse before it; "" where no letter is left."""
    text = unicodedata.normalize("NFC", text).replace("\u00ad", "")
    text = re.sub("[’‘`´ʼ]", "'", text)
    text = re.sub(r"^\s*\(?\d+[.)]\s*", "", text)
    text = "".join(char for char in text if unicodedata.category(char)[0] in "LM" or char in "'- \u00a0" + ELISION)
    text = re.sub(r"([-'])[-']+", r"\1", text)
    return re.sub(r"^['\- ]+|[\- ]+$|(?<=[^\W\d_])'+$", "", text.replace("\u00a0", " ")).strip("' -")


def _lyric(element, verses: list[int], place: str, made: Line) -> str:
    found = {lyric.number: lyric for lyric in element.lyrics if clean(lyric.text or "")}
    lyric = next((found[verse] for verse in verses if verse in found), None)
    if lyric is None:
        if found:
            made.remarks.append(
                f"{place}: no syllable of verse {verses[-1]}, only of {', '.join(map(str, sorted(found)))}"
            )
        return ""
    parts = lyric.components if lyric.isComposite and lyric.components else [lyric]
    made_of = []
    for part in parts:
        words = re.split(rf"[ {ELISION}]+", clean(part.text or ""))  # some write an elision as one text
        words = [word for word in words if word]
        open_end = part.syllabic in ("begin", "middle")
        made_of += [word + "-" * (open_end and n + 1 == len(words)) for n, word in enumerate(words)]
    if len(found) < len([each for each in element.lyrics if each.text and each.text.strip()]):
        made.remarks.append(f"{place}: a syllable without letters is not sung")
    return ELISION.join(made_of)


def _joined(events: list[Event]) -> list[Event]:
    """Rests where nothing sounds, notes cut where the next begins, neighbouring rests as one."""
    made: list[Event] = []
    clock = 0.0
    for event in sorted(events, key=lambda each: each.start):
        if event.start > clock + 1e-6:
            made.append(Event(clock, event.start - clock, None, "", event.place))
        if event.length > 1e-6:
            made.append(event)
            clock = max(clock, event.start + event.length)
    for one, two in pairwise(made):
        one.length = min(one.length, two.start - one.start)
    short: list[Event] = []
    for event in made:
        if short and event.key is None and short[-1].key is None:
            short[-1].length += event.length
        elif event.length > 1e-6:
            short.append(event)
    return short


def _sung(events: list[Event], remarks: list[str]) -> list[Event]:
    """Notes that no syllable reaches are rests; a word that is never ended, ends."""
    made: list[Event] = []
    reached, word = False, None
    for event in events:
        if event.key is None:
            reached = False
        elif event.lyric:
            reached, word = True, event
        elif not reached:
            remarks.append(f"{event.place}: a note without a syllable, after a rest, is not sung")
            event.key = None
        made.append(event)
    if word is not None and word.lyric.endswith("-"):
        remarks.append(f"{word.place}: the word of {word.lyric!r} has no end")
        word.lyric = word.lyric.removesuffix("-")
    return _joined(made)
