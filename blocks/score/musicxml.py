"""Scores of MusicXML, plain or compressed, one row each: the notes of one voice in seconds, with their syllables (read by music21).

One line is sung. Where several parts or voices have lyrics, `part` and `voice` choose; `verse` chooses among those below each other, and where a
repeat comes again it takes the next verse, if there is one. Ties become one note; a note without a syllable goes on with the
vowel before it, and is no more sung after a rest. Repeats, endings and jumps are played out, or refused with their bars. Notes sound as
written plus what the part transposes. Seconds come of all tempo changes; a tempo is 120 where none is given. Grace notes take their time
from the main note. What is left out, or read otherwise, stands in `remarks` with its bar and beat.
"""

import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from blocks.arrays import Language, Licence, Note
from blocks.base import BadItem, BlockConfig, Failure, Skip, Source
from blocks.common.singing import syllables_of
from blocks.common.splits import own_split_of
from blocks.score.schema import Song

ALL = "all"


class Config(BlockConfig):
    path: str = ""  # a score, or a folder of scores; empty: none, for a graph that others bring theirs to
    corpus: str = ""  # instead: of the scores that music21 brings along, those of a folder, such as bach, or a pattern, bach/bwv1*
    part: str = (
        ""  # its name or number, from 1; empty: the one with lyrics; all: each that has some is a row of its own
    )
    voice: str = ""  # within the part
    verse: PositiveInt = 1
    language: Language = "en"  # of the lyrics: MusicXML seldom tells
    transpose: float = 0.0  # semitones up
    tempo: PositiveFloat | None = None  # quarters a minute at the beginning; later changes keep their proportion
    lead_s: NonNegativeFloat = 0.3  # of rest before and after, at least: consonants stand before the beat
    licence: Licence = "LicenseRef-unknown"
    prefix: str = ""  # put before each id

    @model_validator(mode="after")
    def _one_origin(self):
        if self.path and self.corpus:
            raise ValueError("give path or corpus, not both")
        return self


class MusicXML(Source[Config]):
    tiny = Config(path="scores")
    paper = "Good 2001 (MusicXML); Cuthbert and Ariza 2010 (music21)"
    needs = ("music21",)
    extra = "scores"

    def __init__(self, config, spec, seed=0):
        super().__init__(config, spec, seed)
        self.licences = (config.licence,)

    def fingerprint(self) -> str:
        if not self.config.path and not self.config.corpus:
            return ""
        found = hashlib.sha256(version("music21").encode())
        for _, path in self._files():
            found.update(path.read_bytes())
        return found.hexdigest()

    def read(self) -> Iterator[Song | Failure | Skip]:
        for id, path in self._files() if self.config.path or self.config.corpus else ():
            yield from self._songs(id, path)

    def _files(self) -> Iterator[tuple[str, Path]]:
        from blocks.score._file import SUFFIXES

        if self.config.corpus:
            root, found = _corpus(self.config.corpus)
        else:
            root = Path(self.config.path)
            found = [root] if root.is_file() else [*root.rglob("[!.]*")]
        scores = sorted(path for path in found if path.suffix.lower() in SUFFIXES and path.is_file())
        if not scores:
            place = (
                f"of music21's own for corpus {self.config.corpus!r}"
                if self.config.corpus
                else f"in path {self.config.path!r}"
            )
            raise FileNotFoundError(f"no score {place}, below {Path.cwd()}; want files of {', '.join(SUFFIXES)}")
        for path in scores:
            name = path.stem if path == root else path.relative_to(root).with_suffix("").as_posix()
            yield self.config.prefix + name, path

    def _songs(self, id: str, path: Path) -> Iterator[Song | Failure | Skip]:
        from blocks.score._file import parsed
        from blocks.score._line import NoLyrics, sung_parts

        try:
            score = parsed(path)
            numbers = sung_parts(score) if self.config.part == ALL else None
        except BadItem as reason:
            aside = isinstance(reason, NoLyrics) and self.config.corpus  # not a score that someone asked for
            yield (Skip if aside else Failure)(f"{path.name}: {reason}", id)
            return
        for number in [""] if numbers is None else map(str, numbers):
            own = f"{id}/{number}" if number else id
            try:
                yield self._song(own, score, number or self.config.part)
            except BadItem as reason:
                aside = isinstance(reason, NoLyrics) and self.config.corpus
                yield (Skip if aside else Failure)(f"{path.name}: {reason}", own)

    def _song(self, id: str, score, part: str) -> Song:
        from blocks.score._line import line_of

        config = self.config
        line = line_of(score, part, config.voice, config.verse)
        faster = config.tempo / line.tempi[0][1] if config.tempo else 1.0
        clock = _clock([(at, tempo * faster) for at, tempo in line.tempi])
        notes = [
            Note(
                key=None if event.key is None else event.key + config.transpose,
                seconds=clock(event.start + event.length) - clock(event.start),
                lyric=event.lyric,
                place=event.place,
            )
            for event in line.events
        ]
        if not any(note.lyric for note in notes):
            raise BadItem(f"no syllable of verse {config.verse} to sing")
        notes = _padded(notes, config.lead_s)
        return Song(
            id=id,
            notes=tuple(notes),
            text=" ".join(words(notes)),
            language=config.language,
            seconds=sum(note.seconds for note in notes),
            split=own_split_of(id),
            licence=config.licence,
            remarks=tuple(line.remarks),
        )


def words(notes: list[Note]) -> list[str]:
    """The words of the syllables, with a comma where a rest follows; those in capitals are no acronyms, and are written small."""
    made: list[str] = []
    word = ""
    for note in notes:
        if note.key is None and made and not word:
            made[-1] = made[-1].removesuffix(",") + ","
        for syllable in syllables_of(note.lyric):
            word += syllable.removesuffix("-")
            if not syllable.endswith("-"):
                made.append(word.lower() if word.isupper() and len(word) > 1 else word)
                word = ""
    if made:
        made[-1] = made[-1].removesuffix(",")
    return made


def _padded(notes: list[Note], lead_s: float) -> list[Note]:
    """With a rest of at least `lead_s` at both ends."""
    for end in (0, -1):
        rest = notes[end].key is None
        more = max(lead_s, 1e-3) - (notes[end].seconds if rest else 0.0)
        if rest and more > 0:
            notes[end] = notes[end].model_copy(update={"seconds": notes[end].seconds + more})
        elif not rest:
            notes.insert(0 if end == 0 else len(notes), Note(key=None, seconds=max(lead_s, 1e-3)))
    return notes


def _clock(tempi: list[tuple[float, float]]):
    """Seconds of a time in quarters, through all changes of tempo."""
    import numpy as np

    at = np.array([each for each, _ in tempi])
    pace = 60 / np.array([tempo for _, tempo in tempi])
    seconds = np.concatenate([[0.0], np.cumsum(np.diff(at) * pace[:-1])])

    def clock(quarter: float) -> float:
        n = max(0, int(np.searchsorted(at, quarter, side="right")) - 1)
        return float(seconds[n] + (quarter - at[n]) * pace[n])

    return clock


def _corpus(pattern: str) -> tuple[Path, list[Path]]:
    """The root of music21's own scores, and those that are meant."""
    from music21 import common

    root = Path(common.getCorpusFilePath())
    return root, [path for each in root.glob(pattern) for path in (each.rglob("[!.]*") if each.is_dir() else [each])]
