"""Checks which rows a node gets: inputs that share no ids, filters that leave none, unions that would hold a row twice."""

from runner.check import origins
from runner.check.settings import condition_problems
from runner.graph.nodes import Edge, Node


class Joins:
    """The part of a walk over a graph (`runner.check.walk`) that follows rows; what it finds goes to the walk."""

    def __init__(self, walk):
        self.walk = walk

    def origin(self, node: Node) -> origins.Branches | None:
        """Where the rows of a node come from; joins and unions that cannot work are problems."""
        if not node.verb:
            return None
        if node.verb in ("read", "expand"):
            if node.verb == "expand":
                self.joined(node)
            return origins.made_by(node.name)
        rows = self.united(node) if node.verb == "union" else self.joined(node)
        if node.verb == "pick" and rows:
            self.shown(node, rows)
        return origins.ONE_ROW if node.verb in ("fit", "load", "reduce") else rows

    def joined(self, node: Node) -> origins.Branches | None:
        """Plain edges are an inner join; those inside dict ports an outer one, hung onto the plain ones where there are."""
        rows, first = origins.ONE_ROW, ""
        nested = [(path, edge) for path, edge in node.edges() if len(path) > 1]
        for path, edge in node.edges():
            if len(path) == 1:
                rows, first = self.meet(f"{node.name}.{path[0]} <- {edge}", rows, first, edge)
        if rows:
            for path, edge in nested:
                self.meet(f"{'.'.join((node.name, *path))} <- {edge}", rows, first, edge)
        elif rows is not None and nested:
            known = [self.walk.rows.get(edge.node) for _, edge in nested]
            rows, first = None if None in known else frozenset().union(*known), str(nested[0][1])
        return self.filter(node, rows, first)

    def shown(self, node: Node, rows: origins.Branches) -> None:
        """A pick copies nothing: every table that it takes a field of must hold each row that it shows."""
        for path, edge in node.edges():
            rows_there = self.walk.rows.get(edge.node)
            if rows_there == origins.ONE_ROW and self.walk.nodes[edge.node].verb not in ("fit", "load"):
                found = f"{edge.node} is one row that joins every row, but a pick shows only fields of its own rows"
                hope = f"wire {edge} to the node that needs it, which gets it with each row"
                here = f"{node.name}.{path[0]} <- {edge}: {found}, those of {_names(rows)}"
                self.walk.wrong(edge.place, f"{here} {self.walk.of(edge.node)}; {hope}")

    def meet(self, here: str, rows: origins.Branches | None, first: str, edge: Edge):
        """The join of `rows` with an edge's, and what the next one is compared with in messages."""
        other = self.walk.rows.get(edge.node)
        if rows is None or other is None:
            return None, first
        if origins.apart(rows, other):
            made = f"its rows are made by {_names(other)}, those of {first} by {_names(rows)}"
            self.walk.wrong(edge.place, f"{here}: shares no ids with {first}: {made}")
            return rows, first
        return origins.join(rows, other), first if rows or not other else str(edge)

    def filter(self, node: Node, rows: origins.Branches | None, first: str) -> origins.Branches | None:
        """`rows` after the node's conditions."""
        for condition in node.where:
            edge = condition.edge
            here = f"{node.name}.where {edge}"
            source = self.walk.take(edge, here)
            if source is not None:
                self.walk.problems += condition_problems(node, condition, source.hint)
            if rows == origins.ONE_ROW and self.walk.rows.get(edge.node):
                self.walk.wrong(
                    edge.place, f"{here}: {node.name} is one row that joins every row; there are none to choose"
                )
                continue
            rows, _ = self.meet(here, rows, first, edge)
            rows = rows and origins.filtered(rows, f"{edge} {condition.test!r}")
        return rows

    def united(self, node: Node) -> origins.Branches | None:
        pooled: list[tuple[str, origins.Branches]] = []
        for number, name in enumerate(node.members):
            rows, place = self.walk.rows.get(name), node.at("union", number)
            if rows is None or self.walk.nodes[name].verb in ("fit", "load"):
                return None
            if not rows:
                self.walk.wrong(
                    place, f"{node.name}: {name} is one row that joins every row, not rows to pool {self.walk.of(name)}"
                )
            for other, before in pooled:
                if source := origins.doubled(before, rows):
                    message = f"the ids of {source} would stand in it twice, by {other} and by {name}"
                    self.walk.wrong(place, f"{node.name}: {message}; pool tables that share no rows")
            pooled.append((name, rows))
        return frozenset().union(*(rows for _, rows in pooled)) if node.members else None


def _names(rows: origins.Branches) -> str:
    return " and ".join(sorted(origins.sources(rows)))
