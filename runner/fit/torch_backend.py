"""Lets the workers of a Ray Train run find each other through torch: over NCCL where each has a GPU, over gloo otherwise."""

import os
from dataclasses import dataclass, replace

from ray.train.torch import TorchConfig as RayTorchConfig


class _Rendezvous(RayTorchConfig().backend_cls):
    def on_start(self, worker_group, backend_config: "TorchConfig") -> None:
        """The workers are asked, since who starts them (a head, a laptop) may have no GPU.

        Raises RuntimeError where torch sees the GPUs of some workers alone.
        """
        seen = [sees and backend_config.gpus > 0 for sees in worker_group.execute(_begin)]
        if any(seen) and not all(seen):
            blind = ", ".join(str(rank) for rank, sees in enumerate(seen) if not sees)
            raise RuntimeError(f"torch sees no GPU on ranks {blind}, but on the others: is it built for CUDA there?")
        # Of two ranks that share a GPU NCCL says "Duplicate GPU detected"; gloo lets them.
        over = "nccl" if any(seen) and backend_config.gpus >= 1 else "gloo"
        super().on_start(worker_group, replace(backend_config, backend=over))


@dataclass
class TorchConfig(RayTorchConfig):
    """`gpus` of each worker, as `scale` asks for."""

    gpus: float = 0

    @property
    def backend_cls(self) -> type:
        return _Rendezvous


def _begin() -> bool:
    """Whether torch sees a GPU here."""
    import torch

    # Ray's processes inherit what torchrun tells its own: with it every rank would wait for a store that nobody keeps.
    os.environ.pop("TORCHELASTIC_USE_AGENT_STORE", None)
    return torch.cuda.is_available()
