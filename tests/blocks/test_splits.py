"""What is held out stands in no training row: the rule of splits on made texts, beside the plain comparison of all pairs."""

import itertools
import random
from collections import Counter

import pytest

from blocks.common.splits import groups, own_split_of, split_of, splits
from blocks.common.words import plain


def test_the_split_of_a_name_is_its_checksum():
    # crc32 of digits/1 is 1599507285, of aztec 4181427860, of cave 92237121: fixed, or reserved rows would leak
    assert [split_of(name) for name in ("digits/1", "aztec", "cave")] == ["train", "reserved", "dev"]
    assert [own_split_of(name) for name in ("digits/1", "aztec", "cave")] == ["train", "train", "dev"]
    share = Counter(split_of(f"utterance {n}") for n in range(10000))
    assert 900 < share["dev"] < 1100
    assert 900 < share["reserved"] < 1100


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("Goodbye.", "goodbye", True),
        ("Don\u2019t!", "don't", True),
        ("Press the pound key now.", "press, the pound key: now", True),
        ("please enter your password now", "please enter your new password now", True),
        ("please enter your password now", "please enter your number now", True),
        ("please enter your password now", "please enter your password", False),  # four words want to be equal
        ("please enter your pass word now", "please enter your code now", False),  # two of six for one of five
        ("one two three four five six seven eight nine ten", "one two three four x y seven eight nine ten", True),
        ("one two three four five six seven eight nine ten", "one x three four five six seven y nine ten", False),
        ("folder 5", "folder 6", False),
        ("", "...", False),  # no words are no text
    ],
)
def test_nearly_equal_is_one_stretch_of_a_fifth(one, other, near):
    first, second = groups([one, other])
    assert (int(first) == int(second)) == near


def nearly(one: list[str], other: list[str]) -> bool:
    """The rule word for word: what both begin and end with covers all but a fifth of each."""
    if min(len(one), len(other)) < 5:
        return one == other and one != []
    return any(
        one[:head] == other[:head]
        and one[len(one) - tail :] == other[len(other) - tail :]
        and all(5 * (len(text) - head - tail) <= len(text) for text in (one, other))
        for head in range(min(len(one), len(other)) + 1)
        for tail in range(min(len(one), len(other)) - head + 1)
    )


def test_groups_are_those_of_comparing_every_pair():
    draw = random.Random(0)
    texts = [" ".join(draw.choices("ab", k=draw.randrange(0, 9))) for _ in range(120)]
    words = [plain(text).split() for text in texts]
    belongs = list(range(len(texts)))
    for one, other in itertools.combinations(range(len(texts)), 2):
        if nearly(words[one], words[other]):
            old, new = belongs[other], belongs[one]
            belongs = [new if group == old else group for group in belongs]
    found = groups(texts)
    assert len(set(belongs)) > 20
    assert len(set(zip(belongs, found))) == len(set(belongs)) == len(set(found))


@pytest.mark.parametrize("reserve", [True, False])
def test_held_out_texts_are_in_no_training_row_whatever_the_order(reserve):
    draw = random.Random(1)
    texts = [f"prompt {draw.randrange(150)} of those that are said twice or more" for _ in range(400)]
    names = [f"row {n}" for n in range(400)]
    found = splits(names, texts, reserve)
    held = {text for text, split in zip(texts, found) if split != "train"}
    # A fifth of these texts may differ, their number among it: all of them would belong together.
    assert set(found) == ({"dev", "reserved"} if reserve else {own_split_of("row 0")})
    texts = [text.removesuffix(" of those that are said twice or more") for text in texts]
    found = splits(names, texts, reserve)
    held = {text for text, split in zip(texts, found) if split != "train"}
    assert held.isdisjoint(text for text, split in zip(texts, found) if split == "train")
    assert {name for name, split in zip(names, found) if split == "reserved"} == {
        name for name in names if reserve and split_of(name) == "reserved"
    }
    assert found.count("train") > 100
    order = draw.sample(range(400), 400)
    again = splits([names[n] for n in order], [texts[n] for n in order], reserve)
    assert again == [found[n] for n in order]


def test_a_row_alone_with_its_text_or_without_one_keeps_the_split_of_its_name():
    names = [f"row {n}" for n in range(200)]
    assert splits(names, [f"text {n}" for n in range(200)]) == list(map(split_of, names))
    assert splits(names, [""] * 200) == list(map(split_of, names))
    assert splits([], []) == []
