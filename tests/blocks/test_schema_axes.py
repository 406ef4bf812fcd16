"""Axes that an item names twice must agree, whatever the way the item was made."""

from typing import Annotated

import numpy as np
import pytest
from pydantic import ValidationError

from blocks.arrays import Array, LogMel, Pitch
from blocks.base import Schema
from runner.work.apply import make_item


class Alone(Schema):
    log_mel: LogMel


class Both(Alone):
    pitch: Pitch
    maybe: Pitch | None = None


class Holder(Schema):
    parts: dict[str, Both]


class Square(Schema):
    matrix: Annotated[np.ndarray, Array("matrix", "float32", "n", "n")]


def fields(frames: int, **others: int) -> dict:
    return {"log_mel": np.zeros((frames, 80), "float32")} | {k: np.zeros(n, "float32") for k, n in others.items()}


def test_arrays_that_agree_pass_and_are_not_copied():
    given = fields(7, pitch=7, maybe=7)
    assert make_item(Both, given).pitch is given["pitch"] is Both(**given).pitch


@pytest.mark.parametrize("make", [lambda given: Both(**given), lambda given: make_item(Both, given)])
@pytest.mark.parametrize(("given", "name"), [(fields(7, pitch=6), "pitch"), (fields(7, pitch=7, maybe=6), "maybe")])
def test_arrays_that_differ_are_named(make, given, name):
    with pytest.raises(ValueError, match=f"{name}: frames is 6, but 7 elsewhere in this item"):
        make(given)


def test_an_axis_named_by_one_array_alone_is_free():
    assert len(Alone(**fields(3)).log_mel) == 3


def test_an_item_inside_another_is_checked_too():
    with pytest.raises(ValidationError, match="frames is 6, but 7"):
        Holder(parts={"a": fields(7, pitch=6)})


def test_an_axis_that_one_array_names_twice_must_agree_with_itself():
    with pytest.raises(ValidationError, match="n is 3, but 2"):
        Square(matrix=np.zeros((2, 3), "float32"))
