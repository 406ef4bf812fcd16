"""A graph that speaks after seconds of training, and its slice in memory."""

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("flax")
pytest.importorskip("gruut")

from runner.check import check, read_graph
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.speak.live import Live
from runner.store import Store
from runner.work.executor import Observer
from tests.serving.tiny import write_tiny

TEXTS = (
    "Hello world.",
    "The quick brown fox jumps over the lazy dog, and then she sells sea shells!",
    "Say [[ h ə ˈoʊ ]]?",
)


def made(path: Path, store: Store, sets=(), until: str = "voice"):
    """A run of the graph; gives its plan."""
    plan = make_plan(check(read_graph(path, sets=sets)), store, until=until)
    outcome = LocalExecutor().run(plan, store, Observer())
    assert outcome.error is None, outcome.error
    return plan


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory):
    """Blocks of the same settings are made again and again here: what JAX compiles for one serves the others."""
    import jax

    mine = {
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("jax")),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in mine}
    for name, value in mine.items():
        jax.config.update(name, value)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """The graph's file."""
    return write_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def store(tiny) -> Store:
    """With the graph's acoustic model in it."""
    opened = Store(tiny.parent / "store")
    made(tiny, opened)
    return opened


@pytest.fixture(scope="session")
def live(tiny, store) -> Live:
    return Live(check(read_graph(tiny)), store=store)
