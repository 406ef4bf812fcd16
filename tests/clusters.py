"""Ray in tests: a small cluster of our own for the whole session, and graphs run on it and in process alike."""

import atexit
import json
import logging
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from runner.check import check, read_graph
from runner.plan import Plan, make_plan
from runner.store import Store
from runner.work.executor import Observer, Outcome
from tests.environment import ROOT, TOYS

MEMORY = 100 * 2**20  # bytes of shared memory for each node: the least Ray takes is 75 MiB


def _environment() -> dict[str, str]:
    """For this process and every child: nothing is sent anywhere, and nothing is written to the home folder."""
    token = Path(tempfile.mkdtemp(prefix="voxblocks-tests-"), "token")
    token.write_text(secrets.token_hex(32))
    atexit.register(shutil.rmtree, token.parent, ignore_errors=True)
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "RAY_local_fs_capacity_threshold": "1",  # a disk that others fill is theirs to see to
    }


# Now, not in the fixture: Ray reads these when it is first imported, which any test may do.
os.environ.update(RAY := _environment())


@pytest.fixture(scope="session")
def ray_environment() -> dict[str, str]:
    return TOYS | RAY


@pytest.fixture(scope="session")
def ray_here(ray_environment) -> Iterator[str]:
    """A cluster of two CPUs that this process is connected to; gives its address."""
    import ray

    ray.init(
        address="local",  # not one that others run on this machine
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=MEMORY,
        logging_level=logging.ERROR,
        runtime_env={"env_vars": {"VOXBLOCKS_BLOCKS": TOYS["VOXBLOCKS_BLOCKS"], "PYTHONPATH": str(ROOT)}},
    )
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()


def go(executor, path: Path, store: Store, released: bool = False, sets=(), **slices) -> tuple[Plan, Outcome]:
    """Run a graph file."""
    plan = make_plan(check(read_graph(path, sets=sets), released=released), store, **slices)
    return plan, executor.run(plan, store, Observer())


def tables(store: Store) -> dict[str, bytes | dict]:
    """Every file of every table; what a manifest says, but for when and with which versions it was made."""
    root = Path(store.files.at("tables"))
    found = {}
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        data = path.read_bytes()
        if path.name in ("table.json", "started.json"):
            record = json.loads(data)
            data = {key: record[key] for key in record if key not in ("created", "started", "versions")}
        found[path.relative_to(root).as_posix()] = data
    return found


def record(outcome: Outcome) -> dict:
    """All that a run says, but for its times and where its store is."""

    def said(error) -> str:
        return re.sub(r" --store [^`]+", "", str(error))

    nodes = {
        name: (node.digest, node.state, node.rows, node.failures, node.skipped, node.unmatched, said(node.error))
        for name, node in outcome.nodes.items()
    }
    results = json.loads(json.dumps(outcome.results, default=np.ndarray.tolist))
    return {"nodes": nodes, "results": results, "error": said(outcome.error)}
