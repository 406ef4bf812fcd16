"""What an acoustic model is told beyond phones, as its settings declare it: a row of numbers for each phone, a vector for all.

    streams: {tag: {classes: 3}, note_seconds: {}}      # a class from 0, and a quantity
    globals: {speaker: {}, voice: {size: 256}}          # a name with a row in a table, and a vector

Class 0, a quantity of 0 and a stream that is left out add nothing. The networks stand in `blocks.common.torch_conditions`.
Axes: B items, N phones, C channels, D numbers of a vector.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

from blocks.base import BadItem, BlockConfig
from blocks.common import symbols
from blocks.common.symbols import Symbols


class Stream(BlockConfig):
    """Numbers of each phone: classes 0 .. `classes` - 1, or `channels` quantities where `classes` is 0."""

    classes: NonNegativeInt = 0
    channels: PositiveInt = 1


class Global(BlockConfig):
    """What holds for the whole: a vector of `size` numbers, or a name where `size` is 0."""

    size: NonNegativeInt = 0


class Conditions:
    """Tables of phones and names, and items as arrays."""

    def __init__(self, streams: Mapping[str, Stream], globals: Mapping[str, Global]):
        self.streams, self.globals = dict(streams), dict(globals)
        self.phones = Symbols()
        self.names = {name: Symbols() for name, what in self.globals.items() if not what.size}

    def meet(self, item) -> None:
        """Append what is new in an item to learn from."""
        self.phones.extend(item.phones)
        for name, table in self.names.items():
            if isinstance(value := item.globals.get(name), str):
                table.extend([value])

    def check(self, item) -> None:
        """Raise BadItem for an item that the model cannot say."""
        if not item.phones:
            raise BadItem("no phones, want at least one; leave out what is not to be said")
        if strange := [phone for phone in dict.fromkeys(item.phones) if phone not in self.phones]:
            raise BadItem(
                f"phones that the model was not trained on: {', '.join(map(repr, strange))}; it knows "
                f"{' '.join(self.phones)}. Train it on data that has them, or give it what it knows"
            )
        for what, given, known in (
            ("streams", item.streams, self.streams),
            ("globals", item.globals, self.globals),
        ):
            if strange := sorted(given.keys() - known.keys()):
                raise BadItem(
                    f"{what} {', '.join(strange)} that the model was not made for: it has {', '.join(known) or 'none'}"
                )
        for name, value in item.streams.items():
            self._check_stream(name, value, len(item.phones))
        for name in self.globals:
            self._check_global(name, item.globals.get(name))

    def arrays(self, items: list) -> dict[str, np.ndarray]:
        """Padded with zeros: `phones` int64 (B, N), `count` int64 (B,), and what is declared.

        ``streams.tag`` int64 (B, N) or float32 (B, N, C); ``globals.speaker`` int64 (B,) or float32 (B, D).
        """
        count = np.array([len(item.phones) for item in items], np.int64)
        shape = (len(items), int(count.max()))
        made = {"phones": np.zeros(shape, np.int64), "count": count}
        for name, stream in self.streams.items():
            made[f"streams.{name}"] = (
                np.zeros(shape, np.int64) if stream.classes else np.zeros((*shape, stream.channels), np.float32)
            )
        for name, what in self.globals.items():
            made[f"globals.{name}"] = (
                np.zeros((len(items), what.size), np.float32) if what.size else np.zeros(len(items), np.int64)
            )
        for row, item in enumerate(items):
            made["phones"][row, : count[row]] = [self.phones.row(phone) for phone in item.phones]
            for name, value in item.streams.items():
                rows = made[f"streams.{name}"][row, : count[row]]
                rows[:] = value.reshape(rows.shape)
            for name in self.globals:
                made[f"globals.{name}"][row] = self._told(name, item.globals.get(name))
        return made

    def write(self, folder: Path) -> dict[str, str]:
        """Keep the tables; gives what the weights shall say of them."""
        return symbols.write(folder, phones=self.phones, **self.names)

    def read(self, folder: Path, about: Mapping[str, str]) -> None:
        """What `write` kept. Raises ValueError as `symbols.read` does."""
        self.phones, *tables = symbols.read(folder, "phones", *self.names, about=about)
        self.names = dict(zip(self.names, tables))

    def _check_stream(self, name: str, value: np.ndarray, phones: int) -> None:
        stream = self.streams[name]
        channels = 1 if stream.classes else stream.channels
        want = (phones,) if channels == 1 else (phones, channels)
        if value.shape not in (want, (phones, channels)):
            raise BadItem(f"stream {name} is {value.shape}, want {want}: {phones} phones")
        if not np.isfinite(value).all():
            raise BadItem(f"stream {name} has values that are NaN or infinite, want numbers")
        if stream.classes and not np.isin(value, np.arange(stream.classes)).all():
            raise BadItem(
                f"stream {name} has values of {value.min():g} to {value.max():g}, want whole numbers of 0 to "
                f"{stream.classes - 1} (classes {stream.classes})"
            )

    def _check_global(self, name: str, value) -> None:
        size, table = self.globals[name].size, self.names.get(name)
        if size and (not isinstance(value, np.ndarray) or value.shape != (size,) or not np.isfinite(value).all()):
            got = value.shape if isinstance(value, np.ndarray) else repr(value)
            raise BadItem(f"{name} is {got}, want a vector of {size} finite numbers")
        if not size and not (value is None and len(table) <= 1) and value not in tuple(table):
            raise BadItem(f"{name} is {value!r}, and the model knows {', '.join(table) or 'none'}")

    def _told(self, name: str, value):
        if self.globals[name].size:
            return value
        table = self.names[name]
        return min(len(table), 1) if value is None else table.row(value)  # the only one needs no name
