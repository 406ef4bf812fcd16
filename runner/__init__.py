"""Reads a graph, checks it, plans it and runs it: in process by default."""
