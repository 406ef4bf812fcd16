"""Tables of symbols (phones, speakers, styles) that belong to weights: append only, so that a row keeps its meaning.

    about = symbols.write(folder, phones=self.phones, speakers=self.speakers)      # in `save`
    weights.write(folder, tensors, about)

    tensors, about = weights.read(folder)                                          # in `load`
    self.phones, self.speakers = symbols.read(folder, "phones", "speakers", about=about)

A training that starts from other weights loads their tables and extends them; a row never changes its place.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

FILE = "symbols.json"
VERSION = 2


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


def write(folder: Path, **tables: Symbols) -> dict[str, str]:
    """Keep tables by name, as in ``write(folder, phones=phones, speakers=speakers)``.

    Gives what the weights shall say of them (`about` of ``weights.write``), so that `read` can tell tables of others.
    """
    found = {name: list(table) for name, table in tables.items()}
    text = json.dumps({"version": VERSION, "tables": found}, ensure_ascii=False, indent=1)
    Path(folder, FILE).write_text(text + "\n", encoding="utf-8")
    return {"symbols": json.dumps(found, ensure_ascii=False)}


def read(folder: Path, *names: str, about: Mapping[str, str]) -> list[Symbols]:
    """The tables of those names; `about` is what the weights say.

    Raises ValueError where the file is missing, broken, of another version or without a table, names a symbol twice, or
    is not what the weights were trained with.
    """
    path = Path(folder, FILE)
    tables = _tables(path)
    if len(names) == 1 and tables.keys() == {""}:
        tables = {names[0]: tables[""]}  # version 1 had one table, and no name for it
    if absent := [name for name in names if name not in tables]:
        raise ValueError(
            f"{path}: no table of {', '.join(absent)}; there is {', '.join(filter(None, tables)) or 'none'}"
        )
    trained = json.loads(about.get("symbols", "{}"))
    for name in names:
        if twice := sorted({symbol for symbol in tables[name] if tables[name].count(symbol) > 1}):
            raise ValueError(f"{path}: {', '.join(twice)} stands in the table of {name} twice")
        if lines := differences(tables[name], trained.get(name, tables[name])):
            raise ValueError(f"{path}: not the {name} that the weights were trained with: {'; '.join(lines)}")
    return [Symbols(tables[name]) for name in names]


def differences(found: Sequence[str], wanted: Sequence[str], most: int = 5) -> list[str]:
    """``["row 3 is 'b', want 'a'", ...]``; rows count from 1, as `Symbols.row` does."""
    pairs = enumerate(zip_longest(found, wanted), 1)
    lines = [f"row {row} is {_quoted(ours)}, want {_quoted(theirs)}" for row, (ours, theirs) in pairs if ours != theirs]
    return lines[:most] + ([f"and {len(lines) - most} more"] if len(lines) > most else [])


def _quoted(name: str | None) -> str:
    return "missing" if name is None else repr(name)


def _tables(path: Path) -> dict[str, list[str]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        version = found["version"]
        if version in (1, VERSION):
            return {"": found["symbols"]} if version == 1 else dict(found["tables"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: want tables of symbols, as a fit writes them ({error})") from None
    raise ValueError(f"{path}: format version {version!r}, and only 1 to {VERSION} are known")
