"""Checks a whole graph before any work: names, verbs, types, units, audio specs, configs, rows, artifacts.

Imports the variants that the graph names, and nothing heavier. Every problem goes into one report.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blocks.arrays import marker
from blocks.base import Block, BlockConfig, Schema, methods, ports
from blocks.load import suggest
from blocks.spec import AudioSpec
from runner.check import origins
from runner.check.edges import Field, different, differing, input_fields, output_fields, short
from runner.check.joins import Joins
from runner.check.order import dag_of, in_file_order, references, visiting_order, with_released
from runner.check.settings import (
    Blocks,
    artifact_of,
    balance_problems,
    block_of,
    config_of,
    kept_settings_problems,
    spec_of,
    weights_problems,
)
from runner.check.wiring import Wiring
from runner.graph.nodes import KEYS, SUFFIXES, Edge, Graph, Node
from runner.graph.tree import GraphError, Place, Problem

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True)
class CheckedNode:
    """A node with all that its names stand for. `fields` are what others may take; {} for fit and load."""

    node: Node
    cls: type[Block] | None
    config: BlockConfig | None  # of a map with a model: the model's, with the node's own keys laid over it
    spec: AudioSpec
    inputs: type[Schema] | None
    output: type[Schema] | None
    fields: dict[str, Any]
    origin: frozenset[str]  # nodes its ids come from, or fields where they are those of groups; empty for one row
    upstream: tuple[str, ...]  # every node it depends on
    groups: dict[str, Edge] = field(default_factory=dict)  # tables of groups it reads -> what tells a row's group


@dataclass(frozen=True)
class Checked:
    graph: Graph
    visited: dict[str, CheckedNode]  # each after what it needs

    @cached_property
    def nodes(self) -> dict[str, CheckedNode]:
        """In execution order, that of the file where the graph leaves it free."""
        needs = {name: node.upstream for name, node in self.visited.items()}
        return {name: self.visited[name] for name in in_file_order(needs, self.graph.nodes)}

    @cached_property
    def dag(self) -> "nx.DiGraph":
        """The names of the nodes, each edge from what makes to what takes."""
        return dag_of({name: node.upstream for name, node in self.nodes.items()})


def check(graph: Graph, released: bool = False, needs: bool = True) -> Checked:
    """The graph with every name resolved.

    With `released`, a fit node that has a shipped artifact counts as a load of it, and nodes that only it needs are
    left out. Without `needs`, blocks whose modules are not installed are let pass.

    Raises GraphError with every problem, in the order of the file.
    """
    walk = _Walk(graph, released, needs)
    if walk.problems:  # what would fit is sought among the nodes before, in the file's order
        raise GraphError(_Walk(graph, released, needs, in_order=True).problems, graph.file)
    return Checked(graph, walk.done)


def problems(graph: Graph) -> list[Problem]:
    """What is wrong with those parts of a graph that could be read."""
    return _Walk(graph, False, True, in_order=True).problems


class _Walk:
    """One pass over the nodes, each after what it needs. None stands for what an earlier problem left unknown."""

    def __init__(self, graph: Graph, released: bool, needs: bool, in_order: bool = False):
        self.graph, self.needs, self.blocks = graph, needs, Blocks()
        self.problems: list[Problem] = []
        self.done: dict[str, CheckedNode] = {}
        self.fields: dict[str, dict[str, Field] | None] = {}
        self.rows: dict[str, origins.Branches | None] = {}
        self.joins, self.wiring = Joins(self), Wiring(self)
        self.configs: dict[str, dict | None] = {}  # as written, or as an artifact holds it
        self.nodes = with_released(graph.nodes) if released else dict(graph.nodes)
        links = {name: self.links(node) for name, node in self.nodes.items()}
        order, cycles = visiting_order(links, in_order)
        for loop, place in cycles:
            self.wrong(
                place, f"cycle: each of these nodes waits for the one before it: {' -> '.join([*loop, loop[0]])}"
            )
        for name in order:
            self.visit(self.nodes[name], tuple(dict.fromkeys(target for target, _, _ in links[name])))
        self.other_sizes()
        self.options()
        self.outputs()

    def wrong(self, place: Place, message: str) -> None:
        self.problems.append(Problem(place, message))

    def of(self, name: str) -> str:
        """``mel: g.yaml:3:5``, to point at the other end."""
        return f"({name}: {self.nodes[name].place})"

    def links(self, node: Node) -> list[tuple[str, Place, str]]:
        """The known nodes that a node refers to, with the places; unknown ones and itself are problems."""
        found = []
        for target, place, what, known in references(node):
            if target == node.name:
                self.wrong(place, f"{what}: a node cannot take from itself")
            elif target in self.nodes:
                found.append((target, place, what))
            else:
                names = [name for name, other in self.nodes.items() if other.verb in known and name != node.name]
                self.wrong(place, f"{what}: no node {target!r}{suggest(target, names)}")
        return found

    # ---- one node ----

    def visit(self, node: Node, upstream: tuple[str, ...]) -> None:
        cls = None
        if node.block:
            cls, found = block_of(node, self.blocks, self.needs)
            self.problems += found
        spec, found = spec_of(self.graph, node)
        self.problems += found
        config, whole = self.config(node, cls, spec) if cls else (None, False)
        inputs, output = self.ports(node, cls, spec)
        if config and inputs and not self.broken(node):
            self.problems += balance_problems(node, cls, config, inputs)
            for path, message in cls.check_wiring(config, _wired(node.inputs)):
                if not whole and path[0] not in config.model_fields_set:
                    continue  # perhaps what has been left out says it
                here = ".".join(map(str, (node.name, *path)))
                self.wrong(node.at("config", *path, value=True), f"{here}: {message}")
        if (
            node.scale.audio
            and output
            and not any(getattr(marker(hint), "name", "") == "wave" for hint in output_fields(output).values())
        ):
            self.wrong(node.at("scale", value=True), f"{node.name}.scale.audio: {node.block} makes no audio")
        fields = output and {name: Field(hint, spec) for name, hint in output_fields(output).items()}
        if node.verb in ("fit", "load") and cls:
            fields = {}
        if node.verb == "pick":
            fields = self.picked(node)
        elif node.verb == "union":
            fields = self.pooled(node)
        if node.verb in ("pick", "union") and fields:
            specs = {each.spec for each in fields.values() if differing(each.hint, self.graph.spec, each.spec)}
            spec = specs.pop() if len(specs) == 1 else spec
        self.fields[node.name] = fields
        self.rows[node.name] = self.joins.origin(node)
        groups = self.joins.groups.get(node.name, {})
        self.done[node.name] = CheckedNode(
            node=node,
            cls=cls,
            config=config,
            spec=spec,
            inputs=inputs,
            output=output,
            fields={name: each.hint for name, each in (fields or {}).items()},
            origin=origins.sources(self.rows[node.name] or origins.ONE_ROW),
            upstream=tuple(dict.fromkeys((*upstream, *(by.node for by in groups.values())))),
            groups=groups,
        )

    def config(self, node: Node, cls: type[Block], spec: AudioSpec) -> tuple[BlockConfig | None, bool]:
        """The config, and whether nothing of it had to be left out."""
        if node.verb == "load":
            meta, found = artifact_of(self.graph, node, spec)
            self.problems += found
            self.configs[node.name] = settings = meta and meta.get("config", {})
            self.problems += kept_settings_problems(node, cls, settings or {})
            return None, False
        specs = {name: each.spec for name, each in self.done.items()}
        self.problems += weights_problems(node, cls, spec, self.nodes, specs, self.broken(node))
        self.configs[node.name] = node.config
        inherited = self.configs.get(node.model, {}) if node.model else {}
        if inherited is None:
            return None, False
        config, found = config_of(node, cls, {**inherited, **node.config}, _places(node))
        # What a model's own config has wrong is said at the model.
        self.problems += [each for each, key in found.items() if key in node.config or key not in inherited]
        return config, not found

    def broken(self, node: Node) -> bool:
        return node.name in self.graph.broken

    # ---- ports ----

    def ports(self, node: Node, cls, spec: AudioSpec) -> tuple[type[Schema] | None, type[Schema] | None]:
        """The schemas of a node with a block; its edges are checked on the way."""
        unknown = cls and node.verb == "map" and node.method not in methods(cls)
        if unknown:
            hope = suggest(node.method, methods(cls))
            self.wrong(node.at("method", value=True), f"{node.name}: {node.block} has no method {node.method!r}{hope}")
        if cls is None or unknown:
            for path, edge in (
                node.edges() if node.verb != "pick" else ()
            ):  # those of a pick are taken when it is picked
                self.wiring.take(edge, ".".join((node.name, *path)))
            return None, None
        if node.verb == "load":
            return None, None
        try:
            found = ports(cls, node.verb, node.method if node.verb == "map" else "")
        except TypeError as error:
            self.wrong(node.at(node.verb, value=True), f"{node.name}: {error}")
            return None, None
        if found.inputs:
            self.wiring.wire(node, input_fields(found.inputs), found.inputs, spec)
        return found.inputs, found.output

    # ---- pick and union ----

    def picked(self, node: Node) -> dict[str, Field] | None:
        found = {name: self.wiring.take(edge, f"{node.name}.{name} <- {edge}") for name, edge in node.inputs.items()}
        return None if self.broken(node) or None in found.values() else found

    def pooled(self, node: Node) -> dict[str, Field] | None:
        """The fields of a union: those of its first member, which every other must have too."""
        tables = []
        for number, name in enumerate(node.members):
            other = self.nodes.get(name)
            if other is not None and other.verb in ("fit", "load"):
                message = f"{name} is a {other.verb}, which makes an artifact, not a table"
                self.wrong(node.at("union", number), f"{node.name}: {message} {self.of(name)}")
            elif self.fields.get(name) is not None:
                tables.append((number, name, self.fields[name]))
        for number, name, fields in tables[1:]:
            _, first, wanted = tables[0]
            if unlike := different(first, wanted, name, fields):
                place = node.at("union", number)
                self.wrong(place, f"{node.name}: {first} and {name} have different fields: {unlike} {self.of(name)}")
        complete = len(tables) == len(node.members) and not self.broken(node)
        return tables[0][2] if tables and complete else None

    # ---- sizes ----

    def other_sizes(self) -> None:
        """The values of the sizes that were not chosen."""
        for size, nodes in self.graph.sizes.items():
            for name, values in (nodes if isinstance(nodes, dict) else {}).items():
                done = self.done.get(name)
                if size == self.graph.size or not isinstance(values, dict) or done is None:
                    continue
                node, here = done.node, ("sizes", size, name)
                if (
                    done.cls
                    and "config" in KEYS[node.verb]
                    and (inherited := self.configs.get(node.model, {}) if node.model else {}) is not None
                ):
                    data = {**inherited, **self.graph.unsized.get(name, {}), **values}
                    places = _places_in_size(self.graph, here)
                    found = config_of(node, done.cls, data, places)[1]
                    self.problems += [each for each, key in found.items() if key in values]

    # ---- the command line ----

    def options(self) -> None:
        """Every option of the graph is a setting of one of its nodes."""
        for name, target in self.graph.options.items():
            place = self.graph.at("options", name, value=True)
            (node, key), here = target.split(".")[:2], f"options.{name}"
            cls = self.done[node].cls if node in self.done else None
            if node not in self.graph.nodes:
                self.wrong(place, f"{here}: no node {node!r}{suggest(node, list(self.graph.nodes))}")
            elif "config" not in KEYS.get(verb := self.graph.nodes[node].verb, ("config",)):
                self.wrong(place, f"{here}: {node} is a {verb}, which has no config")
            elif verb == "pick" and key != "limit":
                self.wrong(place, f"{here}: {node} is a pick, which has a limit alone")
            elif cls and key not in cls.Config.model_fields:
                block, known = self.graph.nodes[node].block, list(cls.Config.model_fields)
                self.wrong(place, f"{here}: {block} has no config key {key!r}{suggest(key, known)}")

    def outputs(self) -> None:
        """Every node of which files are written has something to write, below the folder where the run was started."""
        for name, folder in self.graph.outputs.items():
            if Path(folder).is_absolute() or ".." in Path(folder).parts or folder.startswith("~"):
                here = self.graph.at("outputs", name, value=True)
                self.wrong(
                    here, f"outputs.{name}: want a folder below the current one, got {folder!r}; --out may name any"
                )
            place = self.graph.at("outputs", name)
            fields = self.fields.get(name)
            if name not in self.graph.nodes:
                self.wrong(place, f"outputs: no node {name!r}{suggest(name, list(self.graph.nodes))}")
            elif fields is not None and not any(short(each.hint) in SUFFIXES for each in fields.values()):
                self.wrong(place, f"outputs: {name} has neither a wave nor a textgrid {self.of(name)}")


def _wired(inputs: dict) -> dict:
    """What is wired as texts: ``{"scores": {"world": {"STOI": "world_stoi.stoi"}}}``."""
    return {name: _wired(value) if isinstance(value, dict) else str(value) for name, value in inputs.items()}


def _places(node: Node):
    return lambda *keys, value=False: node.at("config", *keys, value=value)


def _places_in_size(graph: Graph, here: tuple[str, ...]):
    return lambda *keys, value=False: graph.at(*here, *keys, value=value)
