"""The 200 open-domain sentences of `graphs/texts`: what they promise, and that the front end can say them all."""

import re
from pathlib import Path

import pytest

from blocks.base import Failure
from blocks.load import find
from blocks.spec import AudioSpec
from blocks.text.schema import Written

LINES = (Path(__file__).parents[2] / "graphs" / "texts" / "open_domain_en.txt").read_text(encoding="utf-8").splitlines()
SORTS = {
    "news": range(5),
    "names": range(5, 9),
    "numbers": range(9, 13),
    "questions": range(13, 17),
    "daily": range(17, 20),
}


def of(sort: str) -> list[str]:
    return [line for number, line in enumerate(LINES) if number % 20 in SORTS[sort]]


def test_there_are_200_of_five_sorts_in_turn():
    assert {sort: len(of(sort)) for sort in SORTS} == dict(news=50, names=40, numbers=40, questions=40, daily=30)
    assert len(set(LINES)) == 200
    assert all(4 <= len(line.split()) <= 25 for line in LINES)
    assert all(re.search(r"\d", line) for line in of("numbers"))
    assert all(line[-1] in "?!" for line in of("questions"))
    assert all(re.search(r" [A-Z]", line) for line in of("names"))


@pytest.fixture(scope="module")
def said() -> list[tuple[str, tuple[str, ...]]]:
    """Spoken words and phones of each line."""
    normalise, phones = (find(name)(find(name).tiny, AudioSpec()) for name in ("text.normalise", "text.phones"))
    normalise.setup(), phones.setup()
    words = normalise.apply([Written(text=line, language="en-US") for line in LINES])
    assert not [result for result in words if isinstance(result, Failure)]
    made = phones.apply([Written(text=result.text, language="en-US") for result in words])
    return [(text.text, spoken.phones) for text, spoken in zip(words, made, strict=True)]


def test_each_can_be_normalised_and_pronounced(said):
    for text, phones in said:
        assert re.fullmatch(r"[A-Za-z ,.:;?!'-]+", text), text
        assert 10 < len(phones) < 160, text


def test_each_ends_with_its_own_mark(said):
    assert [phones[-1] for _, phones in said] == [line[-1] for line in LINES]
