"""An annotation is what people look at beside a recording: phones and words with their times, as their tools read them."""

from pydantic import model_validator

from blocks.arrays import Durations, JoinTag, Phones, TextGrid, WordOfPhone, Words
from blocks.base import Schema


class Aligned(Schema):
    """Phones in time; with `words` goes `word_of_phone`, which counts them from 0 and is -1 for a silence."""

    phones: Phones
    durations: Durations
    words: Words | None = None
    word_of_phone: WordOfPhone | None = None
    join_tag: JoinTag | None = None  # of phones that recordings were joined before: a tier of its own

    @model_validator(mode="after")
    def _lengths_agree(self):
        if len(self.phones) != len(self.durations):
            raise ValueError(f"{len(self.durations)} durations for {len(self.phones)} phones: want one each")
        if (self.words is None) != (self.word_of_phone is None):
            raise ValueError("words and word_of_phone go together: wire both or neither")
        return self


class Grid(Schema):
    textgrid: TextGrid
