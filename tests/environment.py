"""The environment of child processes that need the toy blocks."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOYS = os.environ | {"VOXBLOCKS_BLOCKS": str(ROOT / "tests" / "toys")}
