"""coverage: texts that hold as many phones in as many surroundings as may be, chosen one by one until they are enough.

A text is worth the sum over its triphones of 1/(1 + how often the chosen texts hold it), for each of its phones; the most worthy is
chosen next (greedy choice of sentences: van Santen and Buchsbaum 1997; weights by rareness: Bozkurt et al. 2003). Stress
does not count, and silences count as phones. Rows whose split is not train are tests: a text that says nearly the same as one of
them (`blocks.common.splits`) is not chosen, nor one that says nearly the same as one that was.
"""

import heapq
from collections import Counter
from collections.abc import Iterator

from pydantic import PositiveInt

from blocks.arrays import Id, Language, Phones, Split, Text
from blocks.base import BlockConfig, DerivedRow, Expander, Schema
from blocks.common.splits import groups


class Config(BlockConfig):
    phones: PositiveInt  # of all chosen texts; a person says 12 a second


class Candidate(Schema):
    id: Id
    text: Text
    language: Language
    phones: Phones
    split: Split


class Chosen(DerivedRow):
    """In the order of choice, so that the first so many cover best what so many can."""

    text: Text
    language: Language
    split: Split


class Coverage(Expander[Config]):
    tiny = Config(phones=40)
    paper = "van Santen and Buchsbaum, Methods for optimal text selection, Eurospeech 1997"

    def expand(self, items: list[Candidate]) -> Iterator[Chosen]:
        group_of = groups(item.text for item in items)
        shut = {group for group, item in zip(group_of, items) if item.split != "train"}
        units = [_triphones(item.phones) for item in items]
        counted: Counter = Counter()

        def worth(row: int) -> float:
            return sum(1 / (1 + counted[unit]) for unit in units[row]) / len(items[row].phones)

        free = [(-worth(row), row) for row, group in enumerate(group_of) if group not in shut]
        heapq.heapify(free)
        total = 0
        while free and total < self.config.phones:
            before, row = heapq.heappop(free)
            if group_of[row] in shut:
                continue
            if (now := -worth(row)) > before:  # what was chosen since has made it less worth
                heapq.heappush(free, (now, row))
                continue
            item = items[row]
            shut.add(group_of[row])
            counted.update(units[row])
            total += len(item.phones)
            yield Chosen(
                id=f"chosen/{item.id}", parents=(item.id,), text=item.text, language=item.language, split="train"
            )


def _triphones(phones: tuple[str, ...]) -> set[tuple[str, ...]]:
    plain = [phone.lstrip("ˈˌ") for phone in phones]
    return set(zip(plain, plain[1:], plain[2:]))
