"""An artifact: a folder of weights that says what made it. ``artifact.json`` is written last and lists every file.

``config.json`` and ``spec.json`` hold the block's settings and the audio spec for tools that know nothing of ours;
they stand in ``artifact.json``, too, and alone did in format 1. Weights are safetensors, orbax or plain data; files that would run code when they are loaded are refused.
"""

import hashlib
import json
import os
import uuid
from pathlib import Path, PurePosixPath

from blocks.load import ARTIFACT as FORMAT
from runner.store.formats import StoreError, check_format, versions

MANIFEST = "artifact.json"
_UNSAFE = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib", ".dill")


def write_manifest(folder: str | Path, meta: dict, part: str = "") -> dict:
    """Complete the artifact in `folder`. `meta` has block, config and spec; what else it has becomes its lineage.

    `part` is the folder in which the files lie in a remote store.

    Raises StoreError where `meta` lacks one of them, or the folder holds something that may not be shipped.
    """
    folder = Path(folder)
    if absent := [key for key in ("block", "config", "spec") if key not in meta]:
        raise StoreError(f"{folder}: the artifact's description lacks {', '.join(absent)}")
    for name in ("config", "spec"):
        (folder / f"{name}.json").write_text(json.dumps(meta[name], indent=1) + "\n", encoding="utf-8")
    own = ("block", "config", "spec", "licences", "lineage")
    manifest = {
        "format": FORMAT,
        "block": meta["block"],
        "config": meta["config"],
        "spec": meta["spec"],
        "licences": list(meta.get("licences", ())),
        "lineage": {**meta.get("lineage", {}), **{key: value for key, value in meta.items() if key not in own}},
        "versions": versions() | meta.get("lineage", {}).get("libraries", {}),
        "files": described(folder),
    } | ({"part": part} if part else {})
    temporary = folder / f".tmp-{uuid.uuid4().hex}"
    temporary.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    os.replace(temporary, folder / MANIFEST)
    return manifest


def read_manifest(folder: str | Path) -> dict:
    """What the artifact says about itself; its files are not looked at. Raises StoreError."""
    path = Path(folder) / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        hint = (
            "the folder has no such file, so it is no complete artifact" if path.parent.is_dir() else "no such folder"
        )
        raise StoreError(f"{path}: {hint}") from None
    except ValueError as error:
        raise StoreError(f"{path}: is not JSON ({error}); fetch or train the artifact again") from None
    check_format(str(path), manifest.get("format") if isinstance(manifest, dict) else None, FORMAT)
    if absent := [key for key in ("block", "config", "spec", "files") if key not in manifest]:
        raise StoreError(f"{path}: lacks {', '.join(absent)}; fetch or train the artifact again")
    return manifest


def read_artifact(folder: str | Path) -> dict:
    """The manifest, after every file it lists was found, with the size and SHA-256 it says. Raises StoreError."""
    manifest = read_manifest(folder)
    for name, want in manifest["files"].items():
        path = Path(folder) / name
        refuse_unsafe(folder, name)
        if not path.is_file():
            raise StoreError(f"{path}: missing, but listed in {MANIFEST}; fetch or train the artifact again")
        if (found := path.stat().st_size) != want["bytes"]:
            raise StoreError(f"{path}: has {found} bytes, want {want['bytes']}; fetch or train the artifact again")
        if (found := _sha256(path)) != want["sha256"]:
            raise StoreError(
                f"{path}: was changed: SHA-256 {found[:12]}, want {want['sha256'][:12]}; fetch or train the artifact again"
            )
    return manifest


def described(folder: Path) -> dict[str, dict]:
    """What the manifest says of every file in `folder`. Raises StoreError for one that may not be shipped."""
    return {name: _describe(folder / name) for name in _names(folder)}


def _names(folder: Path) -> list[str]:
    names = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise StoreError(f"{path}: is a link; want a file, since an artifact is moved as a whole")
        if path.is_file() and name != MANIFEST:
            refuse_unsafe(folder, name)
            names.append(name)
    return names


def refuse_unsafe(folder: str | Path, name: str) -> None:
    """Raises StoreError for a file outside the artifact, and one that may be a pickle."""
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts:
        raise StoreError(f"{Path(folder) / MANIFEST}: lists {name!r}, which lies outside the artifact")
    if parts.suffix.lower() in _UNSAFE:
        raise StoreError(f"{Path(folder) / name}: may be a pickle, which runs code when it is loaded; want safetensors")


def _describe(path: Path) -> dict:
    return {"bytes": path.stat().st_size, "sha256": _sha256(path)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
