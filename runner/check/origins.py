"""Which rows a table can hold, as far as the graph alone tells: where its ids come from and what was filtered.

A table is a set of branches (source, conditions its rows have passed): a source is the node that made the ids, or the
field (`node.field`) whose values they are where the rows are groups. The empty set stands for the one row of a
reduce, which joins every row.
"""

from functools import lru_cache

Branches = frozenset[tuple[str, frozenset[str]]]
ONE_ROW: Branches = frozenset()


def made_by(node: str) -> Branches:
    """New rows."""
    return frozenset({(node, frozenset())})


@lru_cache(maxsize=4096)
def sources(rows: Branches) -> frozenset[str]:
    return frozenset(source for source, _ in rows)


@lru_cache(maxsize=4096)
def join(a: Branches, b: Branches) -> Branches:
    """The rows whose ids both have."""
    if not a or not b or a == b:
        return a or b
    return _absorb({(s, f | g) for s, f in a for t, g in b if s == t})


def apart(a: Branches, b: Branches) -> bool:
    """Whether the two can share no ids."""
    return bool(a and b) and not sources(a) & sources(b)


def doubled(a: Branches, b: Branches) -> str | None:
    """A source whose ids stand in both for certain: one of them was filtered no further than the other."""
    return min((s for s, f in a for t, g in b if s == t and (f <= g or g <= f)), default=None)


@lru_cache(maxsize=4096)
def filtered(rows: Branches, condition: str) -> Branches:
    return _absorb({(source, passed | {condition}) for source, passed in rows})


def _absorb(branches: set) -> Branches:
    """Without branches that hold nothing but rows of another."""
    kept: dict[str, list[frozenset[str]]] = {}
    for source, passed in sorted(branches, key=lambda branch: len(branch[1])):  # what passed less holds more
        wider = kept.setdefault(source, [])
        if not any(other <= passed for other in wider):
            wider.append(passed)
    return frozenset((source, passed) for source, found in kept.items() for passed in found)
