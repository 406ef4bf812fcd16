"""Reading a graph so that one report holds every problem: those of its text, and those of what could be read."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.check.walk import problems
from runner.graph import Graph, GraphError, parse_graph


def read_graph(
    path: str | Path, sets: Sequence[str] = (), size: str | None = None, options: Mapping[str, str | None] | None = None
) -> Graph:
    """`runner.graph.parse_graph`. Raises GraphError with every problem, also those that `check` would find."""
    try:
        return parse_graph(path, sets, size, options)
    except GraphError as error:
        if error.graph is None:
            raise
        raise GraphError(error.problems + problems(error.graph), error.file, error.graph) from None
