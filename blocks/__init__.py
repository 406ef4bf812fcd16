"""Typed text-to-speech building blocks. A block is named ``kind.variant`` after its path below this package.

Folders of your own blocks, laid out in the same way, join it through the environment variable VOXBLOCKS_BLOCKS
(several are separated as in PATH).
"""

import os

__path__ = [*__path__, *filter(None, os.environ.get("VOXBLOCKS_BLOCKS", "").split(os.pathsep))]
