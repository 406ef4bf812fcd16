"""When notes begin, beside the score: the first moment at which F0 is nearer to the new note than to the one before it.

Looked for between the middles of two neighbouring notes that differ by a semitone or more, so that it is heard and not read off a
model's durations; on a consonant without a voice it is the beginning of the vowel. A change that F0 does not follow is as late as the search goes. Also how long the whole is beside the score.
"""

from itertools import pairwise
from typing import Annotated

import numpy as np

from blocks.arrays import Value
from blocks.base import BlockConfig, Failure, Mapper, Schema, Skip
from blocks.common.items import each
from blocks.metric._notes import Sung, pitch, places


class Config(BlockConfig):
    pass


class Onsets(Schema):
    onset_ms: Annotated[float, Value("onset_error", "median distance of onsets from the score's", unit="ms")]
    late_ms: Annotated[float, Value("onset_late", "median of how late onsets are", unit="ms")]
    missed: Annotated[float, Value("onsets_missed", "changes of note that F0 does not follow", unit="%")]
    length_off: Annotated[
        float, Value("length_off", "how much longer or shorter the whole is than the score", unit="%")
    ]


class NoteOnset(Mapper[Config]):
    """Leaves out an item without two neighbouring notes that differ."""

    tiny = Config()
    needs = ("pyworld",)
    extra = "audio"

    def apply(self, items: list[Sung]) -> list[Onsets | Failure]:
        return each(self._one, items)

    def _one(self, item: Sung) -> Onsets | Skip:
        late, missed = [], 0
        for one, two in pairwise(places(item, self.spec)):
            if two.number != one.number + 1 or abs(two.note.key - one.note.key) < 1:
                continue
            start, end = (one.start + one.end) / 2, (two.start + two.end) / 2
            low, high = sorted((one.note.key, two.note.key))
            times, keys = pitch(item.prediction, self.spec.sample_rate, start, end, low, high)
            with np.errstate(invalid="ignore"):
                new = np.flatnonzero(np.abs(keys - two.note.key) < np.abs(keys - one.note.key))
            missed += not len(new)
            late.append(1000 * ((times[new[0]] if len(new) else end) - two.start))
        if not late:
            return Skip("no change of note: want neighbouring notes that differ by a semitone or more")
        seconds = sum(note.seconds for note in item.notes)
        return Onsets(
            onset_ms=float(np.median(np.abs(late))),
            late_ms=float(np.median(late)),
            missed=100 * missed / len(late),
            length_off=abs(100 * (len(item.prediction) / self.spec.sample_rate / seconds - 1)),
        )
