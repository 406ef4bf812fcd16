"""YAML as a tree of items that know their places. YAML 1.2 core schema: ``no`` is a text, ``1e-5`` a number.

Anchors and merges are understood; duplicate keys, tags beyond the core schema and keys that are no plain text are
refused. Nothing here knows what a graph is.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml


@dataclass(frozen=True)
class Place:
    """Where something is written, counted from 1; without a line for what did not come from a file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a graph: ``graphs/x.yaml:12:7: message``."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class GraphError(ValueError):
    """Every problem of a graph, one a line, in the order of the file. `graph` is what could be read, if it could."""

    def __init__(self, problems: list[Problem], file: str = "", graph: Any = None):
        self.file, self.graph = file, graph
        order = {
            problem: (problem.place.file != file, problem.place.line, problem.place.column) for problem in problems
        }
        self.problems = sorted(order, key=order.get)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True)
class Item:
    """A value of the tree: a scalar, a list of items or a mapping of texts to items, with the places of its keys."""

    value: Any
    place: Place
    keys: dict[str, Place] = field(default_factory=dict)

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        return [item.plain() for item in self.value] if isinstance(self.value, list) else self.value

    def at(self, *path, value: bool = False) -> Place:
        """The place of the key (or of its value) at the end of `path`, as far down as the path exists."""
        item, place = self, self.place
        for step in path:
            if isinstance(item.value, dict) and step in item.value:
                place, item = item.keys[step], item.value[step]
            elif isinstance(item.value, list) and isinstance(step, int) and step < len(item.value):
                place = item.value[step].place
                item = item.value[step]
            else:
                return place
        return item.place if value else place

    def get(self, *path) -> "Item | None":
        """The item at `path`, or None."""
        item = self
        for step in path:
            if not isinstance(item.value, dict) or step not in item.value:
                return None
            item = item.value[step]
        return item

    def put(self, path: tuple[str, ...], leaf: "Item") -> "Item":
        """A copy with `leaf` at `path`; mappings on the way are made where there are none."""
        if not path:
            return leaf
        known = self.value if isinstance(self.value, dict) else {}
        below = known.get(path[0], Item({}, leaf.place))
        old = self.keys if isinstance(self.value, dict) else {}
        return Item({**known, path[0]: below.put(path[1:], leaf)}, self.place, {path[0]: leaf.place, **old})

    def drop(self, *names: str) -> "Item":
        """A copy of a mapping without these keys."""
        return Item({key: item for key, item in self.value.items() if key not in names}, self.place, self.keys)

    def renamed(self, old: str, new: str) -> "Item":
        """A copy of a mapping with another name for a key."""
        values, keys = (
            {new if key == old else key: each for key, each in of.items()} for of in (self.value, self.keys)
        )
        return Item(values, self.place, keys)

    def kind(self) -> str:
        """What the value is, for messages."""
        if isinstance(self.value, dict):
            return "a mapping"
        if isinstance(self.value, list):
            return "a list"
        return "nothing" if self.value is None else repr(self.value)


def parse(text: str, file: str, problems: list[Problem], place: Place | None = None) -> Item | None:
    """The tree of a YAML text, or None for an empty one; what is wrong is added to `problems`.

    With `place`, everything is said to stand there: a value given on the command line.
    """
    return _Builder(file, problems, place).document(text)


class Asker:
    """Takes items for what they should be, and notes a problem where they are not."""

    def __init__(self, file: str):
        self.file = file
        self.problems: list[Problem] = []

    def wrong(self, place: Place, message: str) -> None:
        self.problems.append(Problem(place, message))

    def mapping(self, item: Item | None, want: str) -> dict[str, Item]:
        if item is None or isinstance(item.value, dict):
            return item.value if item else {}
        self.wrong(item.place, f"want {want}, got {item.kind()}")
        return {}

    def text(self, item: Item | None, what: str) -> str | None:
        if item is None or isinstance(item.value, str):
            return item.value if item else None
        self.wrong(item.place, f"{what}: want a text, got {item.kind()}")
        return None

    def number(self, item: Item | None, what: str, want: str, fits, default):
        if item is None:
            return default
        value = item.value
        if isinstance(value, int | float) and not isinstance(value, bool) and fits(value):
            return value
        self.wrong(item.place, f"{what}: want {want}, got {item.kind()}")
        return default


# ---- YAML 1.2 scalars ----

_CORE = "tag:yaml.org,2002:"
_SCALARS = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
    "merge": r"<<",
}
_BASES = {"0o": 8, "0x": 16}
DEEPEST, MOST = 100, 100_000  # levels, and values with those that anchors repeat: no graph has a tenth of it
_TOO_DEEP = f"more than {DEEPEST} levels of lists and mappings in each other"
_MAKE = {
    _CORE + "null": lambda text: None,
    _CORE + "bool": lambda text: {"true": True, "false": False}[text.lower()],
    _CORE + "int": lambda text: int(text, _BASES.get(text[:2], 10)),
    _CORE + "float": lambda text: float(re.sub(r"\.(?=inf|nan)", "", text.lower())),
    _CORE + "str": str,
}


def _loader(base):
    """`base` with the core schema's resolvers in place of PyYAML's of YAML 1.1."""
    loader = type("Loader", (base,), {"yaml_implicit_resolvers": {}})
    for name, pattern in _SCALARS.items():
        loader.add_implicit_resolver(_CORE + name, re.compile(f"(?:{pattern})\\Z"), None)
    return loader


_PYTHON = _loader(yaml.SafeLoader)
_FAST = _loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader))


class _TooMuchError(Exception):
    """A mark, and of what there is more than any graph has."""


class _Builder:
    def __init__(self, file: str, problems: list[Problem], fixed: Place | None):
        self.file, self.problems, self.fixed = file, problems, fixed
        self.open: set[int] = set()  # nodes being built, to see an anchor that holds itself
        self.count = 0

    def place(self, mark) -> Place:
        return self.fixed or Place(self.file, mark.line + 1, mark.column + 1)

    def wrong(self, mark, message: str) -> None:
        self.problems.append(Problem(self.place(mark), message))

    def document(self, text: str) -> Item | None:
        try:
            self.levels(text)
            root = yaml.compose(text, _FAST)
            return None if root is None else self.item(root)
        except yaml.YAMLError as error:
            return self.syntax(text, error)
        except _TooMuchError as error:
            return self.wrong(*error.args)

    def levels(self, text: str) -> None:
        """Refuse a text of too many levels here: what composes it is written in C, and would end the process."""
        depth = 0
        for event in yaml.parse(text, _FAST):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise _TooMuchError(event.start_mark, _TOO_DEEP)

    def syntax(self, text: str, error: yaml.YAMLError) -> None:
        """Report a text that is no YAML in the words of the pure Python parser, which says more."""
        try:
            yaml.compose(text, _PYTHON)
        except yaml.YAMLError as better:
            error = better
        mark = getattr(error, "problem_mark", None) or yaml.Mark("", 0, 0, 0, "", 0)
        what = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        context, began = getattr(error, "context", None), getattr(error, "context_mark", None)
        if context and context.startswith("while parsing") and began:
            what = f"{what} {context} that began at {self.place(began)}"
        elif context:
            what = f"{context}, {what}"
        self.wrong(mark, f"not YAML: {what}")

    def item(self, node) -> Item:
        place = self.place(node.start_mark)
        self.count += 1
        if self.count > MOST:
            raise _TooMuchError(node.start_mark, f"more than {MOST:,} values, with those that anchors repeat")
        if len(self.open) > DEEPEST:  # by anchors: a text of so many levels does not get here
            raise _TooMuchError(node.start_mark, _TOO_DEEP)
        if id(node) in self.open:
            self.wrong(node.start_mark, "this anchor holds itself")
            return Item(None, place)
        if isinstance(node, yaml.ScalarNode):
            return Item(self.scalar(node), place)
        if node.tag not in (_CORE + "seq", _CORE + "map"):
            self.tag(node)
        self.open.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            item = Item([self.item(child) for child in node.value], place)
        else:
            item = self.mapping(node, place)
        self.open.discard(id(node))
        return item

    def tag(self, node) -> None:
        self.wrong(node.start_mark, f"tag {node.tag.replace(_CORE, '!!')} is not understood; want plain YAML")

    def scalar(self, node):
        if node.tag not in _MAKE:
            return self.tag(node)
        try:
            return _MAKE[node.tag](node.value)
        except (ValueError, KeyError):
            self.wrong(node.start_mark, f"{node.value!r} is no {node.tag.removeprefix(_CORE)}")
            return None

    def mapping(self, node, place: Place) -> Item:
        values, keys, merged = {}, {}, []
        for key, value in node.value:
            name = "<<" if key.tag == _CORE + "merge" else key.value
            if not isinstance(key, yaml.ScalarNode):
                self.wrong(key.start_mark, "a key must be a plain text, got a list or mapping")
            elif name in keys:
                self.wrong(key.start_mark, f"key {name!r} stands here twice, first at {keys[name]}")
            else:
                keys[name] = self.place(key.start_mark)
                if key.tag == _CORE + "merge":
                    merged = self.merges(value)
                else:
                    values[name] = self.item(value)
        for item in merged:
            for name, value in item.value.items():
                if name not in values:
                    values[name], keys[name] = value, item.keys[name]
        return Item(values, place, keys)

    def merges(self, node) -> list[Item]:
        """The mappings that ``<<`` brings in, those that win first."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found = [child for child in nodes if isinstance(child, yaml.MappingNode)]
        if len(found) < len(nodes):
            self.wrong(node.start_mark, "<< wants a mapping or a list of mappings")
        return [item for item in map(self.item, found) if item.value is not None]  # but one that holds itself
