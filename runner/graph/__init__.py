"""A graph as written: YAML -> objects that know their place in the file."""

from runner.graph.nodes import Condition, Constant, Edge, Graph, Lookup, Node, Scale
from runner.graph.read import parse_graph
from runner.graph.tree import GraphError, Place, Problem

__all__ = [
    "Condition",
    "Constant",
    "Edge",
    "Graph",
    "GraphError",
    "Lookup",
    "Node",
    "Place",
    "Problem",
    "Scale",
    "parse_graph",
]
