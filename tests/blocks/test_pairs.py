"""Pairs of recordings and other voices: who is paired with whom, and that a draw is a recording's own."""

from collections import Counter

import pytest

from blocks.base import Skip
from blocks.load import find
from blocks.pairs.schema import Utterance

ITEMS = [
    Utterance(id=f"{speaker}{n}", speaker=speaker, split="dev" if n else "train")
    for speaker in ("ann", "ben", "eva", "joe")
    for n in range(3)
]


def pairs(spec, items=ITEMS, seed=0, **config):
    cls = find("pairs.targets")
    return list(cls(cls.Config(**config), spec, seed).expand(items))


def test_each_recording_meets_every_other_voice(spec):
    made = pairs(spec)
    assert len(made) == len(ITEMS) * 3
    assert {(pair.speaker, pair.target) for pair in made} == {
        (a, b) for a in ("ann", "ben", "eva", "joe") for b in ("ann", "ben", "eva", "joe") if a != b
    }
    first = made[0]
    assert (first.id, first.parents, first.source, first.split) == ("ann0-as-ben", ("ann0",), "ann0", "train")
    assert len({pair.id for pair in made}) == len(made)


def test_named_targets_need_not_be_heard_here_and_take_no_recording_of_their_own(spec):
    made = pairs(spec, targets=("zoe", "ann"))
    assert Counter(pair.target for pair in made) == {"zoe": 12, "ann": 9}
    assert Counter(type(pair) for pair in pairs(spec, targets=("ann",)))[Skip] == 3
    left = next(pair for pair in pairs(spec, targets=("ann",)) if isinstance(pair, Skip))
    assert (left.id, left.reason) == ("ann0", "ann is the only target, whose own recording it is")


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_so_many_are_drawn_without_repeating_one(spec, count):
    made = pairs(spec, per_source=count)
    assert set(Counter(pair.source for pair in made).values()) == {min(count, 3)}
    assert len({pair.id for pair in made}) == len(made)


def test_a_draw_hangs_on_seed_and_id_alone(spec):
    def drawn(**more):
        return [(pair.source, pair.target) for pair in pairs(spec, targets=("p", "q", "r", "s"), per_source=2, **more)]

    assert drawn() == drawn()
    assert drawn(seed=1) != drawn()
    assert set(drawn(items=ITEMS[4:])) < set(drawn())
    assert len({tuple(sorted(t for s, t in drawn() if s == item.id)) for item in ITEMS}) > 1
