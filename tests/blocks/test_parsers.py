"""Parsers: constituents over the words of a text, from spaCy's heads and from brackets of anyone's."""

import pytest

from blocks.base import BadItem
from blocks.parser._words import over_words
from blocks.parser.brackets import Brackets, Config, read
from blocks.parser.schema import Sentence
from blocks.parser.spacy import Spacy
from blocks.spec import AudioSpec


@pytest.fixture(scope="module")
def spacy():
    block = Spacy(Spacy.tiny, AudioSpec())
    block.setup()
    return block


def sentence(text: str, **more) -> Sentence:
    return Sentence(**{"id": "u1", "text": text, "words": tuple(text.replace(",", "").strip(".").split())} | more)


def phrases(parsed) -> set[tuple[str, str]]:
    return {(span.label, " ".join(parsed.words[span.first : span.last])) for span in parsed.spans}


def test_the_verb_phrases_of_the_example_can_stand_for_each_other(spacy):
    lied, shook = spacy.apply([sentence("he never lied."), sentence("She shook her head.")])
    assert ("VP", "lied") in phrases(lied)
    assert ("VP", "shook her head") in phrases(shook)
    assert ("NP", "her head") in phrases(shook)
    assert not any(label == "NP" and words == "her" for label, words in phrases(shook)), "a possessive is none"


def test_a_phrase_is_all_that_hangs_on_its_head(spacy):
    (parsed,) = spacy.apply([sentence("Please enter your agent number followed by the pound key.")])
    found = phrases(parsed)
    assert {
        ("NP", "your agent number followed by the pound key"),
        ("VP", "followed by the pound key"),
        ("PP", "by the pound key"),
        ("NP", "the pound key"),
    } <= found


def test_tokens_inside_a_word_and_marks_are_none_of_their_own(spacy):
    (parsed,) = spacy.apply([sentence("The fox doesn't like the dog, and it left.")])
    found = phrases(parsed)
    assert {("NP", "The fox"), ("VP", "like the dog"), ("S", "it left")} <= found
    assert all("n't" not in words.split() for _, words in found)


def test_another_language_is_refused(spacy):
    with pytest.raises(BadItem, match=r"'ru-RU'.*parser.brackets takes any"):
        spacy.apply([sentence("он никогда не лгал", language="ru-RU")])


def test_words_are_covered_whole_or_not_at_all():
    tokens, words = ["It", "is", "n't", "so", "."], ("It", "isn't", "so")
    found = [("A", 0, 1), ("B", 1, 2), ("C", 1, 3), ("D", 0, 5), ("E", 3, 5), ("F", 4, 5)]
    assert [(s.label, s.first, s.last, s.start, s.end) for s in over_words(found, tokens, words, "It isn't so.")] == [
        ("A", 0, 1, 0, 2),
        ("C", 1, 2, 3, 8),
        ("E", 2, 3, 9, 11),
    ]


def test_a_constituent_says_where_in_the_text_it_stands(spacy):
    text = "Well, she shook her head: she'd never lied!"
    words = ("Well", "she", "shook", "her", "head", "she'd", "never", "lied")
    (parsed,) = spacy.apply([sentence(text, words=words)])
    labels = {(span.label, text[span.start : span.end]) for span in parsed.spans}
    assert {("NP", "her head"), ("VP", "shook her head")} <= labels


def test_a_parse_of_another_text_is_refused_with_the_place():
    with pytest.raises(BadItem, match=r"'helied' for .*'shelied'"):
        over_words([], ["he", "lied"], ("she", "lied"), "she lied")


# ---- brackets ----

HE = "(ROOT (S (NP-SBJ-1 (PRP he)) (VP (ADVP (RB never)) (VBD lied) (NP (-NONE- *)))) (. .))"


def brackets(tmp_path, text: str) -> Brackets:
    (tmp_path / "parses.tsv").write_text(text, encoding="utf-8")
    block = Brackets(Config(path=str(tmp_path / "parses.tsv")), AudioSpec())
    block.setup()
    return block


def test_penn_brackets_are_read(tmp_path):
    (parsed,) = brackets(tmp_path, f"u1\t{HE}\n\nu2\t(S (NP (PRP она)) (VP (VBD лгала)))\n").apply(
        [sentence("he never lied.")]
    )
    assert {("NP", "he"), ("VP", "never lied"), ("ADVP", "never"), ("VBD", "lied")} <= phrases(parsed)
    assert all(label.isalpha() for label, _ in phrases(parsed))


def test_words_stand_where_labels_do_not():
    assert read("(NP (DT the) (NN (NP key)))")[1] == ["the", "key"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("u1 (S (NP he))", "parses.tsv:1: want an id, a tab and brackets"),
        ("u1\t(S (NP he)", "parses.tsv:1: 1 brackets are not closed"),
        ("u1\t(S he))", r"parses.tsv:1: character 7: a \) without its \("),
        ("u1\t(S he)\nu1\t(S she)", "parses.tsv:2: the id 'u1' stands there twice"),
        ("u1\the (S he)", "character 1: 'he' stands outside the brackets"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        brackets(tmp_path, text)


def test_a_row_without_a_line_is_told_the_nearest(tmp_path):
    with pytest.raises(BadItem, match=r"no line for 'u1'.*'u11'"):
        brackets(tmp_path, f"u11\t{HE}").apply([sentence("he never lied.")])
