"""A graph as written: YAML -> objects that know their place in the file."""

from runner.graph.nodes import Condition, Constant, Edge, Graph, Node, Scale
from runner.graph.read import parse_graph
from runner.graph.tree import GraphError, Place, Problem

__all__ = ["Condition", "Constant", "Edge", "Graph", "GraphError", "Node", "Place", "Problem", "Scale", "parse_graph"]
