"""Which node needs which, and the order that follows: that of the file where the graph leaves it free.

networkx holds the DAG. Its import is a fifth of a check, so it is left until something is asked of the DAG; a check of a sound graph
asks nothing: it visits the nodes in any order in which each comes after what it needs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from runner.graph.nodes import Node
from runner.graph.tree import Place

if TYPE_CHECKING:
    import networkx as nx


def references(node: Node):
    """(target, place, how it is written, verbs that could stand there) of every name of another node."""
    tables = ("read", "map", "expand", "reduce", "pick", "union")
    for path, edge in node.edges():
        yield edge.node, edge.place, f"{'.'.join((node.name, *path))} <- {edge}", tables
    for path, lookup in node.lookups():
        yield lookup.row.node, lookup.row.place, f"{'.'.join((node.name, *path))} <- {lookup}", tables
    if node.by:
        yield node.by.node, node.by.place, f"{node.name}.by <- {node.by}", tables
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

    swapped = {
        name: replace(node, verb="load", path=node.released, inputs={}, where=(), init=None) if node.released else node
        for name, node in nodes.items()
    }
    inner = set().union(*map(above, nodes.values()))
    dag = dag_of({name: above(node) & swapped.keys() for name, node in swapped.items()})
    wanted = needed_for(dag, [name for name in nodes if name not in inner])
    return {name: node for name, node in swapped.items() if name in wanted}


def dag_of(upstream: Mapping[str, Iterable[str]]) -> "nx.DiGraph":
    """The nodes in the order given, each edge from what makes to what takes."""
    import networkx as nx

    dag = nx.DiGraph()
    dag.add_nodes_from(upstream)
    dag.add_edges_from((source, name) for name, sources in upstream.items() for source in sources)
    return dag


def needed_for(dag: "nx.DiGraph", ends: Iterable[str]) -> set[str]:
    """The ends and all that they need."""
    import networkx as nx

    return set(ends).union(*(nx.ancestors(dag, end) for end in ends))


def visiting_order(links: dict[str, list], in_order: bool) -> tuple[list[str], list[tuple[list[str], Place]]]:
    """Node names, each after what it needs, `in_order` as they will run, and the cycles that had to be cut for it, each with a place.

    `links` maps each node to ``(target, place, ...)`` of the nodes it refers to.
    """
    needs = {name: [target for target, *_ in found] for name, found in links.items()}
    try:
        order = list(TopologicalSorter(needs).static_order())
        return in_file_order(needs, needs) if in_order else order, []
    except CycleError:
        return _cut_cycles(needs, links)


def in_file_order(needs: Mapping[str, Iterable[str]], file: Iterable[str]) -> list[str]:
    """The execution order: of the nodes that could be next, the first in the file is."""
    import networkx as nx

    return list(nx.lexicographical_topological_sort(dag_of(needs), key=list(file).index))


def _cut_cycles(needs: dict[str, list[str]], links: dict[str, list]) -> tuple[list[str], list[tuple[list[str], Place]]]:
    import networkx as nx

    number = {name: n for n, name in enumerate(needs)}
    dag = dag_of(needs)
    cycles = []
    while not nx.is_directed_acyclic_graph(dag):
        loop = [source for source, _ in nx.find_cycle(dag)]  # each feeds the next
        first = min(range(len(loop)), key=lambda i: number[loop[i]])
        loop = loop[first:] + loop[:first]
        cycles.append((loop, next(place for target, place, *_ in links[loop[0]] if target == loop[-1])))
        dag.remove_edge(loop[-1], loop[0])
    return in_file_order({name: list(dag.predecessors(name)) for name in needs}, needs), cycles
