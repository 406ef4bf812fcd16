"""Streams of results on their way into a table: rows, and failures between them."""

from collections.abc import Iterator

from blocks.base import Failure


def spread_evenly(ids: list[str], limit: int | None) -> list[str]:
    """At most so many of them, spread evenly: rows of one corpus or speaker stand side by side."""
    count = min(limit or len(ids), len(ids))
    return [ids[number * len(ids) // count] for number in range(count)]


def with_failures(results: Iterator, failures: list[Failure]) -> Iterator:
    """The results, and between them the failures that were added meanwhile."""
    for result in results:
        yield from _emptied(failures)
        yield result
    yield from _emptied(failures)


def _emptied(failures: list[Failure]) -> Iterator[Failure]:
    while failures:
        yield failures.pop(0)


def take_good(results: Iterator, limit: int | None) -> Iterator:
    """Results up to `limit` good ones; failures on the way pass and do not count."""
    good = 0
    for result in results:
        yield result
        good += not isinstance(result, Failure)
        if good == limit:
            return
