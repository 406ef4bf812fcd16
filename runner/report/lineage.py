"""Whose wave is in a column: reads a run's record to tell copies (`pick`, `union`) from originals, and to follow a
score, a mel or a pitch curve back to the recording it is about."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from runner.graph.nodes import CONSTANT, LOOKUP

Column = tuple[str, str]  # node, field


@dataclass(frozen=True)
class System:
    """A wave column and its copies: one thing to listen to."""

    head: Column
    columns: tuple[Column, ...]  # the originals first
    name: str


@dataclass
class Lineage:
    """`record` as `runner.run.record` makes it. Nodes come in execution order there, so that sources precede their users."""

    record: dict
    nodes: dict[str, dict] = field(init=False)

    def __post_init__(self):
        self.nodes = self.record["nodes"]

    @cached_property
    def heads(self) -> dict[Column, Column]:
        """Every column's original; a union of several originals is an original itself, and they are copies of it."""
        heads: dict[Column, Column] = {}
        for node, about in self.nodes.items():
            for name in about["fields"]:
                column = (node, name)
                found = {heads[source] for source in self.copied(column) if source in heads}
                heads[column] = next(iter(found)) if len(found) == 1 else column
                if len(found) > 1:
                    heads.update({other: column for other, head in heads.items() if head in found})
        return heads

    def copied(self, column: Column) -> list[Column]:
        """The columns it shows unchanged."""
        node, name = column
        about = self.nodes[node]
        if about["verb"] == "pick":
            return [source for field, source in edges(about["inputs"]) if field == name]
        if about["verb"] == "union":
            members = self.record["source"]["nodes"][node]["union"]
            return [(member, name) for member in members if name in self.nodes.get(member, {}).get("fields", ())]
        return []

    def of_type(self, kind: str) -> dict[Column, list[Column]]:
        """Columns of one type, by their originals."""
        found: dict[Column, list[Column]] = {}
        for column, head in self.heads.items():
            if self.type_of(column) == kind:
                found.setdefault(head, []).append(column)
        return {head: sorted(columns, key=lambda c: bool(self.copied(c))) for head, columns in found.items()}

    def type_of(self, column: Column) -> str:
        return self.nodes[column[0]]["fields"][column[1]]

    @cached_property
    def systems(self) -> list[System]:
        """Everything one can listen to, in execution order, under the names that score tables use for it."""
        waves = self.of_type("wave")
        filed: dict[Column, set[str]] = {}
        for _, system, _, column in self.scored:
            filed.setdefault(self.judged_wave(column[0]), set()).add(system)
        given = {head: names.pop() for head, names in filed.items() if len(names) == 1}
        names = {head: given.get(head) or self._plain_name(head, waves) for head in waves}
        unique = {name for name in names.values() if list(names.values()).count(name) == 1}
        return [
            System(head, tuple(columns), names[head] if names[head] in unique else ".".join(head))
            for head, columns in waves.items()
        ]

    def _plain_name(self, head: Column, waves: dict) -> str:
        return head[0] if sum(node == head[0] for node, _ in waves) == 1 else ".".join(head)

    @cached_property
    def scored(self) -> list[tuple[str, str, str, Column]]:
        """(table node, system, metric, column) of every score that a reduce node is given as ``{system: {metric: column}}``."""
        return [
            (node, system, metric, column)
            for node, about in self.nodes.items()
            if about["verb"] == "reduce"
            for port in about["inputs"].values()
            if isinstance(port, dict)
            for system, metrics in port.items()
            if isinstance(metrics, dict)
            for metric, column in edges(metrics)
        ]

    def judged_wave(self, node: str) -> Column | None:
        """The wave that a node's result is about: what it calls `prediction`, else the latest one it was made from."""
        inputs = list(edges(self.nodes[node]["inputs"]))
        judged = [column for name, column in inputs if name.startswith("prediction")] or [
            column for _, column in inputs
        ]
        found = set().union(*map(self._waves, judged))
        return max(found, key=list(self.heads).index, default=None)

    def made_from(self, head: Column, kind: str) -> Column | None:
        """A mapped column of that type that was made from this wave alone; extractors of features come first."""
        found = [
            column
            for column in self.heads
            if self.type_of(column) == kind
            and self.nodes[column[0]]["verb"] == "map"
            and self._only_from(column[0], head)
        ]
        return min(found, key=lambda c: not self.nodes[c[0]]["block"].startswith("features."), default=None)

    def compared(self, head: Column, kind: str) -> Column | None:
        """What a metric holds a result of this wave against: the `reference` beside its `prediction`, both of this type."""
        for node, about in self.nodes.items():
            ports = dict(edges(about["inputs"]))
            columns = ports.get("prediction"), ports.get("reference")
            if all(c in self.heads and self.type_of(c) == kind for c in columns) and self.judged_wave(node) == head:
                return columns[1]
        return None

    def spoken(self, head: Column) -> tuple[Column, Column] | None:
        """The phones that a wave was made of, and how long each lasts: the nearest before it that are known."""
        near, met = [head[0]], set()
        while near:
            node = near.pop(0)
            ports = dict(edges(self.nodes[node]["inputs"]))
            made = (
                (node, "durations")
                if self.nodes[node]["fields"].get("durations") == "durations"
                else ports.get("durations")
            )
            if made in self.heads and ports.get("phones") in self.heads:
                return ports["phones"], made
            met.add(node)
            near += [above for above, _ in ports.values() if above in self.nodes and above not in met]
        return None

    def _only_from(self, node: str, head: Column) -> bool:
        return {self.heads.get(column) for _, column in edges(self.nodes[node]["inputs"])} == {head}

    def _waves(self, column: Column) -> set[Column]:
        if column not in self.heads:
            return set()  # outside this run's slice
        if self.type_of(column) == "wave":
            return {self.heads[column]}
        above = self.copied(column) or [source for _, source in edges(self.nodes[column[0]]["inputs"])]
        return set().union(*map(self._waves, above))


def edges(inputs: dict) -> Iterator[tuple[str, Column]]:
    """(field, column) of every edge, nested ones too."""
    for name, source in inputs.items():
        if isinstance(source, dict) and source.keys() == LOOKUP:
            yield from edges({name: source["row"]})
        elif isinstance(source, dict):
            yield from () if source.keys() == CONSTANT else edges(source)
        else:
            node, _, column = source.partition(".")
            yield name, (node, column)
