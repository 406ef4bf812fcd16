"""What galleries share: vectors of several kinds by name, the means of the recordings of each, gathered in no steps."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np

from blocks.base import C, Failure, Trainable
from blocks.common import symbols, weights
from blocks.common.symbols import Symbols
from blocks.load import suggest

Mean = Callable[[list[np.ndarray]], np.ndarray]


class NamedVectors(Trainable[C]):
    """A variant says what is kept, and writes `fit` and `apply` with types of its own."""

    kept: ClassVar[dict[str, Mean]]  # the fields, and how several recordings become one
    called: ClassVar[str]  # what bears a name: voice or style
    table: ClassVar[str]  # of the names, in the artifact

    def _gather(self, items) -> None:
        found: dict[str, list] = {}
        for item in items:
            found.setdefault(item.speaker, []).append(item)
        self.names = Symbols(found)
        self.vectors = {
            field: np.stack([mean([getattr(item, field) for item in of]) for of in found.values()]).astype(np.float32)
            for field, mean in self.kept.items()
        }

    def _named(self, name: str) -> dict[str, np.ndarray] | Failure:
        if name not in self.names:
            return Failure(f"no {self.called} is called {name!r}{suggest(name, list(self.names))}")
        return {field: rows[self.names.row(name) - 1].astype(np.float32) for field, rows in self.vectors.items()}

    def save(self, folder: Path) -> None:
        weights.write(folder, self.vectors, symbols.write(folder, **{self.table: self.names}))

    def load(self, folder: Path) -> None:
        self.vectors, about = weights.read(folder)
        (self.names,) = symbols.read(folder, self.table, about=about)
        found = {field: rows.shape for field, rows in self.vectors.items()}
        wanted = {field: (len(self.names), found.get(field, (0, 0))[-1]) for field in self.kept}
        weights.check(found, wanted, f"{folder}")
