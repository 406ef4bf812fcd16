"""`--out FOLDER`: the files of a node, ``<id>.wav`` and ``<id>.TextGrid``, beside a metadata.csv of everything else in its rows."""

import csv
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np

from blocks.arrays import type_name
from runner.graph.nodes import SUFFIXES


def write_out(table, fields: dict, sample_rate: int, folder: Path) -> list[Path]:
    """Write every row's wave as 16-bit PCM, its TextGrid, and a metadata.csv (id, file, plain fields); gives the paths.

    `fields` maps field names to annotated types. Raises ValueError where the node has neither, or an id would
    leave the folder.
    """
    chosen = {name: kind for kind in SUFFIXES if (name := field_of(fields, kind))}
    if not chosen:
        raise ValueError(
            f"--out wants a node with a wave or a textgrid; this one has {', '.join(fields) or 'no fields'}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    paths, lines = [], []
    for row in table.rows():
        files = [folder / (safe_name(row["id"]) + SUFFIXES[kind]) for kind in chosen.values()]
        for path, (name, kind) in zip(files, chosen.items()):
            path.parent.mkdir(parents=True, exist_ok=True)
            _WRITERS[kind](path, row[name], sample_rate)
        paths += files
        plain = {key: value for key, value in row.items() if key not in chosen and not isinstance(value, np.ndarray)}
        lines.append({"id": row["id"], "file": files[0].relative_to(folder).as_posix(), **plain})
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for line in lines for key in line)))
        writer.writeheader()
        writer.writerows(lines)
    return paths


def field_of(fields: dict, kind: str) -> str | None:
    """The first field of a type."""
    return next((name for name, hint in fields.items() if type_name(hint) == kind), None)


def _write_wave(path: Path, wave: np.ndarray, sample_rate: int) -> None:
    import soundfile

    soundfile.write(path, wave, sample_rate, subtype="PCM_16")


_WRITERS: dict[str, Callable] = {
    "wave": _write_wave,
    "textgrid": lambda path, text, sample_rate: path.write_text(text, encoding="utf-8"),
}


def safe_name(id: str) -> str:
    """An id as a relative path below a folder. Raises ValueError where it would lead out of it."""
    parts = PurePosixPath(id).parts
    if not parts or id.startswith("/") or ".." in parts or "\0" in id or "\\" in id:
        raise ValueError(f"the id {id!r} cannot name a file below a folder")
    return "/".join(parts)
