"""Items one by one: what cannot be made of one costs no other."""

from collections.abc import Callable

from blocks.base import BadItem, Failure, Schema


def each(make: Callable[[Schema], Schema], items: list) -> list:
    """`make` of every item, alone; a `Failure` with the reason in the place of one that raises BadItem."""
    return [_or_failure(make, item) for item in items]


def _or_failure(make: Callable[[Schema], Schema], item: Schema) -> Schema | Failure:
    try:
        return make(item)
    except BadItem as reason:
        return Failure(str(reason))
