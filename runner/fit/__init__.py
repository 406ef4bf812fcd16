"""Training as a node of a graph: batches, checkpoints, curves, artifacts."""
