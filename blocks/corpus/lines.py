"""Corpus: texts to be spoken, without recordings, from the settings or from a file with one on each line (UTF-8).

A row also says who is to speak, and how fast. What has neither letter nor digit among several (a rule of dashes, an emoji) is
left out, and listed; alone it is a row, which the front end refuses. Lines of a file and several texts are numbered; a single
text is named by its first words and a hash of all that makes it, so that what is said of two never has one name.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from blocks.arrays import Language, Speaker, SpeakingRate, Split
from blocks.base import BlockConfig, Failure, Skip, Source
from blocks.common.text_files import read_lines
from blocks.corpus.schema import Line

_ORIGINS = ("text", "texts", "file")
_NAMED = 5  # words of a single text in its id


class Config(BlockConfig):
    text: str = ""  # give one of the three; an empty one is no rows, for a graph that others bring a text to
    texts: tuple[str, ...] = ()
    file: str = ""
    language: Language = "en"
    speaker: Speaker = ""  # who is to say it; empty: no one was asked for
    speaking_rate: Annotated[SpeakingRate, Field(ge=0.1, le=10)] = 1.0
    split: Split = "train"  # of what is made of the texts, to pool it with recordings
    prefix: str = ""  # put before each id

    @model_validator(mode="after")
    def _one_origin(self):
        given = [name for name in _ORIGINS if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"give one of text, texts and file, got {' and '.join(given)}")
        if not given and self.model_fields_set.isdisjoint(_ORIGINS):
            raise ValueError("give one of text, texts and file, got none; text: '' where others are to bring one")
        return self


class VoicedLine(Line):
    """A text with who is to say it and how fast, and what its rows are for."""

    speaker: Speaker
    speaking_rate: SpeakingRate
    split: Split


class Lines(Source[Config]):
    paths = ("file",)
    tiny = Config(text="One line.")

    def fingerprint(self) -> str:
        found = hashlib.sha256()
        for _, line in (lines := list(self._lines())):
            found.update(line + b"\n")
        return found.hexdigest() if lines or self.config.file else ""

    def read(self) -> Iterator[VoicedLine | Skip | Failure]:
        asked = self.config.model_dump(include={"language", "speaker", "speaking_rate"})
        for number, line in self._lines():
            id = f"{self.config.prefix}line-{number:04d}"
            try:
                text = line.decode("utf-8").strip()
            except UnicodeDecodeError as error:
                yield Failure(f"line {number}: {error}; want UTF-8", id)
                continue
            if text and not self.config.text and not any(map(str.isalnum, text)):
                yield Skip(f"line {number}: nobody can say {text!r}", id)
            elif text:
                name = self.config.prefix + _name(text, asked) if self.config.text else id
                yield VoicedLine(id=name, text=text, split=self.config.split, **asked)
            elif not self.config.file:
                yield Failure("the text is empty", id)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        if not self.config.file:
            texts = self.config.texts or filter(None, [self.config.text])
            yield from enumerate((text.encode() for text in texts), 1)
            return
        path = Path(self.config.file)
        if not path.is_file():
            raise FileNotFoundError(
                f"file: no {str(path)!r} below {Path.cwd()}; want a text file with a text on each line"
            )
        yield from enumerate(read_lines(path), 1)


def _name(text: str, asked: dict) -> str:
    """``good-morning-3f09ac``: the first words without tags and phones, and a hash of the text and of how it is to be said."""
    words = re.findall(r"\w+", unicodedata.normalize("NFC", re.sub(r"<[^>]*>|\[\[.*?\]\]", " ", text)).lower())
    made = hashlib.sha256(repr((text, sorted(asked.items()))).encode()).hexdigest()
    return "-".join([*(word[:16] for word in words[:_NAMED]), made[:6]])
