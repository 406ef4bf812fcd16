"""Checks which rows a node gets: inputs that share no ids, filters that leave none, unions that would hold a row twice."""

from runner.check import origins
from runner.check.edges import base, show
from runner.check.settings import condition_problems
from runner.graph.nodes import Edge, Node


class Joins:
    """The part of a walk over a graph (`runner.check.walk`) that follows rows; what it finds goes to the walk."""

    def __init__(self, walk):
        self.walk = walk
        self.groups: dict[str, dict[str, Edge]] = {}  # node -> tables of groups it reads -> what tells a row's group
        self.named: dict[str, Edge] = {}  # origin of rows that are groups -> the field whose values are their ids

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
        if node.by:
            return self.grouped(node, rows)
        return origins.ONE_ROW if node.verb in ("fit", "load", "reduce") else rows

    # ---- groups ----

    def grouped(self, node: Node, rows: origins.Branches | None) -> origins.Branches | None:
        """The rows of a reduce with `by`: one a group, whose id is the value that its rows have in common."""
        here = f"{node.name}.by <- {node.by}"
        source = self.walk.wiring.take(node.by, here)
        if source is not None and base(source.hint) is not str:
            want = "wants a text in every row, which becomes the id of its group"
            self.walk.wrong(
                node.by.place, f"{here}: {want}, but {node.by} is {show(source.hint)} {self.walk.of(node.by.node)}"
            )
        if source is None or rows is None:
            return None
        column = self.column(node.by)
        self.named[str(column)] = column
        return frozenset({(str(column), frozenset().union(*(passed for _, passed in rows)))})

    def column(self, edge: Edge) -> Edge:
        """The field that an edge shows, through picks: two reduces by it have the same groups."""
        node = self.walk.nodes[edge.node]
        while node.verb == "pick" and edge.field in node.inputs:
            edge = node.inputs[edge.field]
            node = self.walk.nodes[edge.node]
        return edge

    def by(self, table: str) -> Edge | None:
        """The field whose values are the ids of a table, where its rows are groups."""
        found = origins.sources(self.walk.rows.get(table) or origins.ONE_ROW)
        return self.named.get(*found) if len(found) == 1 else None

    def of_groups(self, node: Node) -> dict[str, Edge]:
        """The tables that join each row by its group: those of groups, where other plain inputs have rows of their own."""

        def has_rows(edge):
            return self.walk.rows.get(edge.node) != origins.ONE_ROW

        wired = [(path, edge) for path, edge in node.edges() if has_rows(edge)]
        plain = [edge for path, edge in wired if len(path) == 1] or [edge for _, edge in wired]
        if all(self.by(edge.node) for edge in plain):
            return {}
        return {name: by for name in node.tables() if (by := self.by(name))}

    # ---- joins ----

    def joined(self, node: Node) -> origins.Branches | None:
        """Plain edges are an inner join; those inside dict ports an outer one, hung onto the plain ones where there are."""
        rows, first = origins.ONE_ROW, ""
        self.groups[node.name] = self.of_groups(node)
        nested = [(path, edge) for path, edge in node.edges() if len(path) > 1]
        for path, edge in node.edges():
            if len(path) == 1:
                rows, first = self.meet(f"{node.name}.{path[0]} <- {edge}", rows, first, edge, node)
        if rows:
            for path, edge in nested:
                self.meet(f"{'.'.join((node.name, *path))} <- {edge}", rows, first, edge, node)
        elif rows is not None and nested:
            own = [edge for _, edge in nested if edge.node not in self.groups[node.name]]
            known = [self.walk.rows.get(edge.node) for edge in own]
            rows, first = None if None in known else frozenset().union(*known), str(own[0])
            for path, edge in nested:
                if edge not in own:
                    self.meet(f"{'.'.join((node.name, *path))} <- {edge}", rows, first, edge, node)
        if node.by and rows == origins.ONE_ROW:
            message = f"{node.name} is given one row that joins every row; there are none to group"
            self.walk.wrong(node.by.place, f"{node.name}.by <- {node.by}: {message}")
        elif node.by:
            rows, first = self.meet(f"{node.name}.by <- {node.by}", rows, first, node.by, node)
        return self.filter(node, rows, first)

    def shown(self, node: Node, rows: origins.Branches) -> None:
        """A pick copies nothing: every table that it takes a field of must hold each row that it shows."""
        for path, edge in node.edges():
            rows_there = self.walk.rows.get(edge.node)
            by = self.groups[node.name].get(edge.node)
            if by or (rows_there == origins.ONE_ROW and self.walk.nodes[edge.node].verb not in ("fit", "load")):
                many = f"has one row for each group by {by}" if by else "is one row that joins every row"
                found = f"{edge.node} {many}, but a pick shows only fields of its own rows"
                hope = f"wire {edge} to the node that needs it, which gets it with each row"
                here = f"{node.name}.{path[0]} <- {edge}: {found}, those of {_names(rows)}"
                self.walk.wrong(edge.place, f"{here} {self.walk.of(edge.node)}; {hope}")

    def meet(self, here: str, rows: origins.Branches | None, first: str, edge: Edge, node: Node):
        """The join of `rows` with an edge's, and what the next one is compared with in messages."""
        by = self.groups[node.name].get(edge.node)
        other = self.walk.rows.get(by.node if by else edge.node)
        if rows is None or other is None:
            return None, first
        if origins.apart(rows, other) and by:
            made = f"{edge.node} has one row for each group by {by}, which shares no ids with {first}"
            at = self.group_field(node, by) or "node.field"
            hope = f"{{row: {edge}, at: {at}}} takes that of the group which a row names"
            self.walk.wrong(edge.place, f"{here}: {made}, whose rows are made by {_names(rows)}; {hope}")
            return rows, first
        if origins.apart(rows, other):
            made = f"its rows are made by {_names(other)}, those of {first} by {_names(rows)}"
            self.walk.wrong(edge.place, f"{here}: shares no ids with {first}: {made}")
            return rows, first
        return origins.join(rows, other), first if rows or not other else str(edge)

    def group_field(self, node: Node, by: Edge) -> str | None:
        """A field of the node's own rows that names a group."""
        hint = self.walk.fields[by.node][by.field].hint
        own = [name for name in node.tables() if name not in self.groups[node.name]]
        return self.walk.wiring.candidate(node, by.field, hint, self.walk.graph.spec, own)

    def filter(self, node: Node, rows: origins.Branches | None, first: str) -> origins.Branches | None:
        """`rows` after the node's conditions."""
        for condition in node.where:
            edge = condition.edge
            here = f"{node.name}.where {edge}"
            source = self.walk.wiring.take(edge, here)
            if source is not None:
                self.walk.problems += condition_problems(node, condition, source.hint)
            if rows == origins.ONE_ROW and self.walk.rows.get(edge.node):
                self.walk.wrong(
                    edge.place, f"{here}: {node.name} is one row that joins every row; there are none to choose"
                )
                continue
            rows, _ = self.meet(here, rows, first, edge, node)
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
    return " and ".join(f"the groups of {each}" if "." in each else each for each in sorted(origins.sources(rows)))
