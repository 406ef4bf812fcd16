"""The objects a graph is made of, as written: edges, conditions, scales, nodes. Whether they fit, `runner.check` asks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from blocks.load import artifact_folder
from blocks.spec import AudioSpec
from runner.graph.tree import Item, Place

TOP = ("about", "paper", "spec", "seed", "on_error", "max_failed", "options", "outputs", "base", "sizes", "nodes")
SETTINGS = ("spec", "seed", "on_error", "max_failed")  # what --set may change besides configs
KEYS = {  # verb -> what else its nodes may say
    "read": ("config", "scale", "spec"),
    "map": ("method", "in", "config", "model", "where", "scale", "spec"),
    "expand": ("in", "config", "model", "where", "scale", "spec"),
    "fit": ("in", "config", "init", "where", "scale", "spec", "released"),
    "reduce": ("in", "config", "by", "where", "scale", "spec"),
    "load": ("as", "spec"),
    "pick": ("where", "config"),  # of which there is `limit` alone
    "union": (),  # of all rows; a pick of it may have fewer
}
VERBS = tuple(KEYS)
SUBKEYS = frozenset(key for keys in KEYS.values() for key in keys)  # what stands beside a verb
TESTS = ("min", "max", "not")  # of a condition
CONSTANT, LOOKUP = {"value"}, {"row", "at"}  # keys of a mapping below a port that is one value, not names with edges
SUFFIXES = {"wave": ".wav", "textgrid": ".TextGrid"}  # of the files that a node's fields become, by their type
RUN = (  # options of `voxblocks run`, which a graph cannot have as its own
    "set", "size", "store", "until", "from_nodes", "to_nodes", "limit", "released", "redo_versions", "retry_failed", "dry_run", "address", "out", "report",
    "play", "raw", "json", "help", "no_wait",
)  # fmt: skip


@dataclass(frozen=True)
class Edge:
    """A field of a node, written ``node.field``."""

    node: str
    field: str
    place: Place

    def __str__(self) -> str:
        return f"{self.node}.{self.field}"


@dataclass(frozen=True)
class Constant:
    """The same value for every row, written ``{value: allison}``; a vector is a tuple of numbers."""

    value: str | int | float | bool | tuple
    place: Place

    def __str__(self) -> str:
        return f"{{value: {self.kind()}}}"

    def kind(self) -> str:
        """What it is, for messages."""
        return f"a list of {len(self.value)}" if isinstance(self.value, tuple) else repr(self.value)


@dataclass(frozen=True)
class Lookup:
    """A field of another row, written ``{row: voices.embedding, at: pairs.target}``.

    That of the row of `voices` whose id is this row's value of `at`.
    """

    row: Edge
    at: Edge | Constant
    place: Place

    def __str__(self) -> str:
        return f"{{row: {self.row}, at: {self.at}}}"


@dataclass(frozen=True)
class Condition:
    """One line of ``where``: a scalar to equal, a tuple to be in, or a mapping of min, max and not."""

    edge: Edge
    test: Any

    def holds(self, value) -> bool:
        """Whether a row whose field has this value stays."""
        test = self.test
        if isinstance(test, tuple):
            return value in test
        if not isinstance(test, dict):
            return value == test
        if "not" in test and Condition(self.edge, test["not"]).holds(value):
            return False
        if value is None:
            return "min" not in test and "max" not in test
        return not ("min" in test and value < test["min"]) and not ("max" in test and value > test["max"])


@dataclass(frozen=True)
class Scale:
    """What a node asks of the machines: workers, and cpus, gpus and memory of each, in as many threads as cpus; and of the store."""

    workers: int = 1
    cpus: float = 1
    gpus: float = 0
    memory: str | None = None
    batch_size: int | None = None
    audio: Literal["", "flac"] = ""  # how the store keeps the waves that a node makes

    @property
    def threads(self) -> int:
        return max(1, int(self.cpus))


@dataclass
class Node:
    """One node as written. `inputs` also holds what a pick picks; `spec` are overrides of the graph's audio spec."""

    name: str
    verb: str
    block: str | None
    place: Place
    config: dict = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)  # field -> Edge, Constant, Lookup, or names to the same
    method: str = "apply"  # of a map's block
    model: str | None = None
    init: str | None = None
    by: Edge | None = None  # of a reduce: the field whose values name the groups of rows
    where: tuple[Condition, ...] = ()
    limit: int | None = None  # of a pick: so many of the rows that meet `where`, spread evenly
    scale: Scale = Scale()
    spec: dict = field(default_factory=dict)
    released: str | None = None
    path: str | None = None
    members: tuple[str, ...] = ()
    tree: Item | None = field(default=None, repr=False, compare=False)

    def at(self, *keys, value: bool = False) -> Place:
        """The place of a key inside the node (or of its value), as deep as it exists, else of the node."""
        if self.tree is None or not keys or self.tree.get(keys[0]) is None:
            return self.place
        return self.tree.at(*keys, value=value)

    @property
    def called(self) -> str:
        """Its block, with the method if that is another one than a map's own: ``flow.affine.decode``."""
        return f"{self.block}.{self.method}" if self.block and self.method != "apply" else self.block or ""

    def edges(self) -> list[tuple[tuple[str, ...], Edge]]:
        """Every edge that joins by id, with its path of names: ``(("scores", "world"), Edge)``."""
        found = [(path, leaf.at if isinstance(leaf, Lookup) else leaf) for path, leaf in leaves(self.inputs)]
        return [(path, leaf) for path, leaf in found if isinstance(leaf, Edge)]

    def tables(self) -> list[str]:
        """The nodes whose rows are joined by id: for inputs, for `by`, for conditions."""
        by = [self.by.node] if self.by else []
        return list(dict.fromkeys([edge.node for _, edge in self.edges()] + by + [c.edge.node for c in self.where]))

    def lookups(self) -> list[tuple[tuple[str, ...], Lookup]]:
        return [(path, leaf) for path, leaf in leaves(self.inputs) if isinstance(leaf, Lookup)]

    def constants(self) -> list[tuple[tuple[str, ...], Constant]]:
        return [(path, leaf) for path, leaf in leaves(self.inputs) if isinstance(leaf, Constant)]


@dataclass
class Graph:
    """One YAML, with base, size and overrides applied."""

    file: str
    name: str
    about: str = ""
    paper: str = ""
    spec: AudioSpec = field(default_factory=AudioSpec)
    seed: int = 0
    on_error: str = "quarantine"
    max_failed: float = 0.01  # the largest share of rows that may fail
    size: str | None = None
    options: dict[str, str] = field(default_factory=dict)  # of the command line: name -> node.key, as --set has it
    outputs: dict[str, str] = field(default_factory=dict)  # node -> folder for its files where --out names none
    sizes: dict[str, dict[str, dict]] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    source: dict = field(default_factory=dict, repr=False)  # the resolved mapping: a graph that stands alone
    unsized: dict[str, dict] = field(default_factory=dict, repr=False)  # configs before size and overrides
    broken: set[str] = field(default_factory=set, repr=False)  # nodes that could not be read
    tree: Item | None = field(default=None, repr=False, compare=False)

    def at(self, *keys, value: bool = False) -> Place:
        """The place of a key of the file (or of its value), as deep as it exists."""
        return self.tree.at(*keys, value=value) if self.tree else Place(self.file, 1, 1)

    def output_of(self, node: str | None) -> Path | None:
        """The folder for a node's files, below the current one."""
        return Path(self.outputs[node]) if node in self.outputs else None

    def resolve(self, path: str) -> Path:
        """Where the path of an artifact leads: a relative one starts at the graph's own folder."""
        return artifact_folder(Path(self.file).parent / path)


def leaves(inputs: dict, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Edge | Constant | Lookup]]:
    """What is wired, at any depth, with its path of names."""
    for name, value in inputs.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name), value


def spec_errors(error: ValidationError) -> list[tuple[str, tuple]]:
    """What is wrong with an audio spec, each with the field it stands at."""
    found = []
    for each in error.errors(include_url=False):
        what = ".".join(["spec", *map(str, each["loc"][:1])])
        message = each["msg"].removeprefix("Value error, ")
        got = f" (got {each['input']!r})" if each["loc"] else ""
        found.append((f"{what}: {message[0].lower()}{message[1:]}{got}", each["loc"][:1]))
    return found
