"""How much a training step computes: FLOPs of matrix products and convolutions, and how many kernels are started.

A step is counted where its framework is told what to do, so no formula of a network can be wrong: in torch by
`FlopCounterMode` and by the operators dispatched, in JAX from the jaxpr of what is compiled. Other arithmetic (norms, activations,
optimisers, FFTs) is in the kernels and not in the FLOPs, of which it is a few percent.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class Counted:
    flops: float = 0.0
    kernels: float = 0.0


# ---- torch ----


@contextmanager
def torch_counted() -> Iterator[Counted]:
    """Counts what torch does until the end, backward passes and optimisers included."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import FlopCounterMode

    found = Counted()

    class Kernels(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            found.kernels += not func.is_view
            return func(*args, **(kwargs or {}))

    (was,) = torch.backends.mkldnn.set_flags(False)[:1]  # whose recurrent layers are one operator
    try:
        with Kernels(), FlopCounterMode(display=False) as flops:
            yield found
    finally:
        torch.backends.mkldnn.set_flags(was)
    found.flops = float(flops.get_total_flops())


# ---- JAX ----


class Abstract:
    """In the place of `jax.jit`: while `counting`, a compiled function is traced instead of run, and gives zeros.

    So the first steps of a wide network cost neither its compilation nor its arithmetic.
    """

    def __init__(self, jit: Callable):
        self._jit, self.counting = jit, None

    def __call__(self, function: Callable, **options: Any) -> Callable:
        compiled = self._jit(function, **options)

        def run(*args, **kwargs):
            if self.counting is None:
                return compiled(*args, **kwargs)
            import jax
            import numpy as np

            traced = compiled.trace(*args, **kwargs)
            add(self.counting, traced.jaxpr.jaxpr, 1)
            return jax.tree.map(lambda shape: np.zeros(shape.shape, shape.dtype), traced.out_info)

        return run

    @contextmanager
    def counted(self) -> Iterator[Counted]:
        self.counting = Counted()
        try:
            yield self.counting
        finally:
            self.counting = None


def add(found: Counted, jaxpr, times: float) -> None:
    """The products, convolutions and FFTs of a jaxpr that runs `times` times. XLA fuses most of the rest into these."""
    for eqn in jaxpr.eqns:
        name = eqn.primitive.name
        out = math.prod(eqn.outvars[0].aval.shape) if eqn.outvars else 0
        if name == "dot_general":
            (contracted, _), _ = eqn.params["dimension_numbers"]
            found.flops += times * 2 * out * math.prod(eqn.invars[0].aval.shape[axis] for axis in contracted)
        elif name == "conv_general_dilated":
            weights, dims = eqn.invars[1].aval.shape, eqn.params["dimension_numbers"]
            found.flops += times * 2 * out * math.prod(weights) / weights[dims.rhs_spec[0]]
        found.kernels += times * (name in ("dot_general", "conv_general_dilated", "fft"))
        for inner in _inner(eqn):
            add(found, inner, times * eqn.params.get("length", 1) if name == "scan" else times)


def _inner(eqn) -> Iterator:
    """The jaxprs of what an equation calls: of loops, of functions with gradients of their own."""
    for value in eqn.params.values():
        for each in value if isinstance(value, tuple | list) else (value,):
            each = getattr(each, "jaxpr", each)
            if hasattr(each, "eqns"):
                yield each
