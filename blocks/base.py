"""The contract of a block. No torch, no jax, no ray.

A **kind** is a role with one contract, a **variant** one published way to fill it. A variant's file holds a
`Config` and ONE subclass of `Mapper`, `Trainable`, `Source`, `Expander` or `Reducer`. Its ports are read from the
annotations of its method (``apply(self, items: list[In]) -> list[Out]``); nothing is declared twice.

The file of a variant imports no framework at its top, so that a graph can be checked without one: heavy imports
stand inside methods, and a network of its own in ``<variant>/net.py``.
"""

import typing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import core_schema

from blocks.arrays import Array, Value, marker
from blocks.spec import AudioSpec


@cache
def field_type(schema: type[BaseModel], name: str):
    """A field's annotation with its markers, which pydantic keeps apart."""
    info = schema.model_fields[name]
    hint = info.annotation
    for mark in info.metadata:
        if isinstance(mark, Array | Value):
            hint = typing.Annotated[hint, mark]
    return hint


class Schema(BaseModel):
    """One utterance as a block sees it: named arrays and values, no batch axis, no padding.

    A field called ``id`` in an input schema is filled with the row's id by the runner. A field of type
    ``dict[str, X]`` takes any number of named edges. Word-named axes must agree between the fields of one item.
    """

    # Its validator is built with its first item: a check of a graph has none.
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True)
    __arrays__: ClassVar[tuple[tuple[str, Array], ...]] = ()
    __shared__: ClassVar[tuple[tuple[str, int, str], ...]] = ()  # field, position and name of axes named twice or more

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs):
        pairs = ((name, marker(field_type(cls, name))) for name in cls.model_fields)
        cls.__arrays__ = tuple((name, mark) for name, mark in pairs if isinstance(mark, Array))
        axes = [(name, at, axis) for name, mark in cls.__arrays__ for at, axis in enumerate(mark.dims)]
        named = Counter(axis for _, _, axis in axes if isinstance(axis, str))
        cls.__shared__ = tuple(found for found in axes if named[found[2]] > 1)

    @classmethod
    def __get_pydantic_core_schema__(cls, source, handler):
        """Items in which no axis is named twice, which are most, skip the comparison: it is made at every node."""
        made = handler(source)
        return core_schema.no_info_after_validator_function(_axes_agree, made) if cls.__shared__ else made


def _axes_agree(item):
    sizes: dict[str, int] = {}
    for name, at, axis in item.__shared__:
        if (value := getattr(item, name)) is None:
            continue
        if sizes.setdefault(axis, size := value.shape[at]) != size:
            raise ValueError(f"{name}: {axis} is {size}, but {sizes[axis]} elsewhere in this item")
    return item


class NewRow(Schema):
    """Base of what `Source.read` and `Expander.expand` yield: rows that bring their own id."""

    id: typing.Annotated[str, Value("id")]


class DerivedRow(NewRow):
    """A row made from others, whose ids it lists; training on a parent and testing on its child is refused."""

    parents: tuple[str, ...]


# Settings that had other names in graphs and artifacts of before; both are understood.
RENAMED = {
    "critic_windows": "discriminator_windows",
    "critic_width": "discriminator_width",
    "critic_lr": "discriminator_lr",
    "frames_a_step": "reduction_factor",
    "led_steps": "teacher_forced_steps",
    "phones_told": "phone_voice",
    "floor": "lower_anchor",
    "ceilings": "upper_anchors",
    "warmup": "warmup_steps",
    "nameless": "speaker_dropout",
    "falls": "cosine_decay",
    "most_given": "max_per_donor",
    "warp": "vtlp",
    "pace": "speed_perturb",
    "narrowed": "band_limit_share",
    "drowned": "noise_share",
}


class BlockConfig(BaseModel):
    """Base of every block's settings: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _as_named_today(cls, data: Any) -> Any:
        if not isinstance(data, dict) or RENAMED.keys().isdisjoint(data):
            return data
        fields = cls.model_fields
        names = {old: new for old, new in RENAMED.items() if old not in fields and new in fields and new not in data}
        return {names.get(name, name): value for name, value in data.items()}


@dataclass(frozen=True)
class Failure:
    """Stands in the place of an item that could not be made, and says why. n items in, n items out."""

    reason: str
    id: str | None = None  # filled by the runner; a Source gives it


@dataclass(frozen=True)
class Skip(Failure):
    """An item left out on purpose (a beep, a reserved row): listed with its reason, not counted as a failure."""


class BadItem(ValueError):
    """Raise it for one item that cannot be processed; the runner turns it into a Failure with this message."""


C = TypeVar("C", bound=BlockConfig)


class Block(Generic[C]):
    """What all blocks share. The constructor is light; weights and processes are loaded in `setup`."""

    Config: ClassVar[type[BlockConfig]]  # read from Mapper[Config]; not written by hand
    tiny: ClassVar[BlockConfig]  # the smallest settings that run every line, for tests
    paper: ClassVar[str] = ""  # where the method was published
    needs: ClassVar[tuple[str, ...]] = ()  # importable modules beyond the core dependencies
    extra: ClassVar[str] = ""  # the extra of pyproject.toml that installs them
    licences: ClassVar[tuple[str, ...]] = ()  # SPDX ids of weights the block brings along
    limits: ClassVar[str] = ""  # what it is known not to do well, for the card of its artifacts
    stochastic: ClassVar[bool] = False  # True if `seed` changes the result

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for base in getattr(cls, "__orig_bases__", ()):
            for arg in typing.get_args(base):
                if isinstance(arg, type) and issubclass(arg, BlockConfig):
                    cls.Config = arg

    def __init__(self, config: C, spec: AudioSpec, seed: int = 0):
        self.config, self.spec, self.seed = config, spec, seed
        # Where a torch block puts its weights when it loads them: whoever makes it says so before. JAX chooses by itself.
        self.device = "cpu"

    @classmethod
    def check_wiring(cls, config: C, wired: dict[str, Any]) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """What settings name that is not wired: the path of each such setting, and what is wrong with it.

        Asked before any work. `wired` maps each port to a text, or to names with the same where names are wired to it.
        """
        return ()

    def setup(self) -> None:
        """Load what is heavy. Called once per process, before the first item."""


class Mapper(Block[C]):
    """One item in, one item out: the verb ``map``.

    Every other public method from a list of items to a list of results (``decode(self, items: list[Latents]) ->
    list[Decoded]``) is a node as well, which names it: ``method: decode``. What `apply` must keep, it must keep too.
    """

    batch_size: ClassVar[int] = 16  # items per call; the result of an item may not depend on its neighbours

    def apply(self, items: list) -> list:
        """As many outputs as items, in their order; a `Failure` in the place of an item that could not be made."""
        raise NotImplementedError

    def length(self, item) -> int:
        """How long an item of any of its methods is, default: the first axis of the first array it has; 1 without any."""
        values = (getattr(item, name) for name, _ in type(item).__arrays__)
        return next((len(value) for value in values if value is not None), 1)

    def warm(self, items: list) -> None:
        """Called once per process after `setup`, with an item of each padded length (`blocks.training.bucket`) it will meet.

        They are of the method that the node names.

        A block that compiles a program for each shape compiles here; the others have nothing to do.
        """


class Trainable(Mapper[C]):
    """A mapper with weights: the verbs ``fit`` and ``load`` make what its ``map`` takes as ``model``."""

    def fit(self, run) -> None:
        """Train; annotate `run` as ``blocks.training.Run[In]``: the ports of the verb ``fit`` are those of In.

        Dev rows, by a field ``split`` of In, are for validation; without one, all rows are trained on.
        """
        raise NotImplementedError

    def group(self, item) -> str:
        """What `balance` in a training's settings counts as one, default: the speaker of an item that has one."""
        return getattr(item, "speaker", None) or ""

    def save(self, folder: Path) -> None:
        """Write the weights into `folder` (safetensors or orbax, never pickle)."""
        raise NotImplementedError

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises ValueError with a coverage report if names or shapes differ."""
        raise NotImplementedError


R = TypeVar("R")


@dataclass(frozen=True)
class Unread(Generic[R]):
    """A row whose data nobody has opened yet. `read` gives it, or the `Failure` or `Skip` that stands in its place, or raises BadItem."""

    id: str
    read: Callable[[], R | Failure]

    def then(self, made: Callable[[R], R | Failure]) -> "Unread":
        """The same with something made of the row once it is read."""

        def read():
            row = self.read()
            return row if isinstance(row, Failure) else made(row)

        return Unread(self.id, read)


class Source(Block[C]):
    """Rows from outside: the verb ``read``.

    It has `read`, or, where each row is a recording or the like that can be opened by itself, `entries`: then many workers
    may read, and after a kill only what is missing is read.
    """

    paths: ClassVar[
        tuple[str, ...]
    ] = ()  # settings that only say where the data lie: what it holds, `fingerprint` tells

    def fetch(self) -> None:
        """Bring the data onto this machine if it is not here yet. Raises OSError saying what to do where it cannot."""

    def fingerprint(self) -> str:
        """A short text that changes whenever the data read would. Raises FileNotFoundError before `fetch`.

        Empty where nothing was asked of the source, as where a user may bring a folder and did not: that it and what
        hangs on it have no rows is then no error.
        """
        raise NotImplementedError

    def entries(self) -> Iterator:
        """An `Unread` for each row, in a stable order, or a `Failure` or `Skip` with its id; quick, as no data are opened."""
        raise NotImplementedError

    def read(self) -> Iterator:
        """Rows in a stable order; a `Failure` or `Skip` with its id in the place of a row that cannot be read."""
        for entry in self.entries():
            try:
                yield entry.read() if isinstance(entry, Unread) else entry
            except BadItem as error:
                yield Failure(str(error), entry.id)


class Expander(Block[C]):
    """New rows from the whole table, any number of them, each listing its parents: the verb ``expand``.

    One that is annotated with ``items: Iterable[In]`` is given them one by one as it asks for them, so that the table may be
    larger than the memory; one with ``list[In]`` all at once. A `Failure` with an id, that of the item as a rule, stands in
    the place of what could not be made. One that needs weights is a `Trainable` as well, and then needs no `apply`.
    """

    apart: ClassVar[bool] = False  # True where what comes of an item hangs on no other: many workers may then expand

    def expand(self, items: Iterable) -> Iterator:
        raise NotImplementedError


class Reducer(Block[C]):
    """The whole table to one row, which then joins every row, or with `by` the rows of each group: the verb ``reduce``.

    `BadItem`, raised for a group, costs that group alone; for the whole table it stops the run, as any other error does.
    """

    def reduce(self, items: list) -> Any:
        raise NotImplementedError


# ---- reading a contract ----

METHODS = {"read": "read", "map": "apply", "expand": "expand", "reduce": "reduce", "fit": "fit"}


@dataclass(frozen=True)
class Ports:
    inputs: type[Schema] | None  # None for a source
    output: type[Schema] | None  # None for fit


@cache
def ports(cls: type[Block], verb: str, method: str = "") -> Ports:
    """The schemas of `cls` under `verb`, read from the annotations of its method, or of another one of its `methods`.

    Raises TypeError if the class has no such verb, or its method is not annotated with schemas.
    """
    method = getattr(cls, method or METHODS.get(verb, ""), None)
    if method is Source.read:
        method = cls.entries
    if (
        method is None
        or verb not in verbs(cls)
        or method.__qualname__.split(".")[0] in ("Mapper", "Trainable", "Source", "Expander", "Reducer")
    ):
        raise TypeError(f"{cls.__module__} has no method for the verb {verb!r}")
    hints = typing.get_type_hints(method)
    output = _schema_in(hints.pop("return", None))
    inputs = next(filter(None, map(_schema_in, hints.values())), None)
    if (verb not in ("read",) and inputs is None) or (verb != "fit" and output is None):
        raise TypeError(f"{cls.__module__}.{cls.__name__}.{method.__name__}: annotate items and result with schemas")
    if verb == "expand" and not issubclass(output, DerivedRow):
        raise TypeError(f"{cls.__module__}.{cls.__name__}.expand: want rows that list their parents (DerivedRow)")
    return Ports(inputs, None if verb == "fit" else output)


@cache
def methods(cls: type[Block]) -> tuple[str, ...]:
    """What a map may name as its ``method``: those from a list of items to a list of results, `apply` first."""
    names = dict.fromkeys(name for base in cls.__mro__ for name in vars(base) if not name.startswith("_"))
    found = [name for name in names if name != "apply" and _maps(getattr(cls, name))]
    return (*(["apply"] if "map" in verbs(cls) else []), *sorted(found)) if issubclass(cls, Mapper) else ()


def _maps(method) -> bool:
    if not isinstance(method, FunctionType):
        return False
    *takes, gives = typing.get_type_hints(method).values() or (None,)
    lists = [hint for hint in (*takes, gives) if typing.get_origin(hint) is list and _schema_in(hint)]
    return len(takes) == 1 and len(lists) == 2


def verbs(cls: type[Block]) -> list[str]:
    """The verbs a block serves: ``["map", "fit"]`` for a Trainable."""
    table = {"read": Source, "map": Mapper, "expand": Expander, "reduce": Reducer, "fit": Trainable}
    found = [verb for verb, base in table.items() if issubclass(cls, base)]
    unmapped = "expand" in found and getattr(cls, "apply", None) is Mapper.apply
    return [verb for verb in found if verb != "map" or not unmapped]


def reads_apart(cls: type[Source]) -> bool:
    """Whether its rows can be read one by one, on many workers."""
    return cls.read is Source.read


def streams(cls: type[Expander]) -> bool:
    """Whether its items are given to `expand` one by one."""
    hints = typing.get_type_hints(cls.expand)
    return next(typing.get_origin(hint) is not list for name, hint in hints.items() if name != "return")


def _schema_in(hint) -> type[Schema] | None:
    if isinstance(hint, type) and issubclass(hint, Schema):
        return hint
    return next(filter(None, map(_schema_in, typing.get_args(hint))), None)


def check_item(item: Schema, spec: AudioSpec) -> str | None:
    """What is wrong with an item's arrays beyond their schema (wrong mel count, NaN), or None."""
    for name, mark in item.__arrays__:
        value = getattr(item, name)
        if value is None:
            continue
        if "mels" in mark.dims and value.shape[mark.dims.index("mels")] != spec.n_mels:
            return f"{name}: {value.shape[mark.dims.index('mels')]} mels, but the audio spec says n_mels {spec.n_mels}"
        if mark.dtype.kind == "f" and (bad := value.size - np.count_nonzero(np.isfinite(value))):
            return f"{name}: {bad} of {value.size} values are NaN or infinite"
    return None


def with_id(failure: Failure, id: str) -> Failure:
    return replace(failure, id=id)
