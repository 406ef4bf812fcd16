"""What a node asks of a cluster, whether the cluster can give it, and setting it aside."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from runner.graph import Scale
from runner.plan import Plan, Step
from runner.work.apart import is_apart
from runner.work.executor import ClusterError

_UNITS = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def wanted(scale: Scale) -> dict:
    """One worker's resources, as Ray spells them."""
    asked = {"num_cpus": scale.cpus, "num_gpus": scale.gpus, "memory": memory_bytes(scale.memory)}
    return {key: value for key, value in asked.items() if value or key == "num_cpus"}


def memory_bytes(text: str | None) -> int:
    """``"4GB"`` -> 4,000,000,000; ``"4 GiB"`` -> 4 * 2**30; None -> 0."""
    if not text:
        return 0
    number = text.rstrip("BKMGTi ")
    return int(float(number) * _UNITS.get(text[len(number) :].strip().rstrip("B"), 1))


def check_capacity(plan: Plan) -> None:
    """Raises ClusterError naming every node that asks for more than the cluster has or could grow to."""
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    total, grown = ray.cluster_resources(), _could_grow_to()
    wrong = []
    for step in plan.to_run:
        scale = step.checked.node.scale
        if step.verb in ("pick", "union", "load") or (
            step.verb == "read" and (scale.workers == 1 or not is_apart(step))
        ):
            continue
        one = _bundle(scale)
        workers = scale.workers if step.verb == "fit" or is_apart(step) else 1
        grows = grown and all(grown.get(key, 0) >= workers * amount for key, amount in one.items())
        slots = sum(_slots(node, one) for node in nodes)
        if not grows and slots < workers:
            room = f"room for {slots} such workers on {len(nodes)} machines with {_text(total)} in all"
            wrong.append(
                f"{step.checked.node.place}: {step.name}: wants {workers} x {_text(one)}, but the cluster has {room}"
            )
    if wrong:
        raise ClusterError("\n".join(wrong))


@contextmanager
def room_for(step: Step, workers: int, run) -> Iterator[None]:
    """Comes in once the cluster has room for all of a node's workers at once; Ray then places them as it sees fit.

    Waits while other nodes of this run hold what is wanted, and `run.patience` seconds longer.
    Raises ClusterError after that.
    """
    _await_room(step, workers, run)
    run.at_work.add(step.name)
    try:
        yield
    finally:
        run.at_work.discard(step.name)


def _await_room(step: Step, workers: int, run) -> None:
    import ray
    from ray.util.placement_group import placement_group, remove_placement_group

    wants = _bundle(step.checked.node.scale)
    group = placement_group([wants] * workers, strategy="SPREAD")
    deadline = time.monotonic() + run.patience
    try:
        while not group.wait(timeout_seconds=1):
            run.check()
            if run.at_work:
                deadline = time.monotonic() + run.patience
            elif time.monotonic() > deadline:
                raise ClusterError(
                    f"{step.checked.node.place}: {step.name}: waited {run.patience:g} s for {workers} x "
                    f"{_text(wants)}; free now: {_text(dict.fromkeys(wants, 0) | ray.available_resources())} "
                    f"of {_text(ray.cluster_resources())}. Others hold the rest: wait for them, or ask for less in `scale`"
                )
    finally:
        if run.session.alive:
            remove_placement_group(group)


def _slots(node: dict, one: dict) -> int:
    """How many such workers fit on a machine."""
    return min(math.floor(node.get(key, 0) / amount + 1e-6) for key, amount in one.items())


def _bundle(scale: Scale) -> dict[str, float]:
    asked = {"CPU": scale.cpus, "GPU": scale.gpus, "memory": memory_bytes(scale.memory)}
    return {key: value for key, value in asked.items() if value} or {"CPU": 0.01}  # Ray refuses an empty bundle


def _text(resources: dict) -> str:
    shown = [f"{resources[key]:g} {key}" for key in ("CPU", "GPU") if key in resources]
    if "memory" in resources:
        shown.append(f"{resources['memory'] / 1e9:.1f} GB")
    return ", ".join(shown) or "nothing"


def _could_grow_to() -> dict | None:
    """What an autoscaler may bring the cluster to; None where there is none."""
    try:
        from ray._private.state import state

        return state.get_max_resources_from_cluster_config()
    except (ImportError, AttributeError):  # not a public interface
        return None
