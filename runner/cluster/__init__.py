"""The same plan on a Ray cluster, with the same bytes out."""
