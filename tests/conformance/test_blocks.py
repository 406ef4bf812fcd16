"""Every block, the toys too, is asked what `runner.conformance.questions` asks; here stands what only this checkout can answer."""

import blocks.arrays as arrays
from blocks.arrays import Array
from blocks.load import names
from runner.conformance.questions import *  # noqa: F403

KINDS_NEEDED = {"corpus", "features", "vocoder", "reference", "metric", "text"}


def test_every_kind_is_found():
    assert {name.split(".")[0] for name in names()} >= KINDS_NEEDED


def test_every_array_type_states_axes_and_meaning():
    marks = [m for v in vars(arrays).values() for m in getattr(v, "__metadata__", ()) if isinstance(m, Array)]
    assert len(marks) >= 6
    assert all(mark.dims and mark.about for mark in marks)
