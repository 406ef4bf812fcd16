"""What is said to an acoustic model: phones, and the streams and globals that its settings declare.

Axes: B batch, N phones, C channels of a stream.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from blocks.acoustic.schema import Lesson, Request
from blocks.base import BadItem, BlockConfig
from blocks.common import symbols
from blocks.common.phones import SILENCES, STRESS, stressless
from blocks.common.symbols import Symbols
from blocks.load import suggest

# What a voice with few recordings never said, and what passes for it, best first.
NEAR = {
    "ʒ": ("d͡ʒ", "ʃ"), "d͡ʒ": ("ʒ", "t͡ʃ"), "t͡ʃ": ("ʃ", "d͡ʒ"), "ʃ": ("ʂ", "t͡ʃ"), "ʂ": ("ʃ",), "ʐ": ("ʒ",), "θ": ("f", "s"),
    "ð": ("v", "z", "d"), "x": ("h", "k"), "h": ("x",), "ɹ": ("r", "ɾ"), "r": ("ɹ", "ɾ"), "ɾ": ("r", "ɹ"), "ɫ": ("l",),
    "l": ("ɫ",), "ŋ": ("n",), "ɲ": ("n",), "ʔ": ("t",), "ɚ": ("ɝ", "ɜ"), "ɝ": ("ɚ", "ɜ"), "ɜ": ("ɝ", "ə"), "ɒ": ("ɔ", "ɑ"),
    "ɔ": ("ɒ", "o"), "ʌ": ("ə", "ɐ"), "ɐ": ("ʌ", "ə"), "ʊ": ("u",), "ɪ": ("i",), "ɔɪ": ("oi",), "əʊ": ("oʊ",), "oʊ": ("əʊ",),
}  # fmt: skip

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]  # of a stream or a global


class Stream(BlockConfig):
    """What a stream holds for each phone. Zero is the default, and adds nothing at all."""

    classes: PositiveInt | None = None  # numbers are classes from 1 to this; none: they are quantities
    size: PositiveInt = 1  # numbers a phone, for quantities
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
class Inputs:
    """The declared inputs with their tables of symbols; rows are given out in `meet` alone."""

    streams: dict[str, Stream]
    globals: dict[str, Global]
    phones: Symbols = field(default_factory=Symbols)
    names: dict[str, Symbols] = field(default_factory=dict)  # of each global that is a name

    def __post_init__(self):
        for name, each in self.globals.items():
            if each.size is None:
                self.names.setdefault(name, Symbols())

    def meet(self, items: Iterable[Lesson]) -> None:
        """Give rows to the phones and names of these that have none. Raises ValueError as `check`."""
        for item in items:
            self.check(item)
            self.phones.extend(item.phones)
            for name, table in self.names.items():
                table.extend([item.globals[name]])

    # ---- the artifact ----

    def write(self, folder: Path) -> dict[str, str]:
        """Keep the tables; gives what the weights shall say of them."""
        return symbols.write(folder, phones=self.phones, **{f"globals.{name}": t for name, t in self.names.items()})

    def read(self, folder: Path, about: dict[str, str], lenient: bool = False) -> None:
        """What `write` kept. Raises ValueError where a table is missing; `lenient`, such a table stays empty."""
        wanted = list(self.names)
        if lenient:
            kept = about.get("symbols", "")
            wanted = [name for name in wanted if f'"globals.{name}"' in kept]
        self.phones, *found = symbols.read(folder, "phones", *(f"globals.{name}" for name in wanted), about=about)
        self.names.update(zip(wanted, found, strict=True))

    # ---- items ----

    def check(self, item: Request | Lesson) -> None:
        """Raise BadItem for what cannot be said: no phones, streams or globals that are not declared or do not fit."""
        if not item.phones:
            raise BadItem("no phones to say, want at least one; leave out what has none")
        for kind, given, declared in (("stream", item.streams, self.streams), ("global", item.globals, self.globals)):
            if strange := [name for name in given if name not in declared]:
                raise BadItem(
                    f"a {kind} {strange[0]!r} that the model's settings do not declare{suggest(strange[0], list(declared))}; "
                    f"declare it under {kind}s and train, or leave it out"
                )
        for name, values in item.streams.items():
            self._check_stream(name, values, len(item.phones))
        for name, each in self.globals.items():
            self._check_global(name, item.globals.get(name), each.size)

    def _check_stream(self, name: str, values: np.ndarray, phones: int) -> None:
        declared = self.streams[name]
        if len(values) != phones:
            raise BadItem(f"the stream {name} is of {len(values)} phones, but there are {phones}: want as many")
        if (size := values[0].size) != declared.size:
            raise BadItem(f"the stream {name} has {size} numbers a phone, but the model's settings say {declared.size}")
        if not np.isfinite(values).all():
            raise BadItem(f"the stream {name} has NaN or infinite values, want numbers")
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
        if size and not np.isfinite(value).all():
            raise BadItem(f"the global {name} has NaN or infinite values, want numbers")

    def can_be_said(self, item: Request) -> None:
        """`check`, and raise BadItem for phones and names that the model was not trained on."""
        self.check(item)
        if strange := list(dict.fromkeys(phone for phone in item.phones if not self.row(phone))):
            raise BadItem(
                f"phones that the model was not trained on: {', '.join(map(repr, strange))}; it knows "
                f"{' '.join(self.phones)}. Train it on data that has them, or give it what it knows"
            )
        for name, table in self.names.items():
            if (value := item.globals[name]) not in table:
                raise BadItem(f"the model knows no {name} {value!r}{suggest(value, list(table))}")

    def row(self, phone: str) -> int:
        """Of what the phone is `said_as`; 0 where there is nothing like it."""
        return self.phones.row(self.said_as(phone))

    def substituted(self, item: Request) -> str | None:
        """Which phones, if any, are said as others, such as ``ʒ as d͡ʒ, ˌaɪ as aɪ``."""
        others = {phone: self.said_as(phone) for phone in item.phones}
        return ", ".join(f"{phone} as {other}" for phone, other in others.items() if phone != other) or None

    def said_as(self, phone: str) -> str:
        """The phone if it is known; else the same with another stress, another silence, or one that is `NEAR`."""
        if phone in SILENCES:
            like = sorted(SILENCES)
        else:
            plain = stressless(phone)
            stress = phone.removesuffix(plain)
            like = [mark + one for one in (plain, *NEAR.get(plain, ())) for mark in dict.fromkeys((stress, *STRESS))]
        return next((one for one in (phone, *like) if one in self.phones), phone)

    def arrays(self, items: list, length: int = 0) -> dict[str, np.ndarray]:
        """`phones` (B, N), `streams.NAME` (B, N) or (B, N, C), `globals.NAME` (B) or (B, C), `tokens` (B): zeros beyond the end."""
        tokens = np.array([len(item.phones) for item in items], np.int64)
        shape = (len(items), max(length, int(tokens.max())))
        made = {"tokens": tokens, "phones": np.zeros(shape, np.int64)}
        for name, each in self.streams.items():
            empty = np.zeros(shape, np.int64) if each.classes else np.zeros((*shape, each.size), np.float32)
            made[f"streams.{name}"] = empty
        for b, item in enumerate(items):
            made["phones"][b, : tokens[b]] = [self.row(phone) for phone in item.phones]
            for name, values in item.streams.items():
                declared = self.streams[name]
                fit = values.reshape(made[f"streams.{name}"][b, : tokens[b]].shape) / np.float32(declared.scale)
                made[f"streams.{name}"][b, : tokens[b]] = fit
        for name, each in self.globals.items():
            values = [item.globals[name] for item in items]
            rows = np.stack(values) if each.size else np.array([self.names[name].row(v) for v in values], np.int64)
            made[f"globals.{name}"] = rows
        return made


def grown(found: dict[str, np.ndarray], wanted: dict) -> dict[str, np.ndarray]:
    """Weights for more phones, names, streams and globals: new rows are the mean of the known, new tables zero.

    `wanted` is a state dict with an `Embed` called embed.
    """
    found = dict(found)
    for name, value in wanted.items():
        known, (_, table, of) = found.get(name), name.rpartition("embed.")
        if known is None and table and of.startswith(("streams.", "globals.")):
            found[name] = np.zeros(tuple(value.shape), np.float32)
        elif known is not None and table and 1 < len(known) < len(value):
            more = len(value) - len(known)
            found[name] = np.concatenate([known, np.repeat(known[1:].mean(0, keepdims=True), more, axis=0)])
    return found
