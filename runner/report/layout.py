"""Layered layout of a directed graph from left to right: columns by longest path, few crossings, straight lines.

The steps are those of Sugiyama, Tagawa and Toda (1981); rows are placed by isotonic least squares.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import networkx as nx

BEND = 14.0  # height kept free for a line that passes a column
GAP = 26.0  # between two boxes of a column


@dataclass
class Box:
    """Something to place: a node, or a bend of a line that passes its column."""

    width: float
    height: float
    entries: dict[str, float] = field(default_factory=dict)  # source -> height that its line and labels take
    ports: dict[str, float] = field(default_factory=dict)  # source -> how far below the middle its line enters
    x: float = 0.0  # left
    y: float = 0.0  # middle
    column: int = 0


def place(boxes: dict[str, Box], edges: list[tuple[str, str]], room: dict[str, float]) -> dict[tuple[str, str], list]:
    """Set x, y and column of every box; the points that each edge passes through, from box to box.

    `boxes` stand in an order in which every edge leads forward; `room` is the width wanted left of a box for labels.
    """
    _columns(boxes, edges)
    layers, chains = _bends(boxes, edges)
    above, below = defaultdict(list), defaultdict(list)
    for chain in chains.values():
        for a, b in pairwise(chain):
            above[b].append(a)
            below[a].append(b)
    everything = {key: box for layer in layers for key, box in layer.items()}
    orders = _order([list(layer) for layer in layers], above, below)
    _rows(orders, everything, above, below)
    for key in boxes:
        _enter(everything[key], {a if isinstance(a, str) else a[0]: everything[a].y for a in above[key]})
    _rows(orders, everything, above, below)
    left = 0.0
    for order in orders:
        left += max((room.get(key, 0.0) for key in order if isinstance(key, str)), default=0.0)
        wide = max(everything[key].width for key in order)
        for key in order:
            everything[key].x, everything[key].width = left, wide
        left += wide
    top = min(box.y - box.height / 2 for box in everything.values())
    for box in everything.values():
        box.y -= top
    return {edge: [_point(everything, key, edge) for key in chain] for edge, chain in chains.items()}


def _enter(box: Box, heights: dict[str, float]) -> None:
    """Lines enter a box in the order in which they come from above, so that they do not cross in front of it."""
    at = -sum(box.entries.values()) / 2
    for source in sorted(box.entries, key=heights.get):
        at += box.entries[source]
        box.ports[source] = at - 6


def _columns(boxes: dict[str, Box], edges: list[tuple[str, str]]) -> None:
    into, out = defaultdict(list), defaultdict(list)
    for a, b in edges:
        into[b].append(a)
        out[a].append(b)
    dag = nx.DiGraph(edges)
    dag.add_nodes_from(boxes)
    for column, names in enumerate(nx.topological_generations(dag)):
        for name in names:
            boxes[name].column = column
    for name in reversed(boxes):  # as far right as possible, where that shortens lines
        if out[name] and len(into[name]) < len(out[name]):
            boxes[name].column = min(boxes[b].column for b in out[name]) - 1


def _bends(boxes: dict[str, Box], edges: list[tuple[str, str]]):
    layers: list[dict] = [{} for _ in range(1 + max(box.column for box in boxes.values()))]
    for name, box in boxes.items():
        layers[box.column][name] = box
    chains = {}
    for a, b in edges:
        chain = [a]
        for column in range(boxes[a].column + 1, boxes[b].column):
            layers[column][(a, b, column)] = Box(0.0, BEND, column=column)
            chain.append((a, b, column))
        chains[a, b] = [*chain, b]
    return layers, chains


def _order(orders: list[list], above, below) -> list[list]:
    """Each column sorted by where its neighbours stand; of some sweeps the one with the fewest crossings."""
    best, fewest = [list(order) for order in orders], _crossings(orders, below)
    for sweep in range(12):
        near, way = (above, range(1, len(orders))) if sweep % 2 == 0 else (below, range(len(orders) - 2, -1, -1))
        for n in way:
            rank = {key: i for order in orders for i, key in enumerate(order)}
            now = {key: i for i, key in enumerate(orders[n])}
            orders[n].sort(key=lambda key: _mean([rank[other] for other in near[key]], now[key]))
        if (crossings := _crossings(orders, below)) < fewest:
            best, fewest = [list(order) for order in orders], crossings
    return best


def _crossings(orders: list[list], below) -> int:
    total = 0
    for left, right in pairwise(orders):
        rank = {key: i for i, key in enumerate(right)}
        ends = [rank[b] for a in left for b in sorted(below[a], key=rank.get)]
        total += sum(x > y for i, x in enumerate(ends) for y in ends[i + 1 :])
    return total


def _rows(orders: list[list], boxes: dict, above, below) -> None:
    """The middles of all boxes: near their neighbours, in order, without touching."""
    for order in orders:
        _settle(order, boxes, [0.0] * len(order))
    for sweep in range(24):
        for order in orders if sweep % 2 == 0 else reversed(orders):
            wanted = []
            for key in order:
                box = boxes[key]
                pulls = [boxes[a].y - box.ports.get(a if isinstance(a, str) else a[0], 0.0) for a in above[key]]
                for b in below[key]:
                    source = key if isinstance(key, str) else key[0]
                    pulls.append(boxes[b].y + boxes[b].ports.get(source, 0.0))
                wanted.append(_mean(pulls, box.y))
            _settle(order, boxes, wanted)


def _settle(order: list, boxes: dict, wanted: list[float]) -> None:
    """The places nearest to `wanted` (least squares) that keep the order and the gaps: pool adjacent violators."""
    offsets, reach = [], 0.0
    for i, key in enumerate(order):
        if i:
            bends = isinstance(key, tuple) and isinstance(order[i - 1], tuple)
            reach += (boxes[order[i - 1]].height + boxes[key].height) / 2 + (2 if bends else GAP)
        offsets.append(reach)
    pools: list[list[float]] = []  # sum, count
    for want, offset in zip(wanted, offsets):
        pools.append([want - offset, 1])
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] > pools[-1][0] / pools[-1][1]:
            total, count = pools.pop()
            pools[-1][0] += total
            pools[-1][1] += count
    level = [total / count for total, count in pools for _ in range(int(count))]
    for key, base, offset in zip(order, level, offsets):
        boxes[key].y = base + offset


def _point(boxes: dict, key, edge: tuple[str, str]) -> tuple[float, float, float]:
    """(left, right, y) where a line meets a box or passes a column."""
    box = boxes[key]
    y = box.y + (box.ports.get(edge[0], 0.0) if key == edge[1] else 0.0)
    return box.x, box.x + box.width, y


def _mean(values: list[float], default: float) -> float:
    return sum(values) / len(values) if values else default
