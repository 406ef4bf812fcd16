"""What is wired to each port: whether it is there, what it holds, and what would fit in its place."""

from typing import Any, get_args, get_origin

from blocks.arrays import marker
from blocks.base import Schema
from blocks.load import nearest, suggest
from blocks.spec import AudioSpec
from runner.check import origins
from runner.check.constants import constant_problem
from runner.check.edges import Field, arms, at, base, differing, fits, met, show
from runner.graph.nodes import LOOKUP, Constant, Edge, Lookup, Node


class Wiring:
    """Of a walk over a graph, which it tells of problems: see `runner.check.walk`."""

    def __init__(self, walk):
        self.walk = walk

    def wire(self, node: Node, known: dict[str, Any], schema: type[Schema], spec: AudioSpec) -> None:
        for name, value in node.inputs.items():
            if name in known:
                self.connect(node, (name,), value, known[name], spec)
            elif name == "id" and "id" in schema.model_fields:
                self.walk.wrong(
                    node.at("in", name), f"{node.name}.id: the row's id is filled in by itself; leave it out"
                )
            else:
                self.walk.wrong(
                    node.at("in", name), f"{node.name}: {node.called} has no input {name!r}{suggest(name, list(known))}"
                )
                for path, edge in node.edges():  # may be misspelt, too
                    if path[0] == name:
                        self.take(edge, f"{'.'.join((node.name, *path))} <- {edge}")
        if self.walk.broken(node):
            return
        hinted: list[str] = []
        for name, hint in known.items():
            if name not in node.inputs and schema.model_fields[name].is_required():
                like = self.candidate(node, name, hint, spec, beside=hinted)
                hinted += [like] if like else []
                hope = f"; {like} would fit" if like else ""
                self.walk.wrong(node.at("in"), f"{node.name}: input {name} is missing: {show(hint)}{hope}")
        if not node.inputs and not any(schema.model_fields[name].is_required() for name in known):
            self.walk.wrong(node.at("in"), f"{node.name}: no input is wired; there is {', '.join(known)}")
        if (node.constants() or node.lookups()) and not node.edges():
            self.walk.wrong(
                node.at("in"), f"{node.name}: every input is a constant, so there are no rows; wire a field to one"
            )

    def connect(self, node: Node, path: tuple[str, ...], value, hint, spec: AudioSpec) -> None:
        """One port and what is wired to it; a mapping goes into a dict port name by name."""
        here = ".".join((node.name, *path))
        inner = next((get_args(arm)[1] for arm in arms(hint) if get_origin(arm) is dict), None)
        if isinstance(value, dict):
            if inner is None:
                half = value and value.keys() < LOOKUP
                hope = "; a field of another row wants both, {row: node.field, at: node.field}" if half else ""
                message = f"{here}: wants one edge of {show(hint)}, got a mapping of names to edges{hope}"
                self.walk.wrong(node.at("in", *path), message)
            elif not value and not self.walk.broken(node):
                self.walk.wrong(
                    node.at("in", *path, value=True), f"{here}: wants names with edges of {show(inner)}, got none"
                )
            for name, each in value.items() if inner is not None else ():
                self.connect(node, (*path, name), each, inner, spec)
            return
        here = f"{here} <- {value}"
        if isinstance(value, Constant):
            if inner is not None:
                self.walk.wrong(
                    value.place, f"{here}: wants a mapping of names to edges of {show(inner)}, got a constant"
                )
            elif problem := constant_problem(hint, value.value):
                self.walk.wrong(value.place, f"{here}: {problem}")
            return
        if isinstance(value, Lookup):
            self.named_row(node, value, here)
            value = value.row
        source = self.take(value, here)
        if source is None:
            return
        if inner is not None and not any(get_origin(arm) is dict for arm in arms(source.hint)):
            self.walk.wrong(value.place, f"{here}: wants a mapping of names to edges of {show(inner)}, got one edge")
        elif not fits(hint, source.hint):
            self.mismatch(node, here, path[-1], value, hint, source, spec)
        elif names := differing(met(hint, source.hint), spec, source.spec):
            ours, theirs = at(spec, names), at(source.spec, names)
            self.walk.wrong(
                value.place,
                f"{here}: wants {ours}, but {value} has {theirs} {self.walk.of(value.node)}"
                + self.instead(node, path[-1], value, hint, spec),
            )

    def named_row(self, node: Node, lookup: Lookup, here: str) -> None:
        """What tells the other row is a text in every row, and there are rows to tell apart."""
        table, at = lookup.row.node, lookup.at
        if self.walk.rows.get(table) == origins.ONE_ROW and self.walk.nodes[table].verb not in ("fit", "load"):
            message = f"{here}: {table} is one row that joins every row; wire {lookup.row} itself"
            self.walk.wrong(lookup.row.place, f"{message} {self.walk.of(table)}")
        by = self.walk.joins.by(table)  # its ids are the values of this field, if they are those of groups
        hint = self.walk.fields[by.node][by.field].hint if by else str
        want = f"{here}: at wants a text in every row, the id of one of {table}"
        want += f", which are named by {by} ({show(hint)})" if by else ""
        if isinstance(at, Constant):
            if constant_problem(hint, at.value):
                self.walk.wrong(at.place, f"{want}, got {at.kind()}")
        elif (source := self.take(at, here)) and not (fits(hint, source.hint) if by else base(source.hint) is str):
            self.walk.wrong(at.place, f"{want}, but {at} is {show(source.hint)} {self.walk.of(at.node)}")

    def mismatch(self, node: Node, here: str, port: str, edge: Edge, hint, source: Field, spec: AudioSpec) -> None:
        hope = self.instead(node, port, edge, hint, spec)
        none = type(None)
        if none in arms(source.hint) and any(fits(hint, arm) for arm in arms(source.hint) if arm is not none):
            message = f"wants {show(hint)} in every row, but {edge} may be missing"
        else:
            message = f"wants {show(hint)}, but {edge} is {show(source.hint)}"
        self.walk.wrong(edge.place, f"{here}: {message} {self.walk.of(edge.node)}{hope}")

    def take(self, edge: Edge, here: str) -> Field | None:
        """The field an edge names, or None where it has none or a problem hides it."""
        other = self.walk.nodes.get(edge.node)
        if other is None:
            # Said where links are looked at; a field that the likely node lacks is a second problem.
            likely = nearest(edge.node, [name for name, fields in self.walk.fields.items() if fields])
            if likely and edge.field not in self.walk.fields[likely]:
                self.take(Edge(likely, edge.field, edge.place), here)
            return None
        if other.verb in ("fit", "load"):
            message = (
                f"{edge.node} is a {other.verb}, which makes an artifact, not a table; name it as the model: of a map"
            )
            self.walk.wrong(
                edge.place, f"{here}: {message} of {other.block} and take from that {self.walk.of(edge.node)}"
            )
            return None
        fields = self.walk.fields.get(edge.node)
        if fields is None or edge.field in fields:
            return fields and fields[edge.field]
        message = f"{edge.node} has no field {edge.field!r}{suggest(edge.field, list(fields))}"
        self.walk.wrong(edge.place, f"{here}: {message} {self.walk.of(edge.node)}")
        return None

    def instead(self, node: Node, port: str, edge: Edge, hint, spec: AudioSpec) -> str:
        """What could be wired in the place of an edge that does not fit."""
        if same := self.candidate(node, port, hint, spec, [edge.node]):
            return f"; {same} would fit"
        other = self.candidate(node, port, hint, spec)
        return f"; {edge.node} has no such field, {other} would fit" if other else ""

    def candidate(self, node: Node, port: str, hint, spec: AudioSpec, among=None, beside=()) -> str | None:
        """A field upstream that would fit a port; one of the same name before others, what is compared already last."""
        wired = [self.copied(edge) for path, edge in node.edges() if path[0] != port]
        wired += [self.copied(Edge(*each.split("."), node.place)) for each in beside]
        found = [
            (self.copied(Edge(other, name, node.place)) in wired, name != port, f"{other}.{name}")
            for other in among or self.walk.done
            if other in self.walk.done and other != node.name
            for name, each in (self.walk.fields[other] or {}).items()
            if fits(hint, each.hint)
            and (marker(hint) or not marker(each.hint))
            and not differing(met(hint, each.hint), spec, each.spec)
        ]
        return min(found, key=lambda each: each[:2])[2] if found else None

    def copied(self, edge: Edge) -> str:
        """The field that an edge shows, through any picks."""
        while (other := self.walk.nodes.get(edge.node)) and other.verb == "pick" and edge.field in other.inputs:
            edge = other.inputs[edge.field]
        return str(edge)
