"""Texts chosen by the triphones they hold, and the sayings they are chosen from."""

import pytest

from blocks.common import debian
from blocks.corpus import fortunes
from blocks.subset.coverage import Candidate, Config, Coverage


def row(id, text, phones, split="train"):
    return Candidate(id=id, text=text, language="en-US", phones=tuple(phones.split()), split=split)


def chosen(rows, spec, phones):
    return [made.parents[0] for made in Coverage(Config(phones=phones), spec).expand(rows)]


def test_what_brings_most_new_triphones_for_its_length_comes_first(spec):
    rows = [
        row("same", "a", "a b a b a b"),
        row("rich", "b", "a b c d e f"),
        row("long", "c", "a b c d e f a b c d e f"),
    ]
    assert chosen(rows, spec, 1) == ["rich"]
    assert chosen(rows, spec, 7) == ["rich", "same"]  # of long, little is new


def test_stress_makes_no_triphone_of_its_own(spec):
    rows = [row("one", "a", "t ˈa k o"), row("other", "b", "t a k ˌo"), row("new", "c", "p a k u")]
    assert chosen(rows, spec, 8) == ["one", "new"]


def test_it_stops_when_the_texts_are_enough_or_all_are_chosen(spec):
    rows = [row(str(n), f"text {n}", f"a{n} b{n} c{n} d{n}") for n in range(5)]
    assert len(chosen(rows, spec, 8)) == 2
    assert len(chosen(rows, spec, 1000)) == 5


@pytest.mark.parametrize(
    "text", ["The ferry leaves at noon.", "the ferry leaves, at noon", "The old ferry leaves at noon."]
)
def test_nothing_near_a_test_or_another_text_is_chosen(spec, text):
    rows = [
        row("held", "The ferry leaves at noon.", "a b c", "dev"),
        row("near", text, "d e f"),
        row("far", "Say it.", "g h i"),
    ]
    assert chosen(rows, spec, 100) == ["far"]
    rows[0] = row("held", "The ferry leaves at noon.", "a b c")
    assert len(chosen(rows, spec, 100)) == 2


def test_a_saying_is_cut_into_plain_sentences():
    text = (
        "He who laughs last thinks slowest of us all.  Never trust a man in a blue suit?\n\t\t-- Some Author of Note\n"
        "%\nThere were 17 of them in the old house.\nHe said 'never' to all of them at once.\n"
        "%\nToo short.\n%\nThe world is small, but I would not want to paint it!\n%\nA\bA boldly printed line is left out here.\n"
    )
    assert list(fortunes.sentences(text, 6, 22)) == [
        "He who laughs last thinks slowest of us all.",
        "Never trust a man in a blue suit?",
        "The world is small, but I would not want to paint it!",
    ]


def test_the_packages_give_thousands_of_sentences(spec):
    corpus = fortunes.Fortunes(fortunes.Config(), spec)
    corpus.fetch()
    rows = list(corpus.read())
    assert debian.fingerprint(["fortunes"]) in corpus.fingerprint()
    assert len(rows) > 7000
    assert len({made.text for made in rows}) == len({made.id for made in rows}) == len(rows)
    assert {made.split for made in rows} == {"train"}
