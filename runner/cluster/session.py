"""A connection to a Ray cluster for one run: made, watched, and given back."""

import contextlib
import logging
import os
import re
import socket
import threading
import time
import warnings
from collections.abc import Iterator

import blocks
from runner.cluster.resources import check_capacity
from runner.plan import Plan
from runner.run.jax_cache import compiled_programs
from runner.work import threads
from runner.work.executor import ClusterError

SILENT_S = 10.0  # how long the head may not answer until it counts as gone


class Session:
    """Whether the cluster's head still answers; `head` is HOST:PORT, or None where nobody watches."""

    def __init__(self, head: str | None):
        self.head, self.alive = head, True
        self._over = threading.Event()
        if head:
            threading.Thread(target=self._watch, daemon=True).start()

    def check(self, now: bool = False) -> None:
        """Raises ClusterError once the head is gone; `now`: as soon as it does not answer."""
        if now and self.head and not self._answers():
            self.alive = False
        if not self.alive:
            raise ClusterError(
                f"the head of the Ray cluster at {self.head} does not answer any more. Finished shards are kept in the "
                "store: run the same command again once a cluster is there, or without --address"
            )

    def close(self) -> None:
        self._over.set()

    def _watch(self) -> None:
        seen = time.monotonic()
        while not self._over.wait(1.0):
            if self._answers():
                seen = time.monotonic()
            elif time.monotonic() - seen > SILENT_S:
                self.alive = False
                return

    def _answers(self) -> bool:
        return _listens(self.head, seconds=2.0)


def _listens(address: str, seconds: float) -> bool:
    """Whether somebody takes calls at HOST:PORT."""
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=seconds).close()
    except OSError:
        return False
    return True


# Ray looks for new logs twice a second and cannot be asked to: without it a short run ends before its workers are heard.
LOGS_S = 1.5


@contextlib.contextmanager
def connected(address: str, plan: Plan) -> Iterator[Session]:
    """Ray at `address`, checked for what the plan asks. One that runs in this process already is used and left alone.

    Raises ClusterError where there is no cluster, or it cannot give what the graph's `scale` asks for.
    """
    try:
        import ray
    except ImportError:
        raise ClusterError("--address wants Ray: pip install 'voxblocks[cluster]'") from None
    ours = not ray.is_initialized()
    if ours:
        _connect(ray, address)
    session = Session(None if address == "local" else ray.get_runtime_context().gcs_address)
    try:
        _quiet()
        check_capacity(plan)
        yield session
    finally:
        session.close()
        if ours and session.alive:
            time.sleep(LOGS_S)
            ray.shutdown()


def _connect(ray, address: str) -> None:
    for key, value in ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    host_port = re.fullmatch(r"(?:ray://)?([^/]+:\d+)", address)
    if host_port and not _listens(host_port[1], seconds=5.0):
        raise _no_cluster(address, "nobody takes calls there")  # Ray itself takes minutes to say so
    local = {"include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address=address, logging_level=logging.ERROR, runtime_env={"env_vars": worker_environment()}, **local)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _no_cluster(address, " ".join(str(error).split())[:300]) from None


def _no_cluster(address: str, why: str) -> ClusterError:
    return ClusterError(f"no Ray cluster at {address} ({why}); --address local starts one on this machine")


ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # Ray's default to be; without it Ray warns
}


def worker_environment() -> dict[str, str]:
    """What workers need of ours: where blocks of the user's own lie, and one cache of compiled programs for all."""
    passed = {key: os.environ[key] for key in ("VOXBLOCKS_CACHE", "JAX_PLATFORMS") if key in os.environ}
    if blocks.VARIABLE in os.environ:
        passed[blocks.VARIABLE] = os.pathsep.join(folder for _, folder in blocks.own())
    return compiled_programs() | threads.environment() | passed


def _quiet() -> None:
    """One progress view: ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Ray's own settings, which it makes here
        from ray.data import DataContext

        context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    for name in ("ray.data", "ray.data._internal.execution.streaming_executor"):
        logging.getLogger(name).setLevel(logging.ERROR)
