"""Import of third-party modules whose own imports are deprecated, so that users and tests see only our warnings."""

import importlib
import warnings
from types import ModuleType


def import_quietly(name: str) -> ModuleType:
    """The module `name`. Only what deprecated imports say on the way is silenced; ImportError goes through."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        # setuptools warns of pkg_resources, which pyworld imports to learn its own version, as a UserWarning.
        warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
        return importlib.import_module(name)
