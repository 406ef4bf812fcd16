"""How high each phone is sung: as the note that sounds in its middle, for a model of phones that is conditioned on their pitch.

Voices change to a note on its beat, which is where its vowel begins (`score.timing`): consonants before it still have the note before. In a rest a
voice is ready for the note that comes. Axes: N phones.
"""

import numpy as np

from blocks.base import BadItem, BlockConfig, Failure, Mapper
from blocks.common.items import each
from blocks.score._rows import REST, UNVOICED
from blocks.score.schema import Pitched, Sounding


class Config(BlockConfig):
    pass


class Pitch(Mapper[Config]):
    """Fails an item that has only rests."""

    tiny = Config()

    def apply(self, items: list[Sounding]) -> list[Pitched | Failure]:
        return each(self._one, items)

    def _one(self, item: Sounding) -> Pitched:
        if len(item.durations) != len(item.phones):
            raise BadItem(f"{len(item.durations)} durations for {len(item.phones)} phones, want one each")
        sung = [n for n, note in enumerate(item.notes) if note.key is not None]
        if not sung:
            raise BadItem("no note to sing, only rests")
        ends = np.cumsum([note.seconds for note in item.notes])
        middles_N = (np.cumsum(item.durations) - item.durations / 2) / self.spec.frame_rate
        at_N = np.searchsorted(ends, middles_N, side="right")
        ready_N = np.array(sung)[np.minimum(np.searchsorted(sung, at_N), len(sung) - 1)]
        keys_N = np.array([item.notes[n].key for n in ready_N])
        voiced_N = np.array([phone != REST and phone not in UNVOICED for phone in item.phones])
        return Pitched(phone_pitch=np.where(voiced_N, 440 * 2 ** ((keys_N - 69) / 12), 0).astype(np.float32))
