"""Which row is for what: by its name, and by its text, since a prompt that was trained on is no test when it comes again.

Two rows say nearly the same if their words are equal but for one stretch, of at most a fifth of the longer text's words;
case and punctuation do not count. Texts of fewer than five words must be equal. Rows that say nearly the same as a third
belong together, too. Of rows that belong together, the first by name decides between train and dev for all of them; but
a row that is reserved by its own name stays so, and whatever belongs to one is dev. So nothing that stands in dev
or reserved rows stands in train, whatever the order of the rows, and a row alone with its text keeps the split of its name.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from blocks.arrays import Split
from blocks.common.words import plain

_STRETCH = 5  # one word in so many may differ


def split_of(name: str) -> Split:
    """A tenth each for ``reserved`` and ``dev``, by a checksum of the name: the same on every machine, for ever."""
    return {0: "reserved", 1: "dev"}.get(zlib.crc32(name.encode()) % 10, "train")


def own_split_of(name: str) -> Split:
    """The same for recordings that users bring, of which nothing is reserved."""
    return "dev" if split_of(name) == "dev" else "train"


def splits(names: list[str], texts: list[str], reserve: bool = True) -> list[Split]:
    """The split of each row. A text may be empty: that row goes by its name alone."""
    by_name = split_of if reserve else own_split_of
    together = defaultdict(list)
    for row, group in enumerate(groups(texts)):
        together[group].append(row)
    found = [by_name(name) for name in names]
    for rows in together.values():
        free = [row for row in rows if found[row] != "reserved"]
        if len(rows) == 1 or not free:
            continue
        held = len(free) < len(rows) or by_name(min(names[row] for row in free)) == "dev"
        for row in free:
            found[row] = "dev" if held else "train"
    return found


def groups(texts: Iterable[str]) -> np.ndarray:
    """int (R,): equal for rows that say nearly the same. Time and memory grow with the number of words."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    numbers: dict[str, int] = {}  # of a word
    rows, keys = [], []
    count = 0
    for row, text in enumerate(texts):
        count += 1
        words = tuple(numbers.setdefault(word, len(numbers)) for word in plain(text).split())
        found = _keys(words)
        keys += found
        rows += [row] * len(found)
    order = np.argsort(keys, kind="stable")
    keys, rows = np.array(keys, np.int64)[order], np.array(rows, np.int64)[order]
    same = np.flatnonzero(keys[1:] == keys[:-1])
    pairs = coo_array((np.ones(len(same), bool), (rows[same], rows[same + 1])), shape=(count, count))
    return connected_components(pairs, directed=False)[1]


def _keys(words: tuple[int, ...]) -> set[int]:
    """Hashes of a text with each stretch that may differ left out: two texts that say nearly the same share one."""
    size = len(words)
    if size < _STRETCH:
        return {hash(words)} if words else set()
    before, after = [0], [0]  # hashes of the first so many words, and of the last
    for first, last in zip(words, reversed(words)):
        before.append(hash((before[-1], first)))
        after.append(hash((after[-1], last)))
    return {
        hash((before[start], after[size - start - length]))
        for length in range(size // _STRETCH + 1)
        for start in range(size - length + 1)
    }
