"""Boundary error between two alignments of one recording whose phones differ, in ms, where they agree.

The two rows of phones are laid side by side as `difflib` finds their longest common runs; vowels count as alike, with
any stress or reduction, and so do silences. Only boundaries inside common runs are compared. Axes: phones N.
"""

from difflib import SequenceMatcher
from typing import Annotated

import numpy as np

from blocks.arrays import Durations, Phones, Value, apart
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema
from blocks.common.items import each
from blocks.common.phones import SILENCES, VOWELS
from blocks.metric._boundaries import BoundaryErrors, summary


class Alignments(Schema):
    """Two alignments of one recording, each with phones of its own."""

    phones: Phones
    durations: Durations
    reference_phones: Phones
    reference: apart(Durations, "reference")


class MatchedErrors(BoundaryErrors):
    compared: Annotated[
        float, Value("boundaries_compared", "boundaries of the reference that could be compared", unit="%")
    ]


class Config(BlockConfig):
    pass


class MatchedBoundaryError(Mapper[Config]):
    """Fails an item with no boundary to compare, or whose two sides are not of one length."""

    tiny = Config()

    def apply(self, items: list[Alignments]) -> list[MatchedErrors | Failure]:
        return each(self._one, items)

    def _one(self, item: Alignments) -> MatchedErrors:
        for phones, durations in ((item.phones, item.durations), (item.reference_phones, item.reference)):
            if len(phones) != len(durations):
                raise BadItem(f"{len(phones)} phones and {len(durations)} durations: want one for each")
        mine, reference = np.cumsum(item.durations), np.cumsum(item.reference)
        if mine[-1:].tolist() != reference[-1:].tolist():
            raise BadItem(f"durations sum to {mine[-1:]} frames, the reference to {reference[-1:]}: want one recording")
        pairs = _common(item.phones, item.reference_phones)
        if not pairs:
            raise BadItem(
                f"no two neighbours among {len(item.phones)} and {len(item.reference_phones)} phones are alike"
            )
        at, there = np.array(pairs).T
        off = np.abs(mine[at] - reference[there]) * 1000 / self.spec.frame_rate
        return MatchedErrors(**summary(off), compared=100 * len(off) / (len(reference) - 1))


def _common(phones: tuple[str, ...], others: tuple[str, ...]) -> list[tuple[int, int]]:
    """Pairs of places after which there is a boundary between the same two phones in both."""
    runs = SequenceMatcher(None, _classes(phones), _classes(others), autojunk=False).get_matching_blocks()
    return [(run.a + n, run.b + n) for run in runs for n in range(run.size - 1)]


def _classes(phones: tuple[str, ...]) -> list[str]:
    return ["vowel" if p in VOWELS else "silence" if p in SILENCES else p for p in phones]
