"""Syllables on notes, and how long phones are sung.

Axes: N phones.
"""

from blocks.common.phones import VOWELS

ELISION = "‿"  # between two syllables that are sung on one note
SYLLABIC = frozenset(["n̩", "l̩", "m̩", "r̩"])  # consonants that a syllable may be built on


def syllables_of(lyric: str) -> list[str]:
    """The syllables of a note: none, one, or those of an elision. One that ends in ``-`` goes on in the next as the same word."""
    return [part for part in lyric.split(ELISION) if part]


def is_nucleus(phone: str) -> bool:
    return phone in VOWELS or phone in SYLLABIC
