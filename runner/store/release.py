"""A trained block as it is shipped: weights as float16, and nothing that only more training needs."""

import json
import shutil
from pathlib import Path

import numpy as np

from blocks.common import weights
from runner.store.artifact import MANIFEST, described, read_artifact
from runner.store.formats import StoreError

LARGE = 1024  # values: smaller tensors, such as means and deviations, stay as they are


def release(artifact: str | Path, out: str | Path) -> int:
    """Write the artifact `artifact` to the new folder `out`, and give its size in bytes.

    Large float32 tensors become float16, which `blocks.common.weights.read` makes float32 again; optimisers, discriminators
    and last weights (`weights.TRAINING`) stay behind. Card, settings and lineage are kept. Raises StoreError for a folder that
    is no sound artifact and an `out` that is there, ValueError for a weight that float16 cannot hold.
    """
    artifact, out = Path(artifact), Path(out)
    manifest = read_artifact(artifact)
    if out.exists():
        raise StoreError(f"{out}: is there already; want a new folder")
    kept = [name for name in manifest["files"] if Path(name).name != weights.TRAINING]
    halved = {name: _halved(artifact / name) for name in kept if name.endswith(".safetensors")}
    for name in kept:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        if name in halved:
            tensors, about = halved[name]
            weights.write((out / name).parent, tensors, about, Path(name).name)
        else:
            shutil.copy(artifact / name, out / name)
    manifest |= {"files": described(out)}
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def _halved(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    tensors, about = weights.read(path.parent, path.name)
    large = {name for name, value in tensors.items() if value.dtype == np.float32 and value.size >= LARGE}
    most = np.finfo(np.float16).max
    for name in sorted(large):
        if not (size := np.abs(tensors[name]).max()) <= most:
            raise ValueError(f"{path}: {name} holds {size:g}, but float16 ends at {most:g}; ship it as it is")
    return {name: value.astype(np.float16) if name in large else value for name, value in tensors.items()}, about
