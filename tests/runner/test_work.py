"""A bad item costs itself, never its neighbours or the run."""

import errno

import numpy as np
import pytest

from blocks.base import Failure, ports
from blocks.load import find
from runner.work.apply import BlockError, map_rows, reason_of


def rows(*ids):
    return [(id, {"id": id, "wave": np.ones(4, "float32")}) for id in ids]


def gain(spec, **config):
    cls = find("toy.gain")
    return cls(cls.Config(**config), spec), *(vars(ports(cls, "map")).values())


def test_a_raising_item_is_found_within_its_batch(spec):
    shard = map_rows(*gain(spec, bad=("b",)), rows("a", "b", "c"), batch=3)
    assert shard.ids == ["a", "c"]
    assert shard.failures == [Failure("told to be bad", "b")]


def test_nan_out_of_a_block_is_a_failure_not_a_row(spec):
    shard = map_rows(*gain(spec, nan=("a",)), rows("a", "b"), batch=2)
    assert shard.ids == ["b"]
    assert shard.failures[0].reason == "the result is not usable: wave: 4 of 4 values are NaN or infinite"


def test_an_input_that_does_not_fit_names_the_field(spec):
    shard = map_rows(*gain(spec), [("a", {"id": "a", "wave": np.ones(4)})], batch=2)
    assert "wave: want wave float32(samples) of full scale, got float64(4,)" in shard.failures[0].reason


def test_a_block_that_loses_items_stops_the_run(spec, monkeypatch):
    block, inputs, output = gain(spec)
    monkeypatch.setattr(block, "apply", lambda items: [])
    with pytest.raises(BlockError, match="returned 0 results for 2 items"):
        map_rows(block, inputs, output, rows("a", "b"), batch=2)


def test_a_full_disk_is_not_the_items_fault(spec, monkeypatch):
    block, inputs, output = gain(spec)

    def full(items):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(block, "apply", full)
    with pytest.raises(OSError, match="No space left"):
        map_rows(block, inputs, output, rows("a"), batch=2)


def test_an_unforeseen_error_keeps_its_type_and_its_traceback(spec, monkeypatch):
    block, inputs, output = gain(spec)
    monkeypatch.setattr(block, "_one", lambda item: {}["gone"])
    shard = map_rows(block, inputs, output, rows("a"), batch=2)
    assert shard.failures[0].reason.startswith("KeyError: 'gone' (toys/toy/gain.py:")
    assert isinstance(shard.first_error, KeyError)


def test_reasons_are_one_line():
    assert reason_of(ValueError("two\n lines")) == "ValueError: two lines"
