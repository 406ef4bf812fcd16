"""Texts set to melodies, at random: each syllable of a spoken text on a note or, now and then, on several.

What is drawn are stretches of real melodies, with their rhythm and rests, in a key in which the voice can sing them, somewhat faster or
slower. Rests within words go away, and where the text has a pause there is a rest. Angelini et al. (2020) make 35 copies of each song by
pitch and tempo; here each of `copies` draws its own melody, key and tempo. Axes: N phones.
"""

import zlib
from collections import deque
from collections.abc import Iterator
from typing import Annotated

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from blocks.arrays import Note
from blocks.base import BlockConfig, Expander, Failure, Skip
from blocks.common.singing import is_nucleus
from blocks.score.schema import Setting, Utterance


class Config(BlockConfig):
    copies: PositiveInt = 2
    low: float = 53  # MIDI keys that the voice can sing: F3
    high: float = 79  # G5
    tempo: tuple[PositiveFloat, PositiveFloat] = (0.85, 1.15)  # times as fast, drawn between
    melisma: Annotated[float, Field(ge=0, lt=1)] = 0.1  # of the syllables
    rest_s: PositiveFloat = 0.4  # before, after, and where the text has a pause
    longest_rest_s: PositiveFloat = 1.5
    shortest_s: PositiveFloat = 0.2  # of a note

    @model_validator(mode="after")
    def _ordered(self):
        if self.high - self.low < 7:
            raise ValueError(f"low {self.low:g} to high {self.high:g}: want a range of a fifth, 7 keys, at least")
        return self


class Set(Expander[Config]):
    tiny = Config(copies=1)
    stochastic = True

    def expand(self, items: list[Utterance]) -> Iterator[Setting | Failure | Skip]:
        for item in items:
            syllables = _syllables(item)
            if not syllables:
                yield Failure("no syllable to sing: want a text with a vowel", item.id)
                continue
            for copy in range(self.config.copies):
                rng = np.random.default_rng([self.seed, copy, zlib.crc32(item.id.encode())])
                notes = self._drawn(syllables, item.melodies, rng)
                if notes is None:
                    yield Skip(
                        f"no stretch of {len(item.melodies)} notes fits {len(syllables)} syllables within keys "
                        f"{self.config.low:g} to {self.config.high:g}", f"{item.id}-sung-{copy}",
                    )  # fmt: skip
                    continue
                yield Setting(
                    id=f"{item.id}-sung-{copy}", parents=(item.id,), source=item.id, copy_number=copy, notes=tuple(notes),
                    split=item.split, seconds=sum(note.seconds for note in notes),
                )  # fmt: skip

    def _drawn(self, syllables: list[tuple[str, bool]], melodies: tuple[Note, ...], rng) -> list[Note] | None:
        """The notes with their syllables; None where nothing fits."""
        config = self.config
        for _ in range(50):
            start = int(rng.integers(len(melodies)))
            made = self._laid(syllables, melodies[start:], rng)
            if made is None:
                continue
            keys = [note.key for note in made if note.key is not None]
            room = int(config.high - config.low - (max(keys) - min(keys)))
            if room < 0:
                continue
            shift = np.ceil(config.low - min(keys)) + rng.integers(room + 1)
            faster = rng.uniform(*config.tempo)
            rest = [Note(key=None, seconds=config.rest_s)]
            return rest + [self._moved(note, shift, faster) for note in made] + rest
        return None

    def _moved(self, note: Note, shift: float, faster: float) -> Note:
        rest = note.key is None
        seconds = note.seconds / faster
        seconds = min(seconds, self.config.longest_rest_s) if rest else max(seconds, self.config.shortest_s)
        return Note(key=None if rest else note.key + shift, seconds=seconds, lyric=note.lyric)

    def _laid(self, syllables: list[tuple[str, bool]], melody: tuple[Note, ...], rng) -> list[Note] | None:
        """The syllables on the first notes of the melody; None where it is too short."""
        made: list[Note] = []
        waiting = deque(melody)
        for number, (lyric, _) in enumerate(syllables):
            within_word = number > 0 and syllables[number - 1][0].endswith("-")
            paused = number > 0 and syllables[number - 1][1]
            rests = []
            while waiting and waiting[0].key is None:
                rests.append(waiting.popleft())
            if not waiting:
                return None
            if made and not within_word and (rests or paused):
                made.append(rests[0] if rests else Note(key=None, seconds=self.config.rest_s))
            made.append(waiting.popleft().model_copy(update={"lyric": lyric}))
            if rng.random() < self.config.melisma and waiting and waiting[0].key is not None:
                made.append(waiting.popleft())
        return made


def _syllables(item: Utterance) -> list[tuple[str, bool]]:
    """Of each syllable its phones, with ``-`` where its word goes on, and whether a pause follows.

    How consonants go with vowels is for `score.phones` to say: here, a syllable but the first begins with its vowel.
    """
    made: list[tuple[str, bool]] = []
    parts: list[str] = []
    word, nucleus = -1, False
    for phone, of in zip((*item.phones, "sil"), (*item.word_of_phone.tolist(), -1), strict=True):
        if of != word:
            made += [
                (part + "-" * (n + 1 < len(parts)), of == -1 and n + 1 == len(parts)) for n, part in enumerate(parts)
            ]
            parts, word, nucleus = [], of, False
        if of == -1:
            continue
        if not parts or (is_nucleus(phone) and nucleus):
            parts.append("")
        nucleus |= is_nucleus(phone)
        parts[-1] += phone
    return made
