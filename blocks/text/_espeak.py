"""Pronunciation by espeak-ng, a program under GPL-3 that runs as a process of its own and is never linked."""

import re
import shutil
import subprocess
from collections.abc import Sequence

from blocks.base import BadItem
from blocks.common.phones import restress, tokens
from blocks.text._letters import RUSSIAN_VOWELS

_SECONDS = 120  # for one call
# Signs of its own, beside IPA, and distinctions that the inventory does not make.
_OWN = {"ɭ": "l", "tʃʲ": "t͡ɕ", "dʒʲ": "d͡ʑ", 'u"': "ʉ", "^": "", "-": "", "\u030a": "", "t̪": "t"}


class Espeak:
    """Words of one language to phones, each by itself. Raises BadItem for a language that espeak-ng lacks."""

    def __init__(self, language: str):
        self.program = shutil.which("espeak-ng")
        if self.program is None:
            raise ValueError("engine: espeak wants the program espeak-ng, which is not installed; lexicon needs none")
        tag = language.lower()
        self.voice = next((voice for voice in (tag, tag.split("-")[0]) if self._run(voice, "a").returncode == 0), None)
        if self.voice is None:
            raise BadItem(
                f"language {language!r} has no voice in espeak-ng; `espeak-ng --voices` lists those that have"
            )

    def roles(self, text: Sequence[str]) -> list[str]:
        return [""] * len(text)

    def pronounce(self, asked: Sequence[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, ...] | None]:
        if not asked:
            return {}
        words = [word for word, _ in asked]
        lines = "".join(word.replace("+", "") + "\n" for word in words)  # each is answered with a line
        answer = self._run(self.voice, lines).stdout.splitlines()
        if len(answer) != len(words):
            raise RuntimeError(f"espeak-ng answered {len(words)} words with {len(answer)} lines: {words}")
        return {one: _placed(one[0], _phones(line)) for one, line in zip(asked, answer)}

    def _run(self, voice: str, text: str) -> subprocess.CompletedProcess:
        command = [self.program, "-q", "--ipa", "--sep=_", "-v", voice]
        return subprocess.run(command, input=text, capture_output=True, text=True, encoding="utf-8", timeout=_SECONDS)


def _placed(word: str, phones: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """With the stress on the vowel that has a ``+`` before it: espeak-ng knows no such mark."""
    if phones is None or "+" not in word:
        return phones
    return restress(phones, sum(char in RUSSIAN_VOWELS for char in word[: word.find("+")].lower()))


def _phones(line: str) -> tuple[str, ...] | None:
    """``h_ə_l_ˈoʊ`` -> tokens; what stands in brackets says that the language changes."""
    found = []
    for piece in re.sub(r"\([^)]*\)", " ", line).replace("_", " ").split():
        for theirs, ours in _OWN.items():
            piece = piece.replace(theirs, ours)
        # A long consonant is two, as gruut writes it.
        found.append(f"{piece[:-1]} {piece[:-1]}" if piece.endswith("ː") and tokens(piece) is None else piece)
    return tuple(tokens(" ".join(found)) or ()) or None
