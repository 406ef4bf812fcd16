"""Peer: espeak-ng, formant synthesis by rule in a hundred languages. Needs the program espeak-ng (GPL-3), which runs as a process of its own."""

import numpy as np
from pydantic import Field

from blocks.base import BadItem, BlockConfig, Mapper
from blocks.peer._program import checked_text, program, run, speak
from blocks.peer.schema import Voiced, Written


class Config(BlockConfig):
    voice: str = ""  # a name of `espeak-ng --voices`, such as en-us or en-us+f3; empty: by the language of each text
    rate: int = Field(175, ge=80, le=450)  # words a minute


class Espeak(Mapper[Config]):
    """Raises ValueError without the program or the voice; fails a text whose language has no voice."""

    tiny = Config()
    licences = ("GPL-3.0-or-later",)
    batch_size = 1

    def setup(self) -> None:
        self.program = program("espeak-ng", "peer.espeak")
        self.known: dict[str, bool] = {}  # voice -> whether there is one
        if self.config.voice and not self._knows(self.config.voice):
            raise ValueError(
                f"voice: espeak-ng has none called {self.config.voice!r}; `espeak-ng --voices` lists all, `--voices=variant` what stands behind a +, which an alias such as en-gb has none of"
            )

    def apply(self, items: list[Written]) -> list[Voiced]:
        return [self._one(item) for item in items]

    def _one(self, item: Written) -> Voiced:
        text = checked_text(item.text)
        voice = self.config.voice or self._voice_of(item.language)
        return Voiced(wave=self._said(voice, text))

    def _voice_of(self, language: str) -> str:
        tag = language.lower()
        voice = next(filter(self._knows, (tag, tag.split("-")[0])), None)
        if voice is None:
            raise BadItem(
                f"language {language!r} has no voice in espeak-ng; `espeak-ng --voices` lists those that have"
            )
        return voice

    def _knows(self, voice: str) -> bool:
        """A variant (a part after ``+``) that is unknown would be left out without a word, and so is any of an alias, such as en-gb of en."""
        if voice not in self.known:
            plain, *wanted = voice.lower().split("+")
            found = run(self.program, "-q", "-v", voice, "a").returncode == 0
            variants = run(self.program, "--voices=variant").stdout.lower().split() if wanted else ()
            found = found and all(f"!v/{name}" in variants for name in wanted)
            self.known[voice] = found and not (
                wanted and np.array_equal(self._said(voice, "a"), self._said(plain, "a"))
            )
        return self.known[voice]

    def _said(self, voice: str, text: str) -> np.ndarray:
        command = (self.program, "-b", "1", "-v", voice, "-s", str(self.config.rate))  # -b 1: the text is UTF-8
        return speak(command, "-w", text, self.spec.sample_rate)
