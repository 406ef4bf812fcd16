"""Waves as sound: 16-bit little-endian mono PCM, on stdout or through a program that plays it."""

import shutil
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from typing import BinaryIO

import numpy as np

PLAYERS = {  # each with its words for such PCM at a rate on stdin
    "paplay": "--raw --format=s16le --channels=1 --rate={rate}",
    "aplay": "-q -t raw -f S16_LE -c 1 -r {rate}",
    "ffplay": "-loglevel error -nodisp -autoexit -f s16le -sample_rate {rate} -i -",
    "play": "-q -t raw -e signed-integer -L -b 16 -c 1 -r {rate} -",
}


def pcm16(wave: np.ndarray) -> bytes:
    """Samples in -1..1 as little-endian 16-bit integers, the same as in the WAV files that a run writes."""
    whole = np.clip(np.rint(wave.astype(np.float64) * 2.0**31), -(2**31), 2**31 - 1).astype(np.int32)
    return (whole >> 16).astype("<i2").tobytes()  # by way of 32 bits, as libsndfile does it


def player(sample_rate: int) -> list[str]:
    """The command of the first player that is there. Raises ValueError where there is none."""
    for name, words in PLAYERS.items():
        if found := shutil.which(name):
            return [found, *words.format(rate=sample_rate).split()]
    raise ValueError(
        f"--play wants one of the programs {', '.join(PLAYERS)}, and none is installed here; --out writes wavs, --raw PCM"
    )


def play(waves: Iterable[np.ndarray], command: list[str]) -> None:
    """Play waves one after the other, as they come. Raises ValueError where the player gives up."""
    with (
        suppress(BrokenPipeError),
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as running,
    ):
        for wave in waves:
            running.stdin.write(pcm16(wave))
            running.stdin.flush()
    if running.returncode:
        raise ValueError(
            f"{' '.join(command)} ended with code {running.returncode} and could not play it; --out writes wavs"
        )


def write_raw(waves: Iterable[np.ndarray], stream: BinaryIO) -> None:
    """Waves one after the other, as they come."""
    for wave in waves:
        stream.write(pcm16(wave))
        stream.flush()
