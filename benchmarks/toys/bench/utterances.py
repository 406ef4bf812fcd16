"""Rows of six fields, as small as they may be: three streams of frames, phones, a voice and a split. Made by number."""

from collections.abc import Iterator

import numpy as np
from pydantic import PositiveInt

from blocks.base import BlockConfig, Source
from blocks.bench.schema import Utterance

PHONES, VOICES = tuple("abdefghijklmnoprstuvz"), 100


class Config(BlockConfig):
    count: PositiveInt = 1000
    frames: PositiveInt = 16  # of the shortest


class Utterances(Source[Config]):
    tiny = Config(count=2)

    def fingerprint(self) -> str:
        return "utterances"

    def read(self) -> Iterator[Utterance]:
        return (made(number, self.config.frames) for number in range(self.config.count))


def made(number: int, shortest: int) -> Utterance:
    """Of up to five times as many frames as the shortest. Not validated, which would take longer than all else."""
    frames = shortest + number * 2654435761 % 2**32 % (4 * shortest)
    a, b, c = np.full((3, frames), number % 1000, np.float32)
    start = number % (len(PHONES) - 8)
    return Utterance.model_construct(
        id=f"{number:07d}",
        pitch=a,
        energy=b,
        tilt=c,
        phones=PHONES[start : start + 8],
        speaker=f"voice-{number // 64 % VOICES:03d}",
        split="train" if number % 20 else "dev",
    )
