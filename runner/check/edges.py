"""What may be wired to what: the type rules of an edge, and how types read in messages."""

import types
import typing
from dataclasses import dataclass
from typing import Any, Literal, Union

from blocks.arrays import Array, Value, marker
from blocks.base import DerivedRow, NewRow, Schema, field_type
from blocks.spec import AudioSpec


@dataclass(frozen=True)
class Field:
    """A field of a table: its annotated type, and the audio spec it was made at."""

    hint: Any
    spec: AudioSpec


def show(hint) -> str:
    """A type as messages, pictures and `describe` write it: ``wave float32(samples) of full scale``, ``text``."""
    options = arms(hint)
    if len(options) > 1:
        return " or ".join(sorted(map(show, options), key="None".__eq__))
    if mark := marker(hint):
        return str(mark)
    if hint in (None, type(None)):
        return "None"
    if typing.get_origin(hint) is typing.Annotated:
        return show(typing.get_args(hint)[0])
    if typing.get_origin(hint) is Literal:
        return " or ".join(map(str, typing.get_args(hint)))
    if typing.get_origin(hint) is dict:
        return f"mapping of {show(typing.get_args(hint)[1])}"
    if (origin := typing.get_origin(hint)) and isinstance(origin, type):
        return f"{origin.__name__} of {', '.join(show(arg) for arg in typing.get_args(hint) if arg is not Ellipsis)}"
    return getattr(hint, "__name__", str(hint))


def short(hint) -> str:
    """The name alone: ``wave``, ``text``, ``float``."""
    mark = marker(hint)
    return mark.name if mark else show(hint)


def arms(hint) -> list:
    """The members of a union; a type that is none is its own only member."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is Union:
        return list(typing.get_args(hint))
    return [hint]


def base(hint):
    """The plain type below an annotation: ``str`` for a text, and for a choice of texts."""
    if typing.get_origin(hint) is typing.Annotated:
        return base(typing.get_args(hint)[0])
    if typing.get_origin(hint) is Literal:
        kinds = {type(choice) for choice in typing.get_args(hint)}
        return kinds.pop() if len(kinds) == 1 else hint
    return hint


def values(hint) -> bool:
    """Whether a type is a plain value, such as a text or a number, that can be compared."""
    return all(base(arm) in (str, int, float, bool, type(None)) for arm in arms(hint))


def fits(want, have) -> bool:
    """Whether a value of type `have` may go into a port of type `want`; nothing is ever converted."""
    if want is Any or want is have:
        return True
    if len(arms(have)) > 1 or len(arms(want)) > 1:
        return all(any(fits(w, h) for w in arms(want)) for h in arms(have))
    into, out = marker(want), marker(have)
    if isinstance(into, Array) and isinstance(out, Array):
        if into.open:
            along = _word(into.dims[0]) == _word(out.dims[0]) and len(into.dims) == len(out.dims)
            return along and into.holds(out.dtype)
        same = (into.name, into.dtype, into.unit) == (out.name, out.dtype, out.unit)
        return same and list(map(_word, into.dims)) == list(map(_word, out.dims))
    if isinstance(into, Array) or isinstance(out, Array):
        return False
    if isinstance(into, Value):
        return isinstance(out, Value) and (into.name, into.unit) == (out.name, out.unit)
    if typing.get_origin(want) is dict and typing.get_origin(have) is dict:
        return all(map(fits, typing.get_args(want), typing.get_args(have)))
    return want == have or base(have) == base(want) == want


def _word(dim):
    """``samples:prediction`` compares as ``samples``."""
    return dim.split(":")[0] if isinstance(dim, str) else dim


def bound(hint) -> tuple[str, ...]:
    """The spec fields that the arrays of a type depend on."""
    mark = marker(hint)
    if isinstance(mark, Array):
        return tuple(AudioSpec.model_fields) if mark.bound is None else tuple(mark.bound)
    found = [name for arg in typing.get_args(hint) for name in bound(arg)]
    return tuple(dict.fromkeys(found))


def met(want, have):
    """Of a port and what is wired to it the type that says which spec fields matter: an open port takes them as they come."""
    return have if any(isinstance(mark := marker(arm), Array) and mark.open for arm in arms(want)) else want


def differing(hint, want: AudioSpec, have: AudioSpec) -> list[str]:
    """The spec fields that matter to this type and differ."""
    return unequal(want, have, bound(hint)) if want is not have else []


def unequal(a: AudioSpec, b: AudioSpec, names=tuple(AudioSpec.model_fields)) -> list[str]:
    """The fields in which two specs differ."""
    return [name for name in names if getattr(a, name) != getattr(b, name)]


def at(spec: AudioSpec, names: list[str]) -> str:
    """``hop_length 256 and n_mels 100``."""
    return " and ".join(f"{name} {getattr(spec, name)}" for name in names)


def input_fields(schema: type[Schema]) -> dict[str, Any]:
    """The ports of an input schema with their types; ``id`` is the runner's to fill."""
    return {name: field_type(schema, name) for name in schema.model_fields if name != "id"}


def output_fields(schema: type[Schema]) -> dict[str, Any]:
    """The fields that others may be wired to; id and parents belong to the row, not to its data."""
    own = {"id"} if issubclass(schema, NewRow) else set()
    own |= {"parents"} if issubclass(schema, DerivedRow) else set()
    return {name: field_type(schema, name) for name in schema.model_fields if name not in own}


def different(first: str, wanted: dict[str, Field], name: str, fields: dict[str, Field]) -> str:
    """How the fields of two tables differ, or nothing."""
    found = [f"{name} lacks {field}" for field in wanted if field not in fields]
    found += [f"{first} lacks {field}" for field in fields if field not in wanted]
    for key in wanted.keys() & fields.keys():
        ours, theirs = wanted[key], fields[key]
        if not (fits(ours.hint, theirs.hint) and fits(theirs.hint, ours.hint)):
            found.append(f"{first}.{key} is {show(ours.hint)}, {name}.{key} is {show(theirs.hint)}")
        elif names := differing(ours.hint, ours.spec, theirs.spec):
            found.append(f"{first}.{key} has {at(ours.spec, names)}, {name}.{key} has {at(theirs.spec, names)}")
    return ", ".join(sorted(found))
