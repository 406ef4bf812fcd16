"""A file of MusicXML, plain or compressed, as music21 reads it, with what it would pass over mended or refused beforehand."""

import xml.etree.ElementTree as ET
import zipfile
from io import BytesIO
from pathlib import Path

from blocks.base import BadItem

SUFFIXES = (".musicxml", ".mxl", ".xml")
_JUMPS = ("dacapo", "dalsegno", "tocoda")


def parsed(path: Path):
    """A music21 Score. Raises BadItem for what is no score."""
    from music21 import converter, stream
    from music21.exceptions21 import Music21Exception

    tree = _tree(path)
    _sounding_tempo_wins(tree)
    _words_beside_jumps(tree)
    try:
        # No pickle: neither that of music21's cache is read, nor one written.
        score = converter.parseData(ET.tostring(tree, encoding="unicode"), format="musicxml", forceSource=True)
    except (Music21Exception, ValueError, KeyError, TypeError, AttributeError, IndexError, ZeroDivisionError) as error:
        raise BadItem(f"music21 cannot read this score ({type(error).__name__}: {error})") from None
    if not isinstance(score, stream.Score):
        raise BadItem(f"{type(score).__name__} found, want one score a file")
    return score


def _tree(path: Path) -> ET.Element:
    try:
        data = _unpacked(path) if zipfile.is_zipfile(path) else path.read_bytes()
        tree = ET.parse(BytesIO(data)).getroot()
    except (ET.ParseError, zipfile.BadZipFile, KeyError, UnicodeError) as error:
        raise BadItem(f"no MusicXML: {error}") from None
    if tree.tag == "score-timewise":
        raise BadItem("a score-timewise document, want score-partwise: most editors write that, and convert the other")
    if tree.tag != "score-partwise":
        raise BadItem(f"no MusicXML: its root is <{tree.tag.split('}')[-1]}>, want <score-partwise>")
    return tree


def _unpacked(path: Path) -> bytes:
    with zipfile.ZipFile(path) as packed:
        container = ET.fromstring(packed.read("META-INF/container.xml"))
        root = next((each for each in container.iter() if each.tag.split("}")[-1] == "rootfile"), None)
        if root is None:
            raise KeyError("META-INF/container.xml names no rootfile")
        return packed.read(root.get("full-path", ""))


def _sounding_tempo_wins(tree: ET.Element) -> None:
    """Where a direction has both, ``sound`` is in quarters a minute, and a mark may be wrong: music21 would take the mark."""
    for direction in tree.iter("direction"):
        if any("tempo" in sound.attrib for sound in direction.findall("sound")):
            for kind in direction.findall("direction-type"):
                if kind.find("metronome") is not None:
                    direction.remove(kind)
            if direction.find("direction-type") is None:
                words = ET.Element("direction-type")
                ET.SubElement(words, "words")
                direction.insert(0, words)


def _words_beside_jumps(tree: ET.Element) -> None:
    """Refuse a jump that is only in ``sound``, where music21, which goes by words, would play straight on."""
    for measure in tree.iter("measure"):
        for sound in measure.iter("sound"):
            jump = next((name for name in _JUMPS if name in sound.attrib), None)
            words = " ".join(word.text or "" for word in measure.iter("words"))
            if jump and not any(
                mark in words.replace(" ", "").lower() for mark in ("d.c", "d.s", "dacapo", "dalsegno", "coda")
            ):
                raise BadItem(
                    f"bar {measure.get('number')}: {jump} without words that say it, want 'D.C. al Fine' or the like"
                )
