"""Where this project keeps what it can fetch or make again."""

import os
from pathlib import Path


def cache() -> Path:
    """The environment variable VOXBLOCKS_CACHE, or ``~/.cache/voxblocks``."""
    return Path(os.environ.get("VOXBLOCKS_CACHE") or Path.home() / ".cache" / "voxblocks").expanduser()
