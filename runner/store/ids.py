"""The ids of a large table as one Arrow column: a million take 20 MB to find any by, where a list and a dict of texts take 200."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from runner.store.columns import numbers

MANY = 2**15  # rows of a table from which its ids are kept so
_AT_ONCE = 2**14  # ids that are texts of Python's at a time
_RECENT = 2**12  # ids that were asked for last: a row of several fields is asked for once for each


class Ids(Sequence):
    """Texts, each once. Read as a list is; `number` finds one."""

    def __init__(self, column: pa.Array):
        self.column = column
        self._sorted: tuple[np.ndarray, np.ndarray] | None = None
        self._recent: OrderedDict[str, int | None] = OrderedDict()

    def __len__(self) -> int:
        return len(self.column)

    def __getitem__(self, index):
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            return (
                self.taken(np.arange(start, stop, step)) if step != 1 else Ids(self.column.slice(start, stop - start))
            )
        return self.column[int(index) if index >= 0 else len(self) + int(index)].as_py()

    def __iter__(self) -> Iterator[str]:
        for at in range(0, len(self), _AT_ONCE):
            yield from self.column.slice(at, _AT_ONCE).to_pylist()

    def __contains__(self, id) -> bool:
        return self.number(id) is not None

    def __eq__(self, other) -> bool:
        return isinstance(other, Ids) and self.column.equals(other.column)

    __hash__ = None

    def number(self, id: str) -> int | None:
        """Its place, or None."""
        if id in self._recent:
            return self._recent[id]
        hashes, places = self._index()
        key = hash(id)
        at, found = int(np.searchsorted(hashes, key)), None
        while at < len(hashes) and hashes[at] == key:
            if self[places[at]] == id:
                found = int(places[at])
                break
            at += 1
        self._recent[id] = found
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)
        return found

    def numbers(self, others: "Ids") -> np.ndarray:
        """The place here of each of the others, int64; -1 where it is not here."""
        if others is self or others == self:
            return np.arange(len(self))
        import pyarrow.compute as pc

        found = pc.index_in(others.column, value_set=self.column)
        return numbers(pc.fill_null(found, -1), np.int32).astype(np.int64)

    def taken(self, places: np.ndarray) -> "Ids":
        places = np.ascontiguousarray(places, np.int64)
        return Ids(self.column.take(pa.Array.from_buffers(pa.int64(), len(places), [None, pa.py_buffer(places)])))

    def where(self, keep: np.ndarray) -> "Ids":
        """Those of a mask, in their order."""
        return self if keep.all() else self.taken(np.flatnonzero(keep))

    def _index(self) -> tuple[np.ndarray, np.ndarray]:
        """Hashes of this process in ascending order, and where each of them stands."""
        if self._sorted is None:
            hashes = np.fromiter(map(hash, self), np.int64, len(self))
            places = np.argsort(hashes, kind="stable").astype(np.int32)
            self._sorted = hashes[places], places
        return self._sorted


def those(ids: Sequence[str], keep: Callable[[str], bool]) -> Sequence[str]:
    """The ids that are to be kept, as a list, or as `Ids` where they are."""
    if isinstance(ids, Ids):
        return ids.where(np.fromiter(map(keep, ids), bool, len(ids)))
    return [id for id in ids if keep(id)]


def together(every: list[Sequence[str]]) -> int:
    """How many different ids there are in several tables."""
    if not all(isinstance(ids, Ids) for ids in every):
        return len(set().union(*every))
    import pyarrow.compute as pc

    return pc.count_distinct(pa.chunked_array([ids.column for ids in every])).as_py()
