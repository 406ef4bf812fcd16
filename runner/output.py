"""`--out FOLDER`: the audio of a node as ``<id>.wav`` beside a metadata.csv of everything else in its rows."""

import csv
from pathlib import Path, PurePosixPath

import numpy as np


def write_out(table, fields: dict, sample_rate: int, folder: Path) -> list[Path]:
    """Write every row's wave as 16-bit PCM and a metadata.csv (id, file, plain fields); gives the wav paths.

    `fields` maps field names to annotated types. Raises ValueError where the node has no wave, or an id would
    leave the folder.
    """
    import soundfile

    from runner.record import type_name

    waves = [name for name, hint in fields.items() if type_name(hint) == "wave"]
    if not waves:
        raise ValueError(f"--out wants a node with a wave; this one has {', '.join(fields) or 'no fields'}")
    paths, lines = [], []
    for row in table.rows():
        path = folder / (safe_name(row["id"]) + ".wav")
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, row[waves[0]], sample_rate, subtype="PCM_16")
        paths.append(path)
        plain = {key: value for key, value in row.items() if not isinstance(value, np.ndarray)}
        lines.append({"id": row["id"], "file": path.relative_to(folder).as_posix(), **plain})
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for line in lines for key in line)))
        writer.writeheader()
        writer.writerows(lines)
    return paths


def safe_name(id: str) -> str:
    """An id as a relative path below a folder. Raises ValueError where it would lead out of it."""
    parts = PurePosixPath(id).parts
    if not parts or id.startswith("/") or ".." in parts or "\0" in id or "\\" in id:
        raise ValueError(f"the id {id!r} cannot name a file below a folder")
    return "/".join(parts)
