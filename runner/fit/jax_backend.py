"""Lets the workers of a Ray Train run find each other through JAX, which Ray does by itself on TPUs and GPUs alone."""

import contextlib
import os
import socket
from dataclasses import dataclass

import ray
from ray.exceptions import RayError
from ray.train.backend import Backend, BackendConfig

JOIN_S = 60  # for all workers to find the first
LEAVE_S = 5  # for all workers to take leave, if they can: one may be dead


class _Rendezvous(Backend):
    def on_start(self, worker_group, backend_config: "JaxConfig") -> None:
        world, address = len(worker_group), worker_group.execute_single(0, _free_address)
        join = (backend_config.gpus, address, world)
        ray.get([worker_group.execute_single_async(rank, _join, *join, rank) for rank in range(world)])

    def on_shutdown(self, worker_group, backend_config: "JaxConfig") -> None:
        """Without it the workers would complain that the first is gone."""
        if len(worker_group) > 1:
            with contextlib.suppress(RayError):
                ray.get(worker_group.execute_async(_leave), timeout=LEAVE_S)


@dataclass
class JaxConfig(BackendConfig):
    """All devices of all workers as one: over NCCL where each has GPUs, over gloo otherwise."""

    gpus: bool = False

    @property
    def backend_cls(self) -> type[Backend]:
        return _Rendezvous


def _free_address() -> str:
    """Of the worker that the others look for."""
    with socket.socket() as found:
        found.bind(("", 0))
        return f"{ray.util.get_node_ip_address()}:{found.getsockname()[1]}"


def _join(gpus: bool, address: str, world: int, rank: int) -> None:
    """Before JAX is first used: it then sees the devices of all."""
    if not gpus:
        os.environ["JAX_PLATFORMS"] = "cpu"
    import jax

    if world == 1:
        return
    if not gpus:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
    # Else JAX would take from SLURM's variables, which Ray's processes inherit there, which GPU is whose.
    jax.distributed.initialize(
        address, world, rank, initialization_timeout=JOIN_S, cluster_detection_method="deactivate"
    )


def _leave() -> None:
    import jax

    jax.distributed.shutdown()
