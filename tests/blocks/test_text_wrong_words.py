"""`text.wrong_words`: as many as are asked for, the same for the same text, signs kept."""

import re

import pytest

from blocks.base import Failure
from blocks.spec import preset
from blocks.text.wrong_words import Config, Normalised, WrongWords

TEXT = "To be, or not to be: that's the question! Whether 'tis nobler in the mind to suffer the slings and arrows (of outrageous fortune)"


def made(text: str, seed: int = 0, **config):
    return WrongWords(Config(**config), preset("vox_16k"), seed).apply([Normalised(text=text)])[0]


@pytest.mark.parametrize(("share", "wrong"), [(0.01, 1), (0.1, 2), (0.5, 12), (1.0, 24)])
def test_a_share_of_the_words_is_replaced_and_signs_stay(share, wrong):
    item = made(TEXT, share=share)
    assert len(item.notes) == wrong
    old, new = (re.findall(r"[\w'’-]+", text) for text in (TEXT, item.text))
    assert len(old) == len(new)
    assert sum(a.strip("'") != b.strip("'") for a, b in zip(old, new, strict=True)) == wrong
    assert re.sub(r"[\w'’-]+", "", item.text) == re.sub(r"[\w'’-]+", "", TEXT)


def test_the_text_and_the_seed_decide():
    assert made(TEXT) == made(TEXT)
    assert len({made(TEXT, seed).text for seed in range(5)}) > 1


def test_a_word_is_not_replaced_by_itself():
    assert made("Water", words=("water", "wine")).notes == ("Water: wine",)


def test_a_text_without_words_is_refused():
    assert made("?!") == Failure("no word in '?!', want one to replace")
