"""A trained block as a file for programs that have none of this code: ONNX, or StableHLO as ``jax.export`` keeps it.

A variant that can be exported is a folder with a module `export`, which has a function for each format it offers: ``onnx(block,
about) -> bytes``. The block does not import it, so that a better export makes no weights out of date. Inputs and outputs of the
file have the names of the ports of `apply`, and a first axis of 1.
"""

import importlib
import importlib.util
import json
from pathlib import Path

from blocks.load import names, restore
from runner.store.artifact import read_artifact

FORMATS = {"onnx": "onnx", "stablehlo": "jax"}  # -> the package that writes it


def export(artifact: Path, format: str, out: Path) -> list[Path]:
    """Write the weights in `artifact` as ``<out>/<variant>.<format>``, and what they are beside it; gives both paths.

    Raises ValueError for an unknown format, a block that has no export, and what it cannot hold; StoreError for a folder
    that is no sound artifact.
    """
    if format not in FORMATS:
        raise ValueError(f"no format {format!r}; want one of {', '.join(FORMATS)}")
    manifest = read_artifact(artifact)
    name = manifest["block"]
    if name not in exportable():
        raise ValueError(f"{artifact}: {name} cannot be exported; those that can: {', '.join(exportable())}")
    if importlib.util.find_spec(FORMATS[format]) is None:
        raise ValueError(f"{format} wants the package {FORMATS[format]}: pip install 'voxblocks[export]'")
    about = {"block": name, "licences": manifest["licences"], "spec": manifest["spec"]}
    written = {key: value if isinstance(value, str) else json.dumps(value) for key, value in about.items()}
    module = importlib.import_module(f"blocks.{name}.export")
    if not hasattr(module, format):
        offered = [other for other in FORMATS if hasattr(module, other)]
        raise ValueError(f"{artifact}: {name} has no export to {format}; it has {', '.join(offered)}")
    data = getattr(module, format)(restore(artifact), written)
    out.mkdir(parents=True, exist_ok=True)
    model, beside = out / f"{name.split('.')[1]}.{format}", out / f"{name.split('.')[1]}.json"
    model.write_bytes(data)
    beside.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return [model, beside]


def exportable() -> list[str]:
    """The blocks that have a module `export`."""
    return [name for name in names() if _has_export(name)]


def _has_export(name: str) -> bool:
    found = importlib.util.find_spec(f"blocks.{name}")
    return bool(found.submodule_search_locations) and importlib.util.find_spec(f"blocks.{name}.export") is not None
