"""The threads a node computes with: as many as its `scale` says, whatever the machine has.

Who adds up in parts gets another last digit for other parts, so a table would depend on the cores of the machine that made
it. One is the default; where a machine has more cores, it is workers that use them, each at rows of its own.
"""

import os
import sys

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")  # the last is of XLA on CPUs
_now: int | None = None


def environment(count: int = 1) -> dict[str, str]:
    """For processes that start, and for libraries that are not loaded yet."""
    return dict.fromkeys(_VARIABLES, str(count))


def use(count: int) -> None:
    """From now on BLAS, OpenMP, torch and XLA compute in so many threads in this process, those loaded later, too."""
    global _now
    if count == _now:
        return
    from threadpoolctl import threadpool_limits

    before = os.environ.get("NPROC") or str(len(os.sched_getaffinity(0)))
    os.environ |= environment(count)
    threadpool_limits(count)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(count)
    if "jax" in sys.modules and before != str(count):
        from jax.extend.backend import clear_backends

        clear_backends()  # XLA asks once, when it starts; arrays that there are stay usable
    _now = count
