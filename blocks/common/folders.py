"""Where this project keeps what it can fetch or make again."""

import os
from pathlib import Path


def cache() -> Path:
    """The environment variable VOXBLOCKS_CACHE, or ``~/.cache/voxblocks``."""
    return Path(os.environ.get("VOXBLOCKS_CACHE") or Path.home() / ".cache" / "voxblocks").expanduser()


def compiled_programs() -> dict[str, str]:
    """Where JAX keeps what it compiled, so that the next process need not."""
    return {
        "JAX_COMPILATION_CACHE_DIR": str(cache() / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",  # a shape compiles in less than the second that is the default
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
