"""Perplexity by n-grams: Kneser-Ney's probabilities by hand, that they add up to one, and what is told of texts."""

import numpy as np
import pytest

from blocks.base import Failure
from blocks.metric.ngram_perplexity import Config, KneserNey, NgramPerplexity, Written
from blocks.spec import AudioSpec
from runner.conformance.trained import fit_on

SPEC = AudioSpec()
TEXTS = ["the cat sat on the mat", "the dog sat on the rug", "a cat sat", "a dog ran to the cat", "She said: the dog!"]


def fitted(folder, texts=TEXTS, **settings) -> NgramPerplexity:
    items = {f"t{n}": Written(text=text) for n, text in enumerate(texts)}
    return fit_on(NgramPerplexity(Config(**settings), SPEC), items, folder)


def test_bigrams_are_those_of_the_formula_by_hand():
    model = KneserNey([1, 2, -1, 1, 3, -1], 2, 3)  # "a b", "a c"; -2 starts
    # bigrams: start a 2, a b 1, a c 1, b end 1, c end 1; n1 4, n2 1: D = 4 / 6
    assert model.discounts[1] == pytest.approx(4 / 6)
    # words by how many they follow: a 1, b 1, c 1, end 2; n1 3, n2 1: D = 3 / 5
    assert model.discounts[0] == pytest.approx(3 / 5)
    b = (1 - 3 / 5 + 3 / 5 * 4 / 5) / 5
    assert model.probability((2,)) == pytest.approx(b)
    assert model.probability((1, 2)) == pytest.approx((1 - 4 / 6 + 4 / 6 * 2 * b) / 2)
    assert model.probability((3, 2)) == pytest.approx((0 + 4 / 6 * b) / 1)
    assert model.probability((0, 2)) == pytest.approx(b), "after what was never seen: by the shorter history"


@pytest.mark.parametrize("order", [1, 2, 3])
def test_probabilities_add_up_to_one(tmp_path, order):
    block = fitted(tmp_path, order=order)
    the, cat = block.words.row("the"), block.words.row("cat")
    for history in ((-2, -2), (the, cat), (cat, the), (0, 0)):
        of_all = [block.model.probability((*history[: order - 1], word)) for word in range(-1, len(block.words) + 1)]
        assert sum(of_all) == pytest.approx(1)
        assert min(of_all) > 0


def test_what_people_write_is_likelier_than_its_words_in_another_order(tmp_path):
    block = fitted(tmp_path)
    written, shuffled, unknown = block.apply(
        [Written(text=text) for text in ("The dog sat on the mat.", "mat the on sat dog the", "zebras yawn")]
    )
    assert written.bits < shuffled.bits < unknown.bits
    assert written.perplexity == pytest.approx(2**written.bits)


def test_it_is_the_same_once_loaded_and_says_what_is_missing(tmp_path):
    block, again = fitted(tmp_path), NgramPerplexity(Config(), SPEC)
    with pytest.raises(ValueError, match="has counted no texts yet"):
        again.apply([Written(text="the cat")])
    (tmp_path / "kept").mkdir()
    block.save(tmp_path / "kept")
    again.load(tmp_path / "kept")
    asked = [Written(text="a cat ran"), Written(text="...")]
    (one, none), (other, _) = block.apply(asked), again.apply(asked)
    assert one == other
    assert np.isfinite(one.bits)
    assert none == Failure("a text without words")
    with pytest.raises(ValueError, match="have no words"):
        fitted(tmp_path / "empty", ["...", "!"])
