"""What the text front end takes and gives: a text as written, the same as spoken words, and as phones.

Axes: phones N, words W. `phones` and `words` are plain texts, so that their lengths are checked here and not by axis.
"""

import numpy as np
from pydantic import model_validator

from blocks.arrays import Language, Phones, Text, TextNotes, WordOfPhone, Words
from blocks.base import Schema
from blocks.common.phones import SILENCES


class Written(Schema):
    text: Text
    language: Language


class Normalised(Schema):
    """The text in words alone: no digits, abbreviations or symbols, punctuation and case as they were."""

    text: Text
    notes: TextNotes = ()  # signs that were left out, letters of another script


class Phonemised(Schema):
    """One token a phone, silences among them; `word_of_phone` counts `words` from 0 and is -1 for a silence."""

    phones: Phones
    words: Words
    word_of_phone: WordOfPhone

    @model_validator(mode="after")
    def _lengths_agree(self):
        of = self.word_of_phone
        if len(of) != len(self.phones):
            raise ValueError(f"word_of_phone has {len(of)} entries, but there are {len(self.phones)} phones")
        silent = np.array([phone in SILENCES for phone in self.phones], bool)
        if (wrong := np.flatnonzero(silent != (of == -1))).size:
            at = wrong[0]
            raise ValueError(
                f"phone {at} is {self.phones[at]!r} of word {of[at]}: -1 is for silences, and only for them"
            )
        spoken = of[~silent]
        if not np.array_equal(np.unique(spoken), np.arange(len(self.words))) or np.any(np.diff(spoken) < 0):
            raise ValueError(f"word_of_phone must count 0..{len(self.words) - 1} in order, each word with a phone")
        return self
