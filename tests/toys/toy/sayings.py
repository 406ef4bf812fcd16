"""Made-up sentences of phones with a mel that tells phone, tag, voice, pitch and level: what an acoustic model can learn."""

from collections.abc import Iterator

import numpy as np
from pydantic import PositiveInt

from blocks.arrays import (
    Durations,
    Energy,
    LogMel,
    Phones,
    Pitch,
    Span,
    Spans,
    Speaker,
    Split,
    TokenStream,
    WordOfPhone,
)
from blocks.base import BlockConfig, NewRow, Source

PHONES = ("sil", "ˈa", "s", "o", "m", "i")


class Config(BlockConfig):
    count: PositiveInt = 12
    phones: tuple[str, ...] = PHONES
    speakers: tuple[str, ...] = ("ann", "ben")


class Saying(NewRow):
    phones: Phones
    log_mel: LogMel
    durations: Durations
    pitch: Pitch
    energy: Energy
    tag: TokenStream
    word_of_phone: WordOfPhone  # each is a word
    spans: Spans  # the first two, and the others
    speaker: Speaker
    split: Split


class Sayings(Source[Config]):
    tiny = Config(count=2)

    def fingerprint(self) -> str:
        return self.config.model_dump_json()

    def read(self) -> Iterator[Saying]:
        shapes = np.random.default_rng(0).normal(-5, 1.5, (16, self.spec.n_mels))  # one for each phone, at most 14
        for number in range(self.config.count):
            rng = np.random.default_rng(number)
            names = rng.integers(0, len(self.config.phones), rng.integers(4, 9))
            durations, tag = rng.integers(1, 6, len(names)), rng.integers(0, 2, len(names))
            voice = number % len(self.config.speakers)
            height = np.where(names % 3 == 1, 120.0 + 60 * voice + 3 * names, 0.0)
            rows = shapes[names] + tag[:, None] * shapes[15] + voice
            noise = rng.normal(0, 0.1, (durations.sum(), self.spec.n_mels))
            yield Saying(
                id=f"saying-{number:02d}",
                phones=tuple(self.config.phones[name] for name in names),
                log_mel=(np.repeat(rows, durations, axis=0) + noise).astype(np.float32),
                durations=durations.astype(np.int32),
                pitch=np.repeat(height, durations).astype(np.float32),
                energy=np.repeat(-20.0 - 3 * names, durations).astype(np.float32),
                tag=tag.astype(np.float32),
                word_of_phone=np.arange(len(names), dtype=np.int32),
                spans=(Span(label="A", first=0, last=2), Span(label="B", first=2, last=len(names))),
                speaker=self.config.speakers[voice],
                split="dev" if number % 4 == 3 else "train",
            )
