"""A graph as it will work: every name resolved, every edge typed, every problem in one report."""

from runner.check.read import read_graph
from runner.check.walk import Checked, CheckedNode, check, problems

__all__ = ["Checked", "CheckedNode", "check", "problems", "read_graph"]
