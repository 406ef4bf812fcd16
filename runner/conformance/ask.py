"""``voxblocks test vocoder.mine``: the questions, and the block's own test, by pytest."""

from collections.abc import Sequence
from pathlib import Path

from blocks.load import file_of, find

QUESTIONS = Path(__file__).with_name("questions.py")


def ask(name: str, words: Sequence[str] = ()) -> int:
    """Put every question to one block and run its own test; `words` are pytest's. Gives pytest's exit code.

    Raises UnknownBlock, whatever importing the block raises, and ImportError without pytest.
    """
    import pytest

    find(name)
    options = [f"--rootdir={Path.cwd()}", "-q", "--tb=short", "--import-mode=importlib", "-p", "no:cacheprovider"]
    return int(pytest.main([*options, str(QUESTIONS), *map(str, tests_of(name)), *words], plugins=[_Asked(name)]))


def tests_of(name: str) -> list[Path]:
    """The block's own test where `voxblocks new` puts it: in the folder of kinds, or beside the package."""
    root = next(above.parent for above in file_of(name).parents if above.name == name.split(".")[0])
    file = f"test_{name.replace('.', '_')}.py"
    return [path for path in (root / "tests" / file, root.parent / "tests" / "blocks" / file) if path.exists()]


class _Asked:
    """Narrows the questions to one block, and leaves out those that are not for its kind."""

    def __init__(self, name: str):
        self.name = name

    def pytest_configure(self, config) -> None:
        config.option.block = [self.name]

    def pytest_collection_modifyitems(self, items: list) -> None:
        items[:] = [item for item in items if not any(map(_is_empty, item.iter_markers("skip")))]


def _is_empty(skip) -> bool:
    return "empty parameter set" in skip.kwargs.get("reason", "")
