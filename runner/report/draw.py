"""A checked graph as SVG, as Mermaid text or as GraphML, made offline. Edge labels are the types of what flows."""

from html import escape
from itertools import pairwise

import networkx as nx

from blocks.arrays import Array, marker
from runner.check import Checked, CheckedNode
from runner.check.edges import short, show
from runner.graph.nodes import Edge, Node
from runner.report.layout import Box, place

States = dict[str, str]  # node -> "cached" or "run"

COLOURS = {  # verb -> fill, line
    "read": ("#e3f4e6", "#2f8547"),
    "map": ("#e6effb", "#3567a8"),
    "expand": ("#e0f4f4", "#1f8285"),
    "fit": ("#ffe9d1", "#c4650a"),
    "load": ("#fff4d6", "#a87a00"),
    "reduce": ("#efe7fa", "#7146b0"),
    "pick": ("#f3f3f3", "#6b6b6b"),
    "union": ("#f3f3f3", "#6b6b6b"),
}
MEANING = {
    "read": "rows from outside",
    "map": "item by item",
    "expand": "new rows",
    "fit": "trains weights",
    "load": "shipped weights",
    "reduce": "one row of all, or of each group",
    "pick": "fields and rows",
    "union": "rows pooled",
}
LINE = 14.0  # height of a label
TURN = 42.0  # half the width in which a line changes its row
_STYLE = """
.vg text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-size:11px;fill:#555}
.vg .name{font-size:13.5px;font-weight:600;fill:#1d1d1f}
.vg .label{font-size:10.5px;fill:#444;paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}
.vg .edge{fill:none;stroke:#8b919b;stroke-width:1.4}
.vg .weights{stroke:#c4650a;stroke-width:2;stroke-dasharray:7 4}
.vg .where{stroke-dasharray:2 4}
.vg .cached .shape{fill:#fff;stroke-dasharray:4 3}
.vg .cached text{fill:#85868a}
"""


def type_label(hint) -> str:
    """``log_mel (frames, mels)``, ``text``, ``float``."""
    mark = marker(hint)
    if not isinstance(mark, Array) or mark.dims == (mark.name,):
        return short(hint)
    return f"{mark.name} ({', '.join(map(str, mark.dims))})"


def flows(checked: Checked) -> dict[tuple[str, str], tuple[str, list[str], list[str]]]:
    """(from, to) -> kind of edge (data, weights or where), its short labels, its full types."""
    found: dict[tuple[str, str], tuple[str, list[str], list[str]]] = {}
    for name, each in checked.nodes.items():
        node = each.node
        for _, edge in node.edges():
            hint = checked.nodes[edge.node].fields[edge.field]
            by = f" by {each.groups[edge.node].field}" if edge.node in each.groups else ""
            _, labels, titles = found.setdefault((edge.node, name), ("data", [], []))
            if type_label(hint) + by not in labels:
                labels.append(type_label(hint) + by)
                titles.append(f"{edge}: {show(hint)}")
        for _, lookup in node.lookups():
            hint = checked.nodes[lookup.row.node].fields[lookup.row.field]
            at = lookup.at.field if isinstance(lookup.at, Edge) else lookup.at.value
            _, labels, titles = found.setdefault((lookup.row.node, name), ("data", [], []))
            labels.append(f"{type_label(hint)} at {at}")
            titles.append(f"{lookup}: {show(hint)}")
        for member in node.members:
            found[member, name] = ("data", ["rows"], [f"all rows of {member}"])
        for target in filter(None, (node.model, node.init)):
            found[target, name] = ("weights", ["weights"], [f"weights of {checked.nodes[target].node.block}"])
        for by in [*([node.by] if node.by else []), *each.groups.values()]:
            found.setdefault((by.node, name), ("where", ["by"], [f"by {by}"]))
        for condition in node.where:
            found.setdefault((condition.edge.node, name), ("where", ["where"], [f"where {condition.edge}"]))
    return {edge: (kind, _few(labels), titles) for edge, (kind, labels, titles) in found.items()}


def graphml(checked: Checked, states: States | None = None) -> str:
    """The graph as GraphML, for other programs: verb, block and state of nodes, kind and types of edges."""
    dag = checked.dag.copy()
    for name, each in checked.nodes.items():
        labels = {"verb": each.node.verb, "block": each.node.block or "", "state": (states or {}).get(name, "")}
        dag.nodes[name].update({key: value for key, value in labels.items() if value})
    for edge, (kind, labels, _) in flows(checked).items():
        dag.edges[edge].update(kind=kind, label=", ".join(labels))
    return "\n".join(nx.generate_graphml(dag)) + "\n"


def _few(labels: list[str]) -> list[str]:
    """At most three lines: many fields between two nodes are named without their axes."""
    return labels if len(labels) <= 3 else [", ".join(label.split(" ")[0] for label in labels)]


def constants(node: Node) -> list[str]:
    """``speaker := allison``, ``embedding := a list of 256``."""
    return [
        f"{path[-1]} := {each.kind() if isinstance(each.value, tuple) else each.value}"
        for path, each in node.constants()
    ]


def conditions(node: Node) -> list[str]:
    """``split = dev``, ``1.5 <= seconds <= 15``."""
    return [_condition(each.edge.field, each.test) for each in node.where]


def _condition(field: str, test) -> str:
    if isinstance(test, tuple):
        return f"{field} in {', '.join(map(str, test))}"
    if not isinstance(test, dict):
        return f"{field} = {test}"
    low = f"{test['min']} ≤ " if "min" in test else ""
    high = f" ≤ {test['max']}" if "max" in test else ""
    parts = [f"{low}{field}{high}"] if low or high else []
    if "not" in test:
        refused = test["not"]
        text = ", ".join(map(str, refused)) if isinstance(refused, tuple) else str(refused)
        parts.append(f"{field} not {text}")
    return " and ".join(parts)


def subtitle(each: CheckedNode) -> str:
    return f"{each.node.verb} {each.node.called}".strip()


# ---- SVG ----


def svg(checked: Checked, states: States | None = None) -> str:
    """The graph as one SVG element that needs nothing from outside; cached nodes are pale where `states` are given."""
    states = states or {}
    edges = flows(checked)
    boxes = {name: _box(each, edges, states.get(name)) for name, each in checked.nodes.items()}
    labelled = [(b, _width(text, 10.5)) for (_, b), (_, labels, _) in edges.items() for text in labels]
    room = {name: 2 * TURN + 22 + max(wide for b, wide in labelled if b == name) for name, _ in labelled}
    routes = place(boxes, list(edges), room)
    width = max(box.x + box.width for box in boxes.values())
    lowest = [y + 6 for points in routes.values() for _, _, y in points]
    height = max([box.y + box.height / 2 for box in boxes.values()] + lowest)
    verbs = [verb for verb in COLOURS if any(each.node.verb == verb for each in checked.nodes.values())]
    legend, legend_width = _legend(verbs, height + 34, "cached" in states.values())
    view = f"-16 -16 {max(width, legend_width) + 32:.0f} {height + 76:.0f}"
    size = view.split()
    parts = [
        f'<svg class="vg" xmlns="http://www.w3.org/2000/svg" viewBox="{view}" width="{size[2]}" height="{size[3]}" '
        f'role="img" aria-label="{escape(f"Graph {checked.graph.name}")}">',
        f"<title>{escape(checked.graph.about or checked.graph.name)}</title><style>{_STYLE}</style>",
        '<defs><marker id="vg-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0.8 L7.4,4 L0,7.2 Z" fill="#8b919b"/></marker></defs>',
        f'<rect x="{size[0]}" y="{size[1]}" width="{size[2]}" height="{size[3]}" fill="#fff"/>',
    ]
    parts += [_edge(kind, routes[edge], titles) for edge, (kind, _, titles) in edges.items()]
    parts += [_node(each, boxes[name], states.get(name)) for name, each in checked.nodes.items()]
    parts += [_labels(labels, routes[edge]) for edge, (_, labels, _) in edges.items()]
    return "\n".join([*parts, legend, "</svg>"])


def _box(each: CheckedNode, edges: dict, state: str | None) -> Box:
    """The size of a node's box, and where on its left side each line enters."""
    name = each.node.name
    lines = _lines(each)
    wide = max(_width(name, 13.5) * 1.07 + (64 if state == "cached" else 0), *(_width(line, 11) for line in lines))
    entering = {a: LINE * len(labels) + 6 for (a, b), (_, labels, _) in edges.items() if b == name}
    height = max(30 + 15 * len(lines) + (6 if each.node.verb == "read" else 0), 8 + sum(entering.values()))
    return Box(wide + 34, height, entering)


def _lines(each: CheckedNode) -> list[str]:
    by = [f"by {each.node.by.field}"] if each.node.by else []
    return [subtitle(each), *by, *constants(each.node), *conditions(each.node)]


def _width(text: str, size: float) -> float:
    return len(text) * size * 0.56


def _shape(verb: str, x: float, y: float, w: float, h: float) -> str:
    """The outline of a node, told apart without colour too."""
    if verb == "read":  # a drum
        top = f"M{x:.1f},{y + 5:.1f} a{w / 2:.1f},5 0 0 1 {w:.1f},0 v{h - 10:.1f} a{w / 2:.1f},5 0 0 1 {-w:.1f},0 Z"
        return top + f" M{x:.1f},{y + 5:.1f} a{w / 2:.1f},5 0 0 0 {w:.1f},0"
    if verb == "fit":  # a hexagon
        d = 11
        return f"M{x + d:.1f},{y:.1f} h{w - 2 * d:.1f} l{d},{h / 2:.1f} l{-d},{h / 2:.1f} h{-(w - 2 * d):.1f} l{-d},{-h / 2:.1f} Z"
    if verb == "load":  # a sheet with a folded corner
        return f"M{x:.1f},{y:.1f} h{w - 12:.1f} l12,12 v{h - 12:.1f} h{-w:.1f} Z M{x + w - 12:.1f},{y:.1f} v12 h12"
    if verb == "reduce":  # everything to one point
        return f"M{x:.1f},{y:.1f} h{w - 14:.1f} l14,{h / 2:.1f} l-14,{h / 2:.1f} h{-(w - 14):.1f} Z"
    if verb == "expand":  # a stack
        front = _rounded(x, y, w - 5, h - 5, 5)
        return front + f" M{x + 5:.1f},{y + h - 5:.1f} v5 h{w - 5:.1f} v{-(h - 5):.1f} h-5"
    return _rounded(x, y, w, h, min(h / 2, 18) if verb in ("pick", "union") else 5)


def _rounded(x: float, y: float, w: float, h: float, r: float) -> str:
    across, down = w - 2 * r, h - 2 * r
    return (
        f"M{x + r:.1f},{y:.1f} h{across:.1f} a{r},{r} 0 0 1 {r},{r} v{down:.1f} a{r},{r} 0 0 1 {-r},{r} "
        f"h{-across:.1f} a{r},{r} 0 0 1 {-r},{-r} v{-down:.1f} a{r},{r} 0 0 1 {r},{-r} Z"
    )


def _node(each: CheckedNode, box: Box, state: str | None) -> str:
    node, lines = each.node, _lines(each)
    fill, line = COLOURS[node.verb]
    top = box.y - box.height / 2
    shape = _shape(node.verb, box.x, top, box.width, box.height)
    first = box.y - (15 * len(lines)) / 2 + (8 if node.verb == "read" else 5)
    title = [subtitle(each), *(f"{name}: {show(hint)}" for name, hint in each.fields.items())]
    parts = [
        f'<g class="{state or "plain"}"><title>{escape(chr(10).join(title))}</title>',
        f'<path class="shape" d="{shape}" fill="{fill}" stroke="{line}" stroke-width="{2.4 if node.verb == "fit" else 1.4}"/>',
        f'<text class="name" x="{box.x + 16:.1f}" y="{first:.1f}">{escape(node.name)}</text>',
    ]
    if state == "cached":
        parts.append(f'<text x="{box.x + box.width - 16:.1f}" y="{first:.1f}" text-anchor="end">✓ cached</text>')
    for n, text in enumerate(lines, 1):
        parts.append(f'<text x="{box.x + 16:.1f}" y="{first + 15 * n:.1f}">{escape(text)}</text>')
    return "".join([*parts, "</g>"])


def _edge(kind: str, points: list, titles: list[str]) -> str:
    """A smooth line: level where it leaves, passes a column and arrives."""
    path = f"M{points[0][1]:.1f},{points[0][2]:.1f}"
    for (_, right, y), (left, beyond, to) in pairwise(points):
        middle, end = right + TURN, right + 2 * TURN  # the turn is made at once, so that labels sit on a level line
        path += f" C{middle:.1f},{y:.1f} {middle:.1f},{to:.1f} {end:.1f},{to:.1f} H{left:.1f}"
        if (left, to) != points[-1][::2]:
            path += f" H{beyond:.1f}"
    title = escape("\n".join(titles))
    return f'<path class="edge {kind}" d="{path}" marker-end="url(#vg-tip)"><title>{title}</title></path>'


def _labels(labels: list[str], points: list) -> str:
    left, _, y = points[-1]
    rows = []
    for n, text in enumerate(reversed(labels)):
        rows.append(
            f'<text class="label" x="{left - 10:.1f}" y="{y - 4 - LINE * n:.1f}" text-anchor="end">{escape(text)}</text>'
        )
    return "".join(rows)


def _legend(verbs: list[str], y: float, cached: bool) -> tuple[str, float]:
    parts, x = [], 0.0
    for verb in verbs:
        fill, line = COLOURS[verb]
        parts.append(f'<path d="{_shape(verb, x, y - 11, 30, 20)}" fill="{fill}" stroke="{line}" stroke-width="1.2"/>')
        text = f"{verb}: {MEANING[verb]}"
        parts.append(f'<text x="{x + 38:.1f}" y="{y + 3:.1f}">{text}</text>')
        x += 38 + _width(text, 11) + 26
    if cached:
        parts.append(f'<g class="cached"><path class="shape" d="{_shape("map", x, y - 11, 30, 20)}" stroke="#3567a8"/>')
        parts.append(f'<text x="{x + 38:.1f}" y="{y + 3:.1f}">✓ in the store</text></g>')
        x += 38 + _width("✓ in the store", 11) + 26
    return "".join(parts), x


# ---- Mermaid ----

_BRACKETS = {
    "read": ("[(", ")]"),
    "map": ("[", "]"),
    "expand": ("[[", "]]"),
    "fit": ("{{", "}}"),
    "load": ("[/", "/]"),
    "reduce": ("[\\", "/]"),
    "pick": ("([", "])"),
    "union": ("([", "])"),
}


def mermaid(checked: Checked, states: States | None = None) -> str:
    """The graph as a Mermaid flowchart."""
    states = states or {}
    lines = ["flowchart LR"]
    for name, each in checked.nodes.items():
        opening, closing = _BRACKETS[each.node.verb]
        text = "<br/>".join([f"<b>{_quoted(name)}</b>", *map(_quoted, _lines(each))])
        lines.append(f'  n_{name}{opening}"{text}"{closing}:::{each.node.verb}')
    for (a, b), (kind, labels, _) in flows(checked).items():
        arrow = "-->" if kind == "data" else "-.->" if kind == "where" else "==>"
        lines.append(f'  n_{a} {arrow}|"{"<br/>".join(map(_quoted, labels))}"| n_{b}')
    for verb, (fill, line) in COLOURS.items():
        if any(each.node.verb == verb for each in checked.nodes.values()):
            wide = 3 if verb == "fit" else 1
            lines.append(f"  classDef {verb} fill:{fill},stroke:{line},stroke-width:{wide}px,color:#1d1d1f")
    if done := [name for name in checked.nodes if states.get(name) == "cached"]:
        lines.append("  classDef cached fill:#fff,stroke-dasharray:4 3,color:#85868a")
        lines.append(f"  class {','.join(f'n_{name}' for name in done)} cached")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return escape(text, quote=False).replace('"', "#quot;")
