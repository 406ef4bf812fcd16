"""Streams and globals: what a model's settings declare beside its main input, and items held against them (NumPy).

A stream is a number or a row of numbers for each position of an item (a phone, a frame), a global a name or a vector for
the whole. Axes: B batch, N positions, C channels of a stream.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from blocks.base import BadItem, BlockConfig
from blocks.common import symbols
from blocks.common.checks import check_numbers
from blocks.common.symbols import Symbols
from blocks.load import suggest

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]  # of a stream or a global


def undeclared(config: BlockConfig, wired: dict) -> Iterator[tuple[tuple[str], str]]:
    """For `check_wiring`: streams, globals and references that are wired and that the settings do not declare."""
    for port, kind in {
        "streams": "streams",
        "globals": "globals",
        "source": "globals",
        "target": "globals",
        "references": "references",
    }.items():
        names, declared = wired.get(port), getattr(config, kind, None)
        if isinstance(names, dict) and declared is not None:
            for name in names:
                if name not in declared:
                    wish = suggest(name, list(declared)) or f"; the settings declare no {kind}"
                    yield (kind,), f"{port}.{name} is wired and not declared{wish}"


class Stream(BlockConfig):
    """What a stream holds for each position. Zero is the default, and adds nothing at all."""

    classes: PositiveInt | None = None  # numbers are classes from 1 to this; none: they are quantities
    size: PositiveInt = 1  # numbers a position, for quantities
    scale: PositiveFloat = 1.0  # quantities are divided by it, which brings them near -1..1

    @model_validator(mode="after")
    def _one_of_both(self):
        if self.classes and (self.size, self.scale) != (1, 1.0):
            raise ValueError("a stream of classes has neither size nor scale: leave out these, or classes")
        return self


class Global(BlockConfig):
    """What is said of the whole: a name that gets a vector of its own, or a vector."""

    size: PositiveInt | None = None  # numbers of the vector; none: it is a name, such as a speaker


@dataclass
class Declared:
    """The declared streams and globals, a table of the names of each global that is one, and one of phones.

    Items have dicts `streams` and `globals`. The phones are those that a model knows, in the order of their rows.
    """

    unit: ClassVar[str] = "frame"  # what a position of a stream is called in messages

    streams: dict[str, Stream]
    globals: dict[str, Global]
    names: dict[str, Symbols] = field(default_factory=dict)
    phones: Symbols = field(default_factory=Symbols)

    def __post_init__(self):
        for name, each in self.globals.items():
            if each.size is None:
                self.names.setdefault(name, Symbols())

    def meet(self, items: Iterable) -> None:
        """Give rows to the names of these that have none."""
        for item in items:
            for name, table in self.names.items():
                table.extend([item.globals[name]])

    def all_wired(self, seen: set[str]) -> None:
        """Raise ValueError where a stream is declared that no item to train on has; `seen` are those that some have."""
        if unwired := sorted(self.streams.keys() - seen):
            raise ValueError(
                f"the settings declare {', '.join(unwired)}, which no item to train on has: wire streams.{unwired[0]}, or "
                "leave it out of the settings"
            )

    @property
    def width(self) -> int:
        """Numbers of a position (C) of `rows`."""
        return sum(each.classes or each.size for each in self.streams.values())

    # ---- the artifact ----

    def write(self, folder: Path) -> dict[str, str]:
        """Keep the tables; gives what the weights shall say of them."""
        return symbols.write(
            folder, phones=self.phones, **{f"globals.{name}": table for name, table in self.names.items()}
        )

    def read(self, folder: Path, about: dict[str, str], lenient: bool = False) -> None:
        """What `write` kept. Raises ValueError where a table is missing; `lenient`, a table of names stays empty."""
        (self.phones,) = symbols.read(folder, "phones", about=about)
        kept = about.get("symbols", "")
        wanted = [name for name in self.names if not lenient or f'"globals.{name}"' in kept]
        if wanted:
            found = symbols.read(folder, *(f"globals.{name}" for name in wanted), about=about)
            self.names.update(zip(wanted, found, strict=True))

    # ---- items ----

    def check(self, item, positions: int) -> None:
        """Raise BadItem for streams and globals that are not declared or do not fit."""
        for kind, given, declared in (("stream", item.streams, self.streams), ("global", item.globals, self.globals)):
            if strange := [name for name in given if name not in declared]:
                raise BadItem(
                    f"a {kind} {strange[0]!r} that the model's settings do not declare{suggest(strange[0], list(declared))}; "
                    f"declare it under {kind}s and train, or leave it out"
                )
        for name, values in item.streams.items():
            self._check_stream(name, values, positions)
        for name, each in self.globals.items():
            self._check_global(name, item.globals.get(name), each.size)

    def _check_stream(self, name: str, values: np.ndarray, positions: int) -> None:
        declared, unit = self.streams[name], self.unit
        if len(values) != positions:
            raise BadItem(f"the stream {name} is of {len(values)} {unit}s, but there are {positions}: want as many")
        if (size := values[0].size) != declared.size:
            raise BadItem(
                f"the stream {name} has {size} numbers a {unit}, but the model's settings say {declared.size}"
            )
        check_numbers(values, f"the stream {name}")
        if declared.classes:
            fits = (values == np.floor(values)) & (values >= 0) & (values <= declared.classes)
            if not fits.all():
                raise BadItem(
                    f"the stream {name} has {values[~fits][0]:g}, want whole numbers from 0 (none) to {declared.classes}"
                )

    def _check_global(self, name: str, value, size: int | None) -> None:
        if value is None:
            known = ", ".join(list(self.names.get(name, ()))[:12])
            raise BadItem(f"no global {name!r}, want {'one of ' + known if known else 'one'}")
        if isinstance(value, str) != (size is None):
            found = "a name" if isinstance(value, str) else f"a vector of {len(value)}"
            raise BadItem(f"the global {name} is {found}, want {f'a vector of {size}' if size else 'a name'}")
        if size and len(value) != size:
            raise BadItem(f"the global {name} is a vector of {len(value)}, want one of {size}")
        if size:
            check_numbers(value, f"the global {name}")

    def check_known(self, item, nameless: bool = False) -> None:
        """Raise BadItem for names that the model was not trained on; `nameless`, an empty one is none and will do."""
        for name, table in self.names.items():
            if (value := item.globals[name]) not in table and (value or not nameless):
                raise BadItem(f"the model knows no {name} {value!r}{suggest(value, list(table))}")

    def arrays(self, items: list, length: int) -> dict[str, np.ndarray]:
        """`streams.NAME` (B, length) of classes or (B, length, C), `globals.NAME` (B) of rows or (B, C): zeros beyond the end."""
        made = {}
        for name, each in self.streams.items():
            shape = (len(items), length)
            of_all = np.zeros(shape, np.int64) if each.classes else np.zeros((*shape, each.size), np.float32)
            made[f"streams.{name}"] = of_all
            for row, item in zip(of_all, items, strict=True):
                if (values := item.streams.get(name)) is not None:
                    row = row[: len(values)]
                    row[:] = values.reshape(row.shape) / np.float32(each.scale)
        for name, each in self.globals.items():
            values = [item.globals[name] for item in items]
            rows = np.stack(values) if each.size else np.array([self.names[name].row(v) for v in values], np.int64)
            made[f"globals.{name}"] = rows
        return made

    def rows(self, found: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The streams of `arrays` side by side, float32 (B, length, C) each: classes as a 1 among zeros, none as zeros."""
        made = []
        for name, each in self.streams.items():
            values = found[f"streams.{name}"]
            made.append(np.eye(1 + each.classes, dtype=np.float32)[values][..., 1:] if each.classes else values)
        return made
