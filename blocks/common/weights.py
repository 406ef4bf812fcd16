"""Weights of a trained block in a folder: `model.safetensors`, read back strictly."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

FILE = "model.safetensors"
TRAINING = "training.safetensors"  # what only a training that goes on from these weights needs


def write(
    folder: Path, tensors: Mapping[str, np.ndarray], about: Mapping[str, str] | None = None, name: str = FILE
) -> None:
    """Keep named arrays, and a few words about them that are needed to build the network again."""
    from safetensors.numpy import save_file

    whole = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    # As one entry: safetensors writes several in any order, and the same weights shall be the same bytes.
    save_file(whole, Path(folder) / name, metadata={"about": json.dumps(about or {}, sort_keys=True)})


def read(folder: Path, name: str = FILE) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """What `write` kept, float16 as float32. Raises ValueError where the file is missing or broken."""
    from safetensors import SafetensorError, safe_open

    path = Path(folder) / name
    if not path.is_file():
        raise ValueError(f"{path}: no such file, want the weights that a fit writes")
    try:
        with safe_open(path, framework="numpy") as found:
            names = found.keys()
            about = json.loads((found.metadata() or {}).get("about", "{}"))
            return {name: _whole(found.get_tensor(name)) for name in names}, about
    except SafetensorError as error:
        raise ValueError(f"{path}: not a whole safetensors file: {error}") from None


def _whole(tensor: np.ndarray) -> np.ndarray:
    return tensor.astype(np.float32) if tensor.dtype == np.float16 else tensor  # shipped in half, computed with whole


def more_rows(table: np.ndarray, count: int) -> np.ndarray:
    """A table of vectors for `count` names, where it has less: new ones are the mean of the known. Row 0 stands for no name."""
    mean = table[1:].mean(0, keepdims=True)
    return np.concatenate([table, np.repeat(mean, count - len(table), axis=0)])


def check(shapes: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]], where: str) -> None:
    """Raise ValueError with a coverage report unless the names and shapes of the weights are those of the network."""
    lines = [f"missing {name} {tuple(wanted[name])}" for name in sorted(wanted.keys() - shapes.keys())]
    lines += [f"unknown {name} {tuple(shapes[name])}" for name in sorted(shapes.keys() - wanted.keys())]
    lines += [
        f"{name} is {tuple(shapes[name])}, want {tuple(wanted[name])}"
        for name in sorted(shapes.keys() & wanted.keys())
        if tuple(shapes[name]) != tuple(wanted[name])
    ]
    if lines:
        fit = sum(tuple(shapes.get(name, ())) == tuple(shape) for name, shape in wanted.items())
        more = [f"and {len(lines) - 20} more"] if len(lines) > 20 else []
        report = "\n  ".join(lines[:20] + more)
        raise ValueError(f"{where}: {fit} of {len(wanted)} weights fit the network:\n  {report}")
