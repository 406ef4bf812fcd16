"""Shared fixtures. `tests/toys` is put on the path of `blocks`, so that tests have small real blocks of every verb."""

from pathlib import Path

import pytest

import blocks
from blocks.spec import AudioSpec
from tests.clusters import ray_environment, ray_here  # noqa: F401  (fixtures)

blocks.__path__.append(str(Path(__file__).parent / "toys"))


@pytest.fixture
def spec() -> AudioSpec:
    return AudioSpec()
