"""Blocks that exist to be measured; the benchmarks put this folder's parent on the path of `blocks`."""
