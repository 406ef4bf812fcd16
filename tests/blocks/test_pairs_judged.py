"""`pairs.judged`: every recording with every voice but its own, and recordings to hold the answer against."""

import pytest

from blocks.pairs.judged import Config, Judged, Utterance
from blocks.spec import AudioSpec

ROWS = [Utterance(id=f"{speaker}{n}", speaker=speaker) for speaker in ("ann", "ben", "cat") for n in range(3)]


def pairs(rows=ROWS, **settings):
    return list(Judged(Config(**settings), AudioSpec()).expand(rows))


def test_all_ordered_pairs_of_voices_and_none_with_itself():
    found = pairs()
    assert len({pair.id for pair in found}) == len(found) == 9 * 2
    assert {(pair.speaker, pair.target) for pair in found} == {
        (a, b) for a in ("ann", "ben", "cat") for b in ("ann", "ben", "cat") if a != b
    }


def test_references_are_two_recordings_of_the_target():
    for pair in pairs():
        assert pair.source.startswith(pair.speaker)
        assert pair.reference.startswith(pair.target)
        assert pair.another.startswith(pair.target)
        assert pair.reference != pair.another
        assert set(pair.parents) == {pair.source, pair.reference, pair.another}


def test_few_recordings_and_named_targets():
    found = pairs(most=1, targets=("ben",))
    assert [pair.id for pair in found] == ["ann0>ben", "cat0>ben"]
    assert [pair.id for pair in pairs(most=1, sources=("ann",))] == ["ann0>ben", "ann0>cat"]


def test_a_voice_that_speaks_once_is_a_source_alone():
    found = pairs([*ROWS[:6], Utterance(id="dan0", speaker="dan")], most=1)
    assert [pair.id for pair in found] == ["ann0>ben", "ben0>ann", "dan0>ann", "dan0>ben"]


def test_a_target_that_nobody_is_or_that_speaks_once_is_refused():
    with pytest.raises(ValueError, match="no recording of 'bem'; did you mean 'ben'"):
        pairs(targets=("bem",))
    with pytest.raises(ValueError, match="no recording of 'bem'; did you mean 'ben'"):
        pairs(sources=("bem",))
    with pytest.raises(ValueError, match="one recording of 'dan', want two"):
        pairs([*ROWS, Utterance(id="dan0", speaker="dan")], targets=("dan",))


def test_a_pair_has_the_direction_of_its_voices_where_they_are_of_kinds():
    found = pairs(most=1, kinds={"ann": "f", "ben": "m", "cat": "f"})
    assert {(pair.speaker, pair.target): pair.direction for pair in found} == {
        ("ann", "ben"): "f to m", ("ann", "cat"): "f to f", ("ben", "ann"): "m to f",
        ("ben", "cat"): "m to f", ("cat", "ann"): "f to f", ("cat", "ben"): "f to m",
    }  # fmt: skip
    assert {pair.direction for pair in pairs()} == {""}
    with pytest.raises(ValueError, match="kinds: none of 'cat'"):
        pairs(kinds={"ann": "f", "ben": "m"})
