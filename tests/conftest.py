"""Shared fixtures, and how tests go side by side. `tests/toys` is put on the path of `blocks`: small real blocks of every verb."""

import os
import signal
from pathlib import Path

# One thread a process, set before anything that reads it is imported: tests run beside each other, and so do the
# processes that they start. What JAX compiles is shared by all of them, and by the next run.
for name, value in {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "JAX_COMPILATION_CACHE_DIR": str(Path.home() / ".cache" / "voxblocks" / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2",
}.items():
    os.environ.setdefault(name, value)

import pytest  # noqa: E402

import blocks  # noqa: E402
from blocks.spec import AudioSpec  # noqa: E402
from tests.clusters import ray_environment, ray_here  # noqa: E402, F401  (fixtures)

pytest.register_assert_rewrite("runner.conformance.questions", "runner.conformance.trained")
blocks.__path__.append(str(Path(__file__).parent / "toys"))

# A shell starts what runs in its background with Ctrl-C ignored, and children inherit that: tests of Ctrl-C would wait for ever.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Which tests stay together where they run in several processes (``-n 2 --dist loadgroup``), the longest first.

    Those of a file, as its fixtures are made once for them; those of one kind of block; each graph alone; and all that
    start Ray, which would fight for the cores.
    """
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=lambda item: _group(item).split(":")[0] not in ("graph", "ray"))


def _group(item: pytest.Item) -> str:
    file = item.path.stem
    params = (getattr(item, "callspec", None) and item.callspec.params) or {}
    if item.get_closest_marker("ray") or "ray_here" in getattr(item, "fixturenames", ()):
        return "ray"
    if file == "test_graphs" and "path" in params:
        return f"graph:{params['path'].stem}"
    if file == "test_blocks" and (name := params.get("mapper") or params.get("name")):
        block = name if isinstance(name, str) else name[0]  # a mapper comes with its method
        return f"{file}:{block.split('.')[0]}"
    return str(item.path)


@pytest.fixture
def spec() -> AudioSpec:
    return AudioSpec()
