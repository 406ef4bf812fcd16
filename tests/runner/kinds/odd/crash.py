"""A variant that cannot even be imported."""

raise RuntimeError("out of tune")
