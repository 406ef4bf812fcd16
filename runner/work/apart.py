"""Sources and expanders whose rows hang on no others: made shard by shard on any worker, as those of a map."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import ClassVar

from blocks.base import Failure, Source, Unread, reads_apart, with_id
from runner.plan import Step
from runner.work.apply import BlockError, Shard, is_machine_trouble, make_item, reason_of
from runner.work.shards import ShardWork, Trial, died

_WHOLE = 0  # what a trial calls a shard that is not taken apart


def is_apart(step: Step) -> bool:
    """Whether a node is made shard by shard. A source of which so many good rows are wanted is not: nobody knows before which they are."""
    cls = step.checked.cls
    if step.verb == "read":
        return reads_apart(cls) and step.meta["limit"] is None
    return step.verb == "map" or (step.verb == "expand" and cls.apart)


class _OneByOne(ShardWork):
    """A shard whose rows are made one after the other."""

    def _made(self, index: int, trial: Trial) -> Shard:
        self._set_up(trial)
        shard = Shard()
        trial.note(_WHOLE)
        for id, make in self._asked(index):
            for result in self._tried(trial, id, make, shard):
                shard.add(result.id, result, self.checked.output, self.checked.spec)
        return shard

    def _asked(self, index: int) -> Iterator[tuple[str, Callable[[], Iterable]]]:
        """For each entry or item of a shard its id, and what gives its rows and failures."""
        raise NotImplementedError

    def _tried(self, trial: Trial, id: str, make: Callable[[], Iterable], shard: Shard) -> list:
        if trial.careful(_WHOLE):
            if trial.is_blamed(_WHOLE, id):
                return [died(id)]
            trial.note(_WHOLE, id)
        try:
            return list(make())
        except (BlockError, MemoryError):
            raise
        except Exception as error:
            if is_machine_trouble(error):
                raise
            shard.note(error)
            return [Failure(reason_of(error), id)]


@dataclass
class ReadWork(_OneByOne):
    """A source with `entries`. Every worker goes through these itself, and opens the data of its own shards alone."""

    _passed = None  # entries gone through so far

    @cached_property
    def total(self) -> int:
        return sum(1 for _ in self.block.entries())

    @cached_property
    def block(self) -> Source:
        block = super().block
        block.fetch()
        return block

    def _asked(self, index: int) -> Iterator[tuple[str, Callable[[], Iterable]]]:
        for entry in self._entries_of(index):
            yield entry.id, lambda entry=entry: [self._row(entry)]

    def _row(self, entry: Unread | Failure):
        row = entry if isinstance(entry, Failure) else entry.read()
        if isinstance(row, Failure):
            return with_id(row, entry.id)
        if row.id != entry.id:
            raise BlockError(f"entry {entry.id!r} is read as a row of id {row.id!r}")
        return row

    def _entries_of(self, index: int) -> list:
        """As a worker is asked for later and later shards, as a rule, it goes through the entries once."""
        at = index * self.size
        if self._passed is None or self._passed > at:
            self._entries, self._passed = each_once(self.block.entries()), 0
        found = list(islice(self._entries, at - self._passed, at - self._passed + self.size))
        self._passed = at + self.size
        return found


@dataclass
class ExpandWork(_OneByOne):
    """An expander that is `apart`."""

    size: ClassVar[int] = 16
    row_each: ClassVar[bool] = False

    def _asked(self, index: int) -> Iterator[tuple[str, Callable[[], Iterable]]]:
        ids = self.ids_of(index)
        for id, fields in zip(ids, self.rows.items(ids)):
            yield id, lambda id=id, fields=fields: self._expanded(id, fields)

    def _expanded(self, id: str, fields) -> Iterator:
        for result in each_once(self.block.expand([make_item(self.checked.inputs, fields)])):
            if not isinstance(result, Failure) and result.parents != (id,):
                raise BlockError(f"{result.id!r}: want {id!r} alone as its parent, got {result.parents}")
            yield result


def each_once(results: Iterable) -> Iterator:
    """A row whose id another has is a failure: nobody could tell which of them is meant. Raises BlockError for one without an id."""
    seen: set[str] = set()
    for result in results:
        if not (id := getattr(result, "id", None)):
            raise BlockError(f"{type(result).__name__} without an id")
        if isinstance(result, Failure) or id not in seen:
            seen.update(() if isinstance(result, Failure) else (id,))
            yield result
        else:
            yield Failure("a row before has this id: want another for each", id)
