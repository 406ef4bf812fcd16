"""How many frames each phone of a score is sung: notes keep their time to the frame, and vowels begin on the beat.

Singers put the vowel on the beat, not the consonants before it, which take their time from the note or rest before (Saino et al. 2006;
Hono et al. 2021). Consonants are as long as they would be spoken: as a model predicts (`durations`), as in the recording that
they come from (`spoken`), or `consonant_s`. Together they take at most `most` of the time from one vowel to the next, and the vowel has
what remains. Hono et al. scale all phones of a note by predicted variances instead: a net that gives such is not needed here.
Axes: N phones, T frames.
"""

import itertools
from typing import Annotated

import numpy as np
from pydantic import Field, PositiveFloat

from blocks.base import BadItem, BlockConfig, Failure, Mapper
from blocks.common.singing import is_nucleus
from blocks.score.schema import InTime, Untimed


class Config(BlockConfig):
    consonant_s: PositiveFloat = 0.08  # where nothing tells how long one is
    most: Annotated[float, Field(gt=0, lt=1)] = 0.5  # of the time between two vowels


class Timing(Mapper[Config]):
    tiny = Config()
    paper = "Hono et al. 2021 (Sinsy, 2108.02776)"

    def apply(self, items: list[Untimed]) -> list[InTime | Failure]:
        made = []
        for item in items:
            try:
                made.append(InTime(durations=self._one(item)))
            except BadItem as reason:
                made.append(Failure(str(reason)))
        return made

    def _one(self, item: Untimed) -> np.ndarray:
        wanted = self._wanted(item)
        starts = np.cumsum([0.0, *(note.seconds for note in item.notes)])
        frames = np.rint(starts * self.spec.frame_rate).astype(np.int64)
        anchors = _anchors(item)
        made = np.zeros(len(item.phones), np.int64)
        made[: anchors[0]] = 0
        bounds = [*anchors, len(item.phones)]
        for first, last in itertools.pairwise(bounds):
            note = item.notes[item.note_of_phone[first]]
            start = frames[item.note_of_phone[first]]
            end = frames[item.note_of_phone[last]] if last < len(item.phones) else frames[-1]
            length = int(end - start)
            if length < last - first:
                raise BadItem(
                    f"{note.place or 'a note'}: {last - first} phones ({' '.join(item.phones[first:last])}) in "
                    f"{length / self.spec.frame_rate:.3f} s: want a slower tempo, or fewer phones on such a note"
                )
            made[first:last] = self._shared(item.phones[first:last], wanted[first:last], length)
        return made.astype(np.int32)

    def _wanted(self, item: Untimed) -> np.ndarray:
        """Frames that each phone would take, of which those of vowels do not count."""
        if item.durations is not None:
            return item.durations.astype(np.float64)
        if item.spoken is not None and item.spoken_phone is not None:
            return np.where(item.spoken_phone >= 0, item.spoken[np.maximum(item.spoken_phone, 0)], 1).astype(np.float64)
        return np.full(len(item.phones), self.config.consonant_s * self.spec.frame_rate)

    def _shared(self, phones: tuple[str, ...], wanted: np.ndarray, length: int) -> np.ndarray:
        """Whole frames that sum to `length`, one at least each; the first phone, and other vowels, have what consonants leave."""
        free = np.array([n == 0 or is_nucleus(phone) for n, phone in enumerate(phones)])
        ask = np.where(free, 0.0, np.maximum(wanted, 1.0))
        ask *= min(1.0, self.config.most * length / max(ask.sum(), 1e-9))
        ask[free] = (length - ask.sum()) / free.sum()
        spare = length - len(phones)  # beyond one frame each
        ask = np.maximum(ask - 1, 0)
        ends = np.rint(np.cumsum(ask) * (spare / max(ask.sum(), 1e-9)) if ask.sum() else np.zeros(len(phones)))
        made = 1 + np.diff(ends, prepend=0.0)
        made[0] += length - made.sum()
        return made


def _anchors(item: Untimed) -> list[int]:
    """The phone of each note and rest that begins with it: its vowel, or its first phone where it has none."""
    of, made = item.note_of_phone, []
    starts = [n for n in range(len(of)) if n == 0 or of[n] != of[n - 1]]
    for start, end in zip(starts, [*starts[1:], len(of)]):
        made.append(next((n for n in range(start, end) if is_nucleus(item.phones[n])), start))
    if item.notes[0].key is not None and made[0] > 0:
        raise BadItem("the notes begin with no rest: want one, from which the consonants of the first take their time")
    return made
