"""Where a node computes: on the GPU that its `gpus` ask for, where there is one."""

from runner.check import CheckedNode


def device_of(node: CheckedNode) -> str:
    """``"cuda:0"`` or ``"cpu"``, for blocks in torch. A worker of a cluster sees no GPU but its own.

    In process a graph that asks for GPUs runs on a machine without one, too: more slowly.
    """
    if not node.node.scale.gpus or "torch" not in node.cls.needs:
        return "cpu"
    import torch

    return "cuda:0" if torch.cuda.is_available() else "cpu"
