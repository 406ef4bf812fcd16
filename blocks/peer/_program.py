"""What peers share: texts that can be said, and programs that run as processes of their own."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from blocks.base import BadItem
from blocks.common.audio import decode, to_wave

SECONDS = 120  # for one text


def checked_text(text: str) -> str:
    """The text with single spaces. Raises BadItem where it has no words, or holds what a peer would spell out."""
    line = " ".join(text.split())
    if not any(map(str.isalnum, line)):
        raise BadItem(f"text {text!r} has nothing to say: want at least one word")
    if "[[" in line:
        raise BadItem("[[ ]] in the text: phones are read by text.phones alone; a peer wants words")
    if bad := next((char for char in line if not char.isprintable()), None):
        raise BadItem(f"the text holds the control character {bad!r}: want what can be read")
    return line


def english(language: str, peer: str) -> None:
    """Raises BadItem for another language."""
    if language.lower().split("-")[0] != "en":
        raise BadItem(f"language {language!r}: {peer} speaks English (en) alone; peer.espeak would fit")


def program(name: str, peer: str) -> str:
    """The path of a program. Raises ValueError where it is not installed."""
    if (found := shutil.which(name)) is None:
        raise ValueError(f"{peer} wants the program {name}, which is not installed: apt-get install {name}")
    return found


def run(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=SECONDS)


def speak(command: tuple[str, ...], out: str, text: str, rate: int) -> np.ndarray:
    """float32 (S,) at `rate` Hz: `command` is given the text as a file, and after the option `out` one to write to."""
    with tempfile.TemporaryDirectory() as folder:
        read, written = Path(folder) / "text.txt", Path(folder) / "speech.wav"
        read.write_text(text + "\n", encoding="utf-8")
        done = run(*command, "-f", str(read), out, str(written))
        if done.returncode or not written.is_file():
            name = Path(command[0]).name
            raise BadItem(
                f"{name} could not say {text!r}, exit code {done.returncode}: {done.stderr.strip() or 'no reason given'}"
            )
        wave, own_rate = decode(written)
    return to_wave(wave, own_rate, rate, channel=None, upsample=True)
