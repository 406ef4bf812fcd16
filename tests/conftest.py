"""Shared fixtures. `tests/toys` is put on the path of `blocks`, so that tests have small real blocks of every verb."""

import signal
from pathlib import Path

import pytest

import blocks
from blocks.spec import AudioSpec
from tests.clusters import ray_environment, ray_here  # noqa: F401  (fixtures)

pytest.register_assert_rewrite("runner.conformance")
blocks.__path__.append(str(Path(__file__).parent / "toys"))

# A shell starts what runs in its background with Ctrl-C ignored, and children inherit that: tests of Ctrl-C would wait for ever.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def spec() -> AudioSpec:
    return AudioSpec()
