"""Whether a constant may stand where an edge would: a plain value of the port's type, or a vector of numbers."""

import math
from typing import Any

from blocks.arrays import Array, marker
from blocks.load import suggest
from runner.check.edges import arms, base, show
from runner.check.settings import choices

_NAMES = {str: "a text", float: "a number", int: "a whole number", bool: "true or false"}


def constant_problem(hint, value) -> str | None:
    """Why a port of type `hint` cannot take this value for every row, or None where it can."""
    if hint is Any or any(_takes(arm, value) for arm in arms(hint)):
        return None
    if not (kinds := [kind for arm in arms(hint) if (kind := _written(arm))]):
        return f"wants {show(hint)}, which cannot be written as a constant; wire a field to it"
    if isinstance(value, str) and (known := choices(hint)):
        return f"wants {show(hint)}, got {value!r}{suggest(value, [str(each) for each in known])}"
    got = f"a list of {len(value)}" if isinstance(value, tuple) else repr(value)
    return f"wants {show(hint)} ({' or '.join(dict.fromkeys(kinds))}), got {got}"


def _takes(arm, value) -> bool:
    if dim := _vector(arm):
        size = len(value) if isinstance(value, tuple) else 0
        return size > 0 and dim in (size, str(dim)) and all(map(math.isfinite, value))
    kind = base(arm)
    if (known := choices(arm)) and value not in known:
        return False
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)
    return kind in _NAMES and type(value) is kind


def _written(arm) -> str | None:
    """How a value of this type is written, if it can be."""
    if dim := _vector(arm):
        return f"a list of {dim} numbers" if isinstance(dim, int) else "a list of numbers"
    return _NAMES.get(base(arm))


def _vector(arm) -> str | int | None:
    """The one axis of a float32 vector that hangs on no audio spec, such as an embedding."""
    mark = marker(arm)
    plain = isinstance(mark, Array) and mark.dtype == "float32" and len(mark.dims) == 1 and mark.bound == ()
    return mark.dims[0] if plain else None
