"""Several machines, as far as one can play them: Ray nodes of one host, with GPUs that nobody looks for."""

import contextlib
from collections.abc import Iterator

from tests.clusters import MEMORY


@contextlib.contextmanager
def machines(count: int, **each) -> Iterator:
    """A cluster of so many nodes with these resources each, the first of them the head."""
    from ray.cluster_utils import Cluster

    each = each | {"object_store_memory": MEMORY}
    cluster = Cluster(initialize_head=True, head_node_args=each | {"include_dashboard": False})
    try:
        for _ in range(count - 1):
            cluster.add_node(**each)
        yield cluster
    finally:
        cluster.shutdown()
