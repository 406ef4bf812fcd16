"""A parser says which words of a sentence belong together, and as what: labelled constituents over words.

Words are those of `text.phones`, so that a constituent is a stretch of phones, and by an alignment one of frames.
"""

from pydantic import model_validator

from blocks.arrays import Id, Language, Spans, Text, Words
from blocks.base import Schema


class Sentence(Schema):
    """A text in words alone (`text.normalise`), and the words that were found in it."""

    id: Id
    text: Text
    words: Words
    language: Language | None = None


class Parsed(Schema):
    """Constituents of one word and more, the whole sentence left out; the same stretch may stand under several labels."""

    words: Words
    spans: Spans

    @model_validator(mode="after")
    def _within(self):
        if wrong := [span for span in self.spans if not 0 <= span.first < span.last <= len(self.words)]:
            raise ValueError(f"{wrong[0].label} over words {wrong[0].first}..{wrong[0].last} of {len(self.words)}")
        return self
