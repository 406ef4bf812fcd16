"""A table of symbols (phones, speakers) that belongs to an artifact: append only, so that a row keeps its meaning."""

import json
from collections.abc import Iterable
from pathlib import Path

VERSION = 1


class Symbols:
    """Names and their rows, from 1 in order of appearance; row 0 is for whatever is not in the table."""

    def __init__(self, names: Iterable[str] = ()):
        self._rows: dict[str, int] = {}
        self.extend(names)

    def extend(self, names: Iterable[str]) -> None:
        """Append those that are new."""
        for name in names:
            self._rows.setdefault(name, len(self._rows) + 1)

    def row(self, name: str) -> int:
        return self._rows.get(name, 0)

    def __contains__(self, name: str) -> bool:
        return name in self._rows

    def __iter__(self):
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def write(self, path: Path) -> None:
        text = json.dumps({"version": VERSION, "symbols": list(self)}, ensure_ascii=False, indent=1)
        Path(path).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Symbols":
        """Raises ValueError where the file is missing, broken, of another version, or names a symbol twice."""
        try:
            found = json.loads(Path(path).read_text(encoding="utf-8"))
            version, names = found["version"], found["symbols"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: want a table of symbols, as a fit writes it ({error})") from None
        if version != VERSION:
            raise ValueError(f"{path}: format version {version!r}, and only {VERSION} is known")
        if len(made := cls(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ValueError(f"{path}: {', '.join(twice)} stands in the table twice")
        return made
