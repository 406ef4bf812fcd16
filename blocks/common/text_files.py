"""Text files as people save them: any line ends, in UTF-8 or UTF-16."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

Row = tuple[
    int, list[str], str
]  # of a table: its number from 1, its cells, and what is wrong with its encoding, if anything

_BOMS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def read_lines(path: Path, encoding: str = "utf-8") -> list[bytes]:
    """Lines without their ends, LF, CR LF or CR alone. Bytes, so that one that is no UTF-8 costs itself alone.

    A mark of the encoding in front is taken off, and counts more than `encoding`. What is no UTF-8 is made UTF-8; a sign
    that its encoding does not have becomes U+FFFD.
    """
    raw = Path(path).read_bytes()
    mark = next((mark for mark in _BOMS if raw.startswith(mark)), b"")
    raw, encoding = raw[len(mark) :], _BOMS.get(mark, encoding)
    if encoding != "utf-8":
        raw = raw.decode(encoding, "replace").encode()
    lines = re.split(rb"\r\n|\r|\n", raw)
    return lines if lines[-1] else lines[:-1]


def read_written(path: Path) -> dict[str, str] | None:
    """The texts of a metadata.csv that ``voxblocks run --out`` wrote, by file without its suffix; None for any other table.

    Cells are parted by commas, and the first line names them, ``id``, ``file`` and ``text`` among them.
    """
    rows = csv.DictReader(line.decode("utf-8", "replace") for line in read_lines(path))
    if not {"id", "file", "text"} <= set(rows.fieldnames or ()):
        return None
    return {row["file"].rpartition(".")[0]: row["text"] or "" for row in rows}


def read_table(path: Path, separator: str = "|", encoding: str = "utf-8") -> Iterator[Row]:
    """The rows of a table with a separator between its cells, such as LJ Speech's; empty lines are passed over."""
    for number, line in enumerate(read_lines(path, encoding), 1):
        if line.strip():
            text = line.decode("utf-8", "replace")
            yield number, [cell.strip() for cell in text.split(separator)], _wrong(line, text, encoding)


def _wrong(line: bytes, text: str, encoding: str) -> str:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"{error}; want UTF-8"
    return f"{text!r} holds what is no sign of its encoding (asked for: {encoding})" if "\ufffd" in text else ""
