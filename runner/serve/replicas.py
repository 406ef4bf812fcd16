"""The server on Ray Serve: one door that speaks HTTP, and replicas of the speaker behind it, each a process of its own.

What a replica says depends on nothing but the row. So where one dies, another says the row anew, and of that the listener
gets what was not sent yet.
"""

import contextlib
import logging
import os
import secrets
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from runner.cluster.session import ENVIRONMENT, worker_environment
from runner.graph.nodes import Scale
from runner.serve.about import About
from runner.speak.live import Live
from runner.work.apply import reason_of
from runner.work.executor import ClusterError
from runner.work.shards import DEATHS
from runner.work.signals import terminable

APP, SPEAKER = "voxblocks", "speaker"
HEALTH_S = 2.0  # how often it is looked whether a replica lives


class Remote:
    """`speak` of whichever replica has the least to do."""

    def __init__(self, handle):
        self.handle = handle.options(method_name="speak", stream=True)
        self._any = handle.options(method_name="awake")

    async def awake(self) -> None:
        """Comes back once a replica can speak."""
        await self._any.remote()

    async def speak(self, row: dict) -> AsyncIterator[dict | bytes]:
        """As `Speaker.speak`; a row at which replicas die again and again raises what Ray says of it."""
        from ray.exceptions import RayActorError, WorkerCrashedError

        begun, sent = False, 0
        for death in range(1, DEATHS + 1):
            parts, skip, over = self.handle.remote(row), sent, False
            try:
                async for part in parts:
                    if isinstance(part, bytes):
                        part, skip = part[skip:], max(0, skip - len(part))
                        sent += len(part)
                    elif begun:
                        continue
                    begun = True
                    if part:
                        yield part
                over = True
                return
            except (RayActorError, WorkerCrashedError):
                over = True
                if death == DEATHS:
                    raise
            finally:
                if not over:  # the listener hung up
                    parts.cancel()


@contextlib.contextmanager
def serving(live: Live, about: About, host: str, port: int, replicas: int) -> Iterator[None]:
    """The server, as soon as it answers. Raises ClusterError where it cannot be started."""
    _is_free(host, port)
    with terminable(), _ray(live, replicas):
        from ray import serve

        try:
            serve.start(proxy_location="HeadOnly", http_options={"host": host, "port": port}, logging_config=_LOGS)
            serve.run(_application(live, about, replicas), name=APP, route_prefix="/")
        except (RuntimeError, ValueError) as error:
            _try(live)
            raise ClusterError(f"the server could not be started: {' '.join(str(error).split())[:500]}") from None
        try:
            yield
        finally:
            serve.shutdown()


def _try(live: Live) -> None:
    """Speak once in a process of its own, to learn why replicas could not. Raises ClusterError where it cannot either."""
    import ray

    try:
        reason = ray.get(ray.remote(max_calls=1, max_retries=0)(_reason).remote(live))
    except ray.exceptions.RayError as error:
        reason = str(error)
    if reason:
        raise ClusterError(f"the graph does not speak: {reason}")


def _reason(live: Live) -> str:
    from runner.serve.speaker import Speaker

    try:
        Speaker(live)
    except Exception as error:
        return reason_of(error)
    return ""


_LOGS = {"log_level": "WARNING", "enable_access_log": False}


def _application(live: Live, about: About, replicas: int):
    from ray import serve

    from runner.serve.speaker import Speaker

    actor = {
        "num_cpus": _cpus(live),
        "num_gpus": max(scale.gpus for scale in _scales(live)),
    }
    speaker = serve.deployment(Speaker, name=SPEAKER).options(
        num_replicas=replicas,
        max_constructor_retry_count=1,  # what cannot speak once cannot later
        max_ongoing_requests=about.max_waiting,
        health_check_period_s=HEALTH_S,
        graceful_shutdown_timeout_s=2.0,
        ray_actor_options=actor,
        logging_config=_LOGS,
    )

    def build():
        from runner.serve.app import Site

        remote = Remote(serve.get_deployment_handle(SPEAKER, app_name=APP))
        return Site(remote.speak, about, remote.awake).app()

    door = serve.deployment(serve.ingress(build)(), name="door").options(
        max_ongoing_requests=4 * about.max_waiting + 64,  # turning away is quick, and is done by the door itself
        graceful_shutdown_timeout_s=2.0,
        ray_actor_options={"num_cpus": 0},
        logging_config=_LOGS,
    )
    return door.bind(speaker.bind(live))


def _scales(live: Live) -> list[Scale]:
    return [live.checked.nodes[name].node.scale for name in live.path]


def _cpus(live: Live) -> int:
    """Of each replica."""
    return max(scale.threads for scale in _scales(live))


@contextlib.contextmanager
def _ray(live: Live, replicas: int) -> Iterator[None]:
    """Ray on this machine alone. Its own ports, which are not all on loopback, ask for a token that nobody else has."""
    with contextlib.ExitStack() as stack:
        if "RAY_AUTH_MODE" not in os.environ:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="voxblocks-"))
            (token := Path(folder, "token")).touch(0o600)
            token.write_text(secrets.token_hex(32))
            os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}
        for key, value in ENVIRONMENT.items():
            os.environ.setdefault(key, value)
        try:  # now: it reads these when it is imported
            import ray
            import ray.serve
        except ImportError as error:
            raise ClusterError(f"serve wants Ray Serve ({error}): pip install 'voxblocks[serve]'") from None
        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        stack.callback(ray.shutdown)
        try:
            ray.init(
                address="local",
                _node_ip_address="127.0.0.1",
                num_cpus=max(replicas * _cpus(live), os.cpu_count() or 1),
                include_dashboard=False,
                logging_level=logging.ERROR,
                runtime_env={"env_vars": worker_environment()},
            )
        except Exception as error:  # as bare as this, where the machine is too busy
            why = f"{reason_of(error)}; where the machine is too busy for it, try again later"
            raise ClusterError(f"Ray could not be started: {why}") from error
        yield


def wait() -> None:
    """Until Ctrl-C."""
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


def _is_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            raise ClusterError(
                f"{host}:{port} cannot be listened on ({error.strerror}); choose another --port"
            ) from None
