"""What ranks of eight GPUs on two hosts are given, where no machine has one: Ray's group of workers is played by this process."""

import os
from types import SimpleNamespace

import jax
import pytest
import ray.train.torch
import torch

from blocks.load import find
from runner.cluster.fit import _backend
from runner.fit import jax_backend, torch_backend
from runner.fit.batches import BatchPlan
from runner.fit.ranks import JaxRun, TorchRun
from runner.graph import Scale


class Group:
    """As much of a group of workers as backends use: each function runs once a rank."""

    def __init__(self, world: int, before=lambda rank: None):
        self.world, self.before = world, before

    def __len__(self) -> int:
        return self.world

    def execute(self, function, *args, **kwargs) -> list:
        return [self.execute_single(rank, function, *args, **kwargs) for rank in range(self.world)]

    def execute_single(self, rank: int, function, *args, **kwargs):
        self.before(rank)
        return function(*args, **kwargs)

    execute_single_async = execute_single


def work(block: str, gpus: float) -> SimpleNamespace:
    scale = Scale(workers=8, gpus=gpus)
    return SimpleNamespace(checked=SimpleNamespace(cls=find(block), node=SimpleNamespace(scale=scale)))


def chosen(monkeypatch, gpus: float, sees) -> str:
    """What the ranks of a torch block speak over, where rank n sees a GPU if `sees` says so."""
    found, base = [], torch_backend._Rendezvous.__mro__[1]
    monkeypatch.setattr(base, "on_start", lambda self, group, config: found.append((config.backend, config.timeout_s)))
    group = Group(8, lambda rank: monkeypatch.setattr(torch.cuda, "is_available", lambda: sees(rank)))
    config = _backend(work("aligner.monotonic", gpus), 120.0)
    config.backend_cls().on_start(group, config)
    ((over, timeout),) = found
    assert timeout > 120, "the watchdog comes first"
    return over


@pytest.mark.parametrize(
    ("gpus", "there", "over"), [(1, True, "nccl"), (1, False, "gloo"), (0, True, "gloo"), (0.5, True, "gloo")]
)
def test_torch_ranks_speak_over_nccl_where_each_has_a_gpu_of_its_own(monkeypatch, gpus, there, over):
    assert chosen(monkeypatch, gpus, lambda rank: there) == over


def test_the_ranks_are_asked_and_not_who_starts_them(monkeypatch):
    """A head, or a laptop, has no GPU: here the process itself never sees one."""
    assert not torch.cuda.is_available()
    config = _backend(work("aligner.monotonic", 1), 120.0)
    assert config.backend is None
    assert chosen(monkeypatch, 1, lambda rank: True) == "nccl"


def test_ranks_of_a_cluster_that_torchrun_started_keep_their_own_store(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", "True")
    chosen(monkeypatch, 0, lambda rank: False)
    assert "TORCHELASTIC_USE_AGENT_STORE" not in os.environ


def test_a_host_whose_torch_sees_no_gpu_is_told(monkeypatch):
    with pytest.raises(RuntimeError, match="no GPU on ranks 4, 5, 6, 7, but on the others"):
        chosen(monkeypatch, 1, lambda rank: rank < 4)


def test_torch_ranks_share_what_they_see_and_jax_ranks_have_one_device_each():
    """NCCL wants to see its neighbours' GPUs; JAX takes all that it sees for its own."""
    assert _backend(work("aligner.monotonic", 1), 120.0).backend_cls.share_cuda_visible_devices
    assert not _backend(work("flow.affine", 1), 120.0).backend_cls.share_cuda_visible_devices


def test_a_torch_rank_is_on_the_gpu_that_ray_gave_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(ray.train.torch, "get_device", lambda: torch.device("cuda:3"))
    assert TorchRun.place() == "cuda:3"


def test_a_jax_rank_is_on_the_first_that_it_sees(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert JaxRun.place() == "cuda:0"


@pytest.mark.parametrize("gpus", [0, 1])
def test_jax_ranks_meet_at_the_first_as_ray_counts_them(monkeypatch, gpus):
    """Whatever started Ray: SLURM's count of processes on a host is not the ranks'."""
    joined = []
    monkeypatch.setenv("JAX_PLATFORMS", "found")
    monkeypatch.setattr(jax.config, "update", lambda name, value: joined.append(value))
    monkeypatch.setattr(jax.distributed, "initialize", lambda *where, **how: joined.append((where, how)))
    monkeypatch.setattr(jax_backend, "_free_address", lambda: "10.0.0.5:4000")
    monkeypatch.setattr(jax_backend.ray, "get", lambda answers: answers)
    config = _backend(work("flow.affine", gpus), 120.0)
    config.backend_cls().on_start(Group(8), config)
    calls = [call for call in joined if call != "gloo"]
    assert [where for where, _ in calls] == [("10.0.0.5:4000", 8, rank) for rank in range(8)]
    assert all(how["cluster_detection_method"] == "deactivate" for _, how in calls)
    assert (jax_backend.os.environ["JAX_PLATFORMS"] == "cpu") == (not gpus)
    assert joined.count("gloo") == (0 if gpus else 8)


def test_eight_ranks_share_the_global_batch_of_one():
    """So the learning rate stays as it is: `max_frames` is of all ranks together."""
    plan = BatchPlan([80 + n % 40 for n in range(600)], 0, 8000, 64)
    for step in range(1, plan.steps_per_epoch + 1):
        whole, parts = plan.part(step), [plan.part(step, rank, 8) for rank in range(8)]
        mine = [index for part in parts for index in (part.indices if part.share else ())]
        assert sorted(mine) == sorted(whole.indices)
        assert sum(part.share for part in parts) / 8 == pytest.approx(whole.share)
        assert sum(part.size for part in parts) < whole.size + 8
