"""Typed text-to-speech building blocks. A block is named ``kind.variant`` after its path below this package.

Folders of your own, laid out in the same way, join it through the environment variable VOXBLOCKS_BLOCKS (several are
separated as in PATH), those of an installed package through an entry point::

    [project.entry-points."voxblocks.blocks"]
    mine = "my_package.blocks"

Such a folder may hold kinds of its own, and variants of kinds that lie elsewhere.
"""

import importlib.metadata
import importlib.util
import os
import sys
from functools import cache
from importlib.machinery import PathFinder

VARIABLE = "VOXBLOCKS_BLOCKS"
GROUP = "voxblocks.blocks"


def own() -> list[tuple[str, str]]:
    """The folders that the variable names, each as it stands there and as an absolute path."""
    parts = filter(None, os.environ.get(VARIABLE, "").split(os.pathsep))
    return [(part, os.path.abspath(os.path.expanduser(part))) for part in parts]


@cache
def installed() -> list[tuple[str, str]]:
    """The folders that entry points name; nothing of their packages is imported."""
    found = []
    for point in importlib.metadata.entry_points(group=GROUP):
        top, *below = point.value.split(".")
        spec = importlib.util.find_spec(top)
        places = (spec and spec.submodule_search_locations) or [top]
        found += [(f"{point.name} = {point.value}", os.path.join(place, *below)) for place in places]
    return found


__path__ = [*__path__, *dict.fromkeys(folder for _, folder in own() + installed())]


class _Variants:
    """Finds ``blocks.metric.mine`` in each of these folders, whichever of them ``blocks.metric`` was imported from."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        package, *below = name.split(".")
        if package != __name__ or len(below) != 2:
            return None
        return PathFinder.find_spec(name, [os.path.join(folder, below[0]) for folder in __path__])


sys.meta_path.append(_Variants)
