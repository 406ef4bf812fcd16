"""A slice of a graph held in memory, spoken as it is made."""
