"""Which node needs which, and the order that follows: that of the file where the graph leaves it free."""

import heapq
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from runner.graph.nodes import Node
from runner.graph.tree import Place


def references(node: Node):
    """(target, place, how it is written, verbs that could stand there) of every name of another node."""
    tables = ("read", "map", "expand", "reduce", "pick", "union")
    for path, edge in node.edges():
        yield edge.node, edge.place, f"{'.'.join((node.name, *path))} <- {edge}", tables
    for condition in node.where:
        yield condition.edge.node, condition.edge.place, f"{node.name}.where {condition.edge}", tables
    for key, target in (("model", node.model), ("init", node.init)):
        if target is not None:
            yield target, node.at(key, value=True), f"{node.name}.{key} <- {target}", ("fit", "load")
    for number, name in enumerate(node.members):
        yield name, node.at("union", number), f"{node.name}.union", tables


def with_released(nodes: dict[str, Node]) -> dict[str, Node]:
    """The nodes with shipped artifacts in the place of training, without those that only the training needs."""

    def above(node):
        return {target for target, *_ in references(node)}

    inner = set().union(*map(above, nodes.values()))
    swapped = {
        name: replace(node, verb="load", path=node.released, inputs={}, where=(), init=None) if node.released else node
        for name, node in nodes.items()
    }
    wanted, waiting = set(), [name for name in nodes if name not in inner]
    while waiting:
        name = waiting.pop()
        if name not in wanted and name in swapped:
            wanted.add(name)
            waiting += above(swapped[name])
    return {name: node for name, node in swapped.items() if name in wanted}


def execution_order(links: dict[str, list]) -> tuple[list[str], list[tuple[list[str], Place]]]:
    """Node names in execution order, and the cycles that had to be cut for it, each with a place.

    `links` maps each node to ``(target, place, ...)`` of the nodes it refers to.
    """
    number = {name: n for n, name in enumerate(links)}
    above = {name: {target for target, *_ in found} for name, found in links.items()}
    cycles = []
    while True:
        sorter = TopologicalSorter(above)
        try:
            sorter.prepare()
            break
        except CycleError as error:
            loop = error.args[1][:-1]  # each feeds the next
            first = min(range(len(loop)), key=lambda i: number[loop[i]])
            loop = loop[first:] + loop[:first]
            cycles.append((loop, next(place for target, place, *_ in links[loop[0]] if target == loop[-1])))
            above[loop[0]].discard(loop[-1])
    ready, order = [], []
    while sorter.is_active():
        for name in sorter.get_ready():
            heapq.heappush(ready, (number[name], name))
        name = heapq.heappop(ready)[1]
        order.append(name)
        sorter.done(name)
    return order, cycles
