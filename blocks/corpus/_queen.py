"""What is said in the game Flight of the Amazon Queen, by whom, and the sound of it, read from its one data file.

The file `queen.1c` is a table of packed files, all big-endian: QUEEN.JAS (rooms, objects and actors), QUEEN2.JAS (their names
and descriptions), *.DOG (dialogues), *.CUT (cut scenes), *.SB (one sound a segment of a line, here MP3). Where fields lie
follows the engine's public source (ScummVM, engines/queen). A ``*xx`` in a line ends a segment, which has a sound of its own.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HEADER = 20  # bytes before the content of a packed file, but of sounds
_HERO = "JOE"
_ANYBODY = (-3, -4)  # an object's image number: a person that stands, or one that moves
_REPLIES = 40  # lines that the hero says to whatever is tried


@dataclass(frozen=True)
class Line:
    name: str  # of its sound, without the number of the segment
    role: str  # several, with a slash between them, in scenes whose speaker is not told
    text: str


@dataclass(frozen=True)
class Prompt:
    name: str  # of the sound
    role: str
    text: str
    sound: bytes


def prompts(path: Path) -> Iterator[Prompt]:
    """Every segment that has a sound, once, in the order of the file's lines. Raises ValueError where it is none of this game."""
    files = _table(path.read_bytes(), path)
    seen = set()
    for line in _lines(files):
        for number, text in segments(line.text).items():
            name = f"{line.name.replace(' ', '0')}{number:X}".upper()
            if f"{name}.SB" in files and name not in seen:
                seen.add(name)
                yield Prompt(name, line.role, text, files[f"{name}.SB"])


def segments(text: str) -> dict[int, str]:
    """What is spoken of a line, by the number of the segment: ``"One.*f1Two."`` -> ``{1: "One.", 2: "Two."}``."""
    found, at, start, number = {}, 0, 0, 1
    while at < len(text):
        if text[at] == "*":
            found[number] = text[start:at]
            at += 14 if text[at + 1 : at + 3] == "XY" else 3  # ``*XY`` moves the text on the screen
            start, number = at, number + 1
        else:
            at += 1
    found[number] = text[start:]
    return {number: line.strip() for number, line in found.items() if re.search("[A-Za-z]", line)}


def _table(data: bytes, path: Path) -> dict[str, bytes]:
    if data[:4] != b"QTBL":
        raise ValueError(f"{path}: no table of Flight of the Amazon Queen, which begins with QTBL")
    files = {}
    for row in range(_numbers(">H", data, 13)[0]):
        name, _, start, size = struct.unpack_from(">12sBII", data, 15 + 21 * row)
        files[name.split(b"\0")[0].decode("latin1").upper()] = data[start : start + size]
    return files


def _lines(files: dict[str, bytes]) -> Iterator[Line]:
    game = _Game(files["QUEEN.JAS"][_HEADER:], files["QUEEN2.JAS"].decode("latin1").splitlines())
    for number, text in enumerate(game.hero):
        yield Line(f"JOE{number + 1:04d}", _HERO, text)
    for name, content in files.items():
        stem, _, kind = name.rpartition(".")
        if kind == "DOG":
            yield from _dialogue(stem, content[_HEADER:])
        elif kind == "CUT":
            yield from _scene(stem, content[_HEADER:], game)


class _Game:
    """Objects, and who they are."""

    def __init__(self, table: bytes, names: list[str]):
        rooms, named, objects, described = _numbers(">4H", table, 0)
        self.objects = [None, *(_numbers(">8h", table, 8 + 16 * number) for number in range(objects))]
        start = described + named + rooms + 12
        actors, actor_names = _actors(table, names, start)
        self.hero = names[start : start + _REPLIES] + names[:described]
        self.who = {0: _HERO}
        for number in range(1, objects + 1):
            if self.is_person(number):
                room = self.objects[number][5]
                place = sum(self.objects[one][5] == room and self.is_person(one) for one in range(1, number + 1))
                found = {actor_names[actor[2] - 1] for actor in actors if actor[:2] == (room, place)}
                self.who[number] = "/".join(sorted(found)) or "?"

    def is_person(self, number: int) -> bool:
        return self.objects[number][7] in _ANYBODY


def _actors(table: bytes, names: list[str], start: int) -> tuple[list[tuple], list[str]]:
    """The last table before the version tag; where it begins, its counts agree with the length of both files."""
    end = table.rfind(b"CEM10")
    for at in range(end - 10, 0, -2):
        count, before, named, behind = _numbers(">4H", table, at)
        after = at + 8 + 24 * count
        fits = 0 < count < 500 and before + named + behind == len(names) - start - _REPLIES and after < end
        if fits and after + 2 + 6 * _numbers(">H", table, after)[0] == end:
            actors = [_numbers(">12h", table, at + 8 + 24 * number) for number in range(count)]
            return actors, names[start + _REPLIES + before :][:named]
    raise ValueError("QUEEN.JAS: no table of actors found, which stands before its version tag")


def _dialogue(stem: str, data: bytes) -> Iterator[Line]:
    """A tree of answers: sounds that end in J are the hero's, in P the other's."""
    levels, _, key, hero_lines, lines = _numbers(">5h", data, 0)
    key, role = f"{key:2d}", re.sub(r"\d+$", "", stem)
    others, _, last = _numbers(">3H", data, 22)
    heros = 32 + abs(levels) * 96
    for at, count, who, mark in ((others, lines, role, "P"), (heros, hero_lines, _HERO, "J")):
        for _ in range(count):
            number = _numbers(">H", data, at + 2)[0]
            text, at = _text(data, at + 4, 4)
            yield Line(f"{key}{number:4x}{mark}", who, text)
    if not _numbers(">h", data, heros + 2)[0]:
        yield Line(f"{key}SSSSJ", _HERO, _text(data, heros + 4)[0])
    text, at = _text(data, last)
    yield Line(f"{key}XXXXP", role, text)
    yield Line(f"{key}XXXXJ", _HERO, _text(data, at)[0])


def _scene(stem: str, data: bytes, game: _Game) -> Iterator[Line]:
    """One record of 17 numbers a line; what moves meanwhile follows some of them."""
    texts, at = _numbers(">H", data, 8)[0], 12
    _, texts = _text(data, texts)
    for number in range(abs(_numbers(">h", data, 2)[0])):
        record = _numbers(">17h", data, at)
        at += 36 + 2 * _numbers(">h", data, at + 34)[0]
        text, texts = _text(data, texts)
        role = _speaker(record, game)
        if role is None and record[12] <= 0 and record[5] and record[0] != -4:
            while _numbers(">h", data, at)[0] != -2:
                at += 20
            at += 2
        if role:
            yield Line(f"{(stem + '_____')[:5]}{number + 1:02d}", role, text)


def _speaker(record: tuple, game: _Game) -> str | None:
    thing = record[0]
    if thing in (-2, -3):
        return "NARR"
    speaks = record[12] <= 0 and not record[4]
    person = thing in (0, -5) or (thing > 0 and game.is_person(thing))
    return game.who[max(thing, 0)] if speaks and person else None


def _numbers(format: str, data: bytes, at: int) -> tuple:
    return struct.unpack_from(format, data, at)


def _text(data: bytes, at: int, align: int = 2) -> tuple[str, int]:
    """A length, as many bytes, filled up to `align`; and where what follows begins. Without length it is one byte."""
    length, at = data[at], at + 1
    if not length:
        return "", at
    return data[at : at + length].decode("latin1"), (at + length + align - 1) & -align
