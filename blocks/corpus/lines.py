"""Corpus: texts to be spoken, without recordings, from the settings or from a file with one on each line (UTF-8)."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pydantic import model_validator

from blocks.arrays import Language
from blocks.base import BlockConfig, Failure, Source
from blocks.corpus.schema import Line


class Config(BlockConfig):
    text: str = ""  # give one of the three
    texts: tuple[str, ...] = ()
    file: str = ""
    language: Language = "en"
    prefix: str = "line-"  # put before the number of the line in each id

    @model_validator(mode="after")
    def _one_origin(self):
        given = [name for name in ("text", "texts", "file") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"give one of text, texts and file, got {' and '.join(given) or 'none'}")
        return self


class Lines(Source[Config]):
    tiny = Config(text="One line.")

    def fingerprint(self) -> str:
        found = hashlib.sha256()
        for _, line in self._lines():
            found.update(line.rstrip(b"\r\n") + b"\n")
        return found.hexdigest()

    def read(self) -> Iterator[Line | Failure]:
        for number, line in self._lines():
            id = f"{self.config.prefix}{number:04d}"
            try:
                text = line.decode("utf-8").strip()
            except UnicodeDecodeError as error:
                yield Failure(f"line {number}: {error}; want UTF-8", id)
            else:
                if text:
                    yield Line(id=id, text=text, language=self.config.language)
                elif self.config.texts:
                    yield Failure("the text is empty", id)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        if not self.config.file:
            texts = self.config.texts or (self.config.text,)
            yield from enumerate((text.encode() for text in texts), 1)
            return
        path = Path(self.config.file)
        if not path.is_file():
            raise FileNotFoundError(
                f"file: no {str(path)!r} below {Path.cwd()}; want a text file with a text on each line"
            )
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                yield number, line.removeprefix(b"\xef\xbb\xbf")
