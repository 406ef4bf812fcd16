"""Shared fixtures, and how tests go side by side. `tests/toys` is put on the path of `blocks`: small real blocks of every verb."""

import os
import re
import signal
from pathlib import Path

# One thread a process, set before anything that reads it is imported: tests run beside each other, and so do the
# processes that they start. What JAX compiles is shared by all of them, and by the next run. It compiles quickly rather than
# well, which costs tiny networks nothing; `optimised` is for tests of what only the well compiled keeps.
for name, value in {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false --xla_cpu_use_fusion_emitters=false",
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    "JAX_COMPILATION_CACHE_DIR": str(Path.home() / ".cache" / "voxblocks" / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2",
}.items():
    os.environ.setdefault(name, value)

import pytest  # noqa: E402

import blocks  # noqa: E402
from blocks.spec import AudioSpec  # noqa: E402
from runner.work import threads  # noqa: E402
from tests.clusters import ray_environment, ray_here  # noqa: E402, F401  (fixtures)

pytest.register_assert_rewrite("runner.conformance.questions", "runner.conformance.trained")
blocks.__path__.append(str(Path(__file__).parent / "toys"))

# A shell starts what runs in its background with Ctrl-C ignored, and children inherit that: tests of Ctrl-C would wait for ever.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


GRAPHS = Path(__file__).parents[1] / "graphs"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Which tests stay together where they run in several processes (``-n 3``): those of one `_group`.

    A scheduler of our own: the groups of pytest-xdist 3.8 (``xdist_group``) do nothing under pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    config.option.loadscopereorder = False  # in the order of `pytest_collection_modifyitems`
    return ByGroup(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: graphs, and what starts Ray."""
    items.sort(key=lambda item: _group(item.nodeid) != "ray" and "test_graphs" not in item.nodeid)


def _group(nodeid: str) -> str:
    """All that start Ray, which would fight for the cores; each graph with those that stand on it; one kind of block; else a file, whose fixtures are made once."""
    file, _, name = nodeid.partition("::")
    if "tests/cluster/" in file or file.endswith("test_executors.py"):
        return "ray"
    if file.endswith("test_graphs.py"):
        return f"{file}:{_base(name)}"
    if file.endswith("test_blocks.py") and "[" in name:
        return f"{file}:{name.split('[')[1].split('.')[0]}"
    return file


def _base(name: str) -> str:
    """Of a test of a graph that stands on another, which has made most of its tables, that other."""
    graph = GRAPHS / f"{name.partition('[')[2].rstrip(']')}.yaml"
    found = re.search(r"^base: (\S+)$", graph.read_text("utf-8"), re.MULTILINE) if graph.is_file() else None
    return found[1] if found else graph.name


@pytest.fixture(autouse=True)
def one_thread():
    """Whatever a test has set: threads that wait for each other on busy cores make all that follows many times slower."""
    yield
    if threads._now not in (None, 1):
        threads.use(1)


@pytest.fixture
def optimised():
    """What JAX compiles in this test is compiled as in use, where sums that are fused or ordered otherwise count."""
    import jax

    from blocks.vocoder import _neural

    for quickly in (False, True):
        _neural._program.cache_clear()  # else what an earlier test has compiled would serve
        jax.config.update("jax_disable_most_optimizations", quickly)
        if not quickly:
            yield


@pytest.fixture
def spec() -> AudioSpec:
    return AudioSpec()
