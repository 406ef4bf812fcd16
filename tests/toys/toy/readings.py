"""Made-up recordings of sentences: a tone for each letter, three voices, one of which has two languages.

What a graph that speaks can be trained on.
"""

from collections.abc import Iterator

import numpy as np

from blocks.arrays import Language, Speaker, Split, Text, Wave
from blocks.base import BlockConfig, NewRow, Source

SENTENCES = {
    "en-US": (
        "The quick brown fox jumps over the lazy dog.",
        "She sells sea shells; which voice measures pleasure?",
        "Hello world, this is a short thing to say!",
        "Enjoy your azure boy, and how about that judge?",
        "One two three four five six seven eight nine ten.",
    ),
    "es-MX": (
        "La casa del perro es grande.",
        "Buenos días, señora.",
        "El niño come pan y queso.",
        "Hoy llueve mucho en la ciudad.",
        "Uno, dos, tres, cuatro.",
        "Yo quiero agua, por favor.",
    ),
}


class Config(BlockConfig):
    speakers: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("ann", ("en-US",)),
        ("ben", ("en-US",)),
        ("eva", ("en-US", "es-MX")),
    )


class Reading(NewRow):
    wave: Wave
    text: Text
    language: Language
    speaker: Speaker
    split: Split


class Readings(Source[Config]):
    tiny = Config()

    def fingerprint(self) -> str:
        return self.config.model_dump_json()

    def read(self) -> Iterator[Reading]:
        for voice, (speaker, languages) in enumerate(self.config.speakers):
            texts = ((language, text) for language in languages for text in SENTENCES[language])
            for number, (language, text) in enumerate(texts):
                yield Reading(
                    id=f"{speaker}-{number}", wave=self._wave(text, voice), text=text, language=language, speaker=speaker, split="train",
                )  # fmt: skip

    def _wave(self, text: str, voice: int) -> np.ndarray:
        """80 ms for each letter, at a height of its own."""
        t = np.arange(int(0.08 * self.spec.sample_rate)) / self.spec.sample_rate
        tones = [np.sin(2 * np.pi * (150 + 100 * voice + 20 * (ord(letter) % 32)) * t) for letter in text]
        return (0.3 * np.concatenate(tones)).astype(np.float32)
