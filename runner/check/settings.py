"""Checks of one node's settings: its block, its config, its audio spec, its artifact on disk, its conditions."""

from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError

from blocks.base import Block, BlockConfig, Schema, Trainable, field_type, verbs
from blocks.load import ARTIFACT, described, find, import_problem, missing, suggest
from blocks.spec import AudioSpec
from runner.check.edges import arms, at, base, input_fields, show, unequal, values
from runner.graph.nodes import Condition, Graph, Node, leaves, spec_errors
from runner.graph.tree import Problem


class Blocks:
    """The blocks of a graph, each looked for once."""

    def __init__(self):
        self.find, self.missing = cache(find), cache(missing)


def block_of(node: Node, blocks: Blocks, needs: bool) -> tuple[type[Block] | None, list[Problem]]:
    """The class of a node's block, and what is wrong with naming it here."""
    place = node.at("as" if node.verb == "load" else node.verb, value=True)
    try:
        cls = blocks.find(node.block)
    except Exception as error:  # a variant may fail in any way while it is imported
        return None, [Problem(place, f"{node.name}: {import_problem(node.block, error)}")]
    serves = verbs(cls)
    if ("fit" if node.verb == "load" else node.verb) not in serves:
        what = "has no weights to load" if node.verb == "load" else f"cannot {node.verb}"
        return None, [Problem(place, f"{node.name}: {node.block} {what}; want {' or '.join(serves)}: {node.block}")]
    if needs and (absent := blocks.missing(cls)):
        how = f"pip install 'voxblocks[{cls.extra}]'" if cls.extra else f"pip install {' '.join(absent)}"
        return cls, [
            Problem(place, f"{node.name}: {node.block} needs {', '.join(absent)}, which is not installed; {how}")
        ]
    return cls, []


def config_of(node: Node, cls: type[Block], data: dict, where) -> tuple[BlockConfig | None, dict[Problem, str]]:
    """The validated config, and problems with the top key each stands at; `where(*keys, value=)` gives places.

    Where there are any, the config is that without those keys, for what can be asked of the others; None where there is none.
    """
    try:
        return cls.Config(**data), {}
    except ValidationError as error:
        found = dict(_config_problem(node, cls, each, where) for each in error.errors(include_url=False))
    try:
        return cls.Config(**{key: value for key, value in data.items() if key not in found.values()}), found
    except ValidationError:
        return None, found


def _config_problem(node: Node, cls: type[Block], error: dict, where) -> tuple[Problem, str]:
    loc = error["loc"]
    key, path = str(loc[0]) if loc else "", ".".join([node.name, *map(str, loc)])
    if error["type"] == "extra_forbidden" and len(loc) == 1:
        message = f"{node.name}: {node.block} has no config key {key!r}{suggest(key, list(cls.Config.model_fields))}"
        return Problem(where(*loc), message), key
    if error["type"] == "missing" and len(loc) == 1:
        want = show(field_type(cls.Config, key))
        return Problem(where(), f"{node.name}: {node.block} wants the config key {key!r} ({want})"), key
    reason = sentence(error["msg"])
    got = f", got {error['input']!r}" if loc else ""
    return Problem(where(*loc, value=True), f"{path}: {reason}{got}"), key


def sentence(message: str) -> str:
    """A message of pydantic's as a part of a sentence."""
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def spec_of(graph: Graph, node: Node) -> tuple[AudioSpec, list[Problem]]:
    """The graph's audio spec with the node's own fields in it."""
    if not node.spec:
        return graph.spec, []
    try:
        return AudioSpec(**{**graph.spec.model_dump(), **node.spec}), []
    except ValidationError as error:
        found = [
            Problem(node.at("spec", *keys, value=True), f"{node.name}.{text}") for text, keys in spec_errors(error)
        ]
        return graph.spec, found


def weights_problems(
    node: Node, cls: type[Block], spec: AudioSpec, nodes: dict[str, Node], specs: dict[str, AudioSpec], broken: bool
) -> list[Problem]:
    """Whether model and init are there where they should be, and hold this block at this spec."""

    def makers() -> list[str]:
        return [n for n, other in nodes.items() if other.verb in ("fit", "load") and other.block == node.block]

    if node.verb in ("map", "expand") and node.model is None and issubclass(cls, Trainable) and not broken:
        like = f", such as model: {makers()[0]}" if makers() else ""
        message = f"{node.name}: {node.block} wants model: a fit or load node of {node.block}{like}"
        return [Problem(node.place, message)]
    if node.model and not issubclass(cls, Trainable):
        return [Problem(node.at("model"), f"{node.name}.model: {node.block} has no weights; leave model out")]
    found = []
    for key, target in (("model", node.model), ("init", node.init)):
        other = nodes.get(target)
        if other is None or not other.verb or target == node.name:
            continue
        there = f"({target}: {other.place})"
        want, message = f"wants a fit or load of {node.block}", None
        if other.verb not in ("fit", "load"):
            hope = suggest(target, makers())
            message = f"{want}, but {target} is a {other.verb}, which makes a table {there}{hope}"
        elif other.block != node.block:
            message = f"{want}, but {target} holds {other.block} {there}{suggest(target, makers())}"
        elif target in specs and (names := unequal(spec, specs[target])):
            message = f"wants {at(spec, names)}, but {target} has {at(specs[target], names)} {there}"
        if message:
            found.append(Problem(node.at(key, value=True), f"{node.name}.{key} <- {target}: {message}"))
    return found


def balance_problems(node: Node, cls: type[Block], config: BlockConfig, inputs: type[Schema]) -> list[Problem]:
    """Whether a training that is to draw speakers, or groups, evenly knows them, by a port or a name of that name."""
    wired = any(path[-1] in ("speaker", "group") for path, _ in leaves(node.inputs))
    if node.verb != "fit" or not getattr(config, "balance", 0) or wired:
        return []
    ports = {name: show(hint) for name, hint in input_fields(inputs).items()}
    if "speaker" in ports:
        advice = "wire speaker, or leave it out"
    elif name := next((name for name, words in ports.items() if "speaker" in words), None):
        advice = f"declare and wire {name}.speaker, or leave it out"
    elif cls.group is Trainable.group:
        advice = f"{node.block} takes no speakers; leave it out"
    else:
        return []  # it counts something else
    message = f"{node.name}.balance: {config.balance:g} does nothing where no speaker is wired: {advice}"
    return [Problem(node.at("config", "balance", value=True), message)]


def artifact_of(graph: Graph, node: Node, spec: AudioSpec) -> tuple[dict | None, list[Problem]]:
    """What the artifact.json of a load says, and what speaks against using it here."""
    place = node.at("released" if node.released else "load", value=True)
    file = graph.resolve(node.path) / "artifact.json"

    def wrong(message: str) -> tuple[None, list[Problem]]:
        return None, [Problem(place, f"{node.name}: {message}")]

    if not file.parent.is_dir():
        return wrong(f"no artifact folder {file.parent}")
    try:
        meta = described(file)
    except (OSError, ValueError) as error:
        return wrong(f"{node.path} is no artifact: artifact.json: {_reason(error)}")
    got = meta.get("format") if isinstance(meta, dict) else None
    if got not in range(1, ARTIFACT + 1):
        return wrong(f"artifact {node.path} has format {got}; this version reads formats 1 to {ARTIFACT}")
    if meta.get("block") != node.block:
        return wrong(f"artifact {node.path} holds {meta.get('block')}, not {node.block}")
    try:
        made_at = AudioSpec(**meta["spec"])
    except (KeyError, TypeError, ValidationError) as error:
        return wrong(f"{node.path} is no artifact: its spec cannot be read: {_reason(error)}")
    if names := unequal(spec, made_at):
        return wrong(f"wants {at(spec, names)}, but artifact {node.path} has {at(made_at, names)}")
    return meta, []


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(message for message, _ in spec_errors(error))
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return f"no {error}" if isinstance(error, KeyError) else str(error)


# ---- where ----


def condition_problems(node: Node, condition: Condition, hint: Any) -> list[Problem]:
    """Whether the values of a condition can ever equal those of the field."""
    edge, test = condition.edge, condition.test
    here = f"{node.name}.where {edge}"
    keys = ("where", str(edge))
    if not values(hint):
        message = f"{here}: a condition wants a plain value, but {edge} is {show(hint)}"
        return [Problem(edge.place, message)]
    found = []
    wanted: list[tuple[tuple, Any]] = []
    if isinstance(test, dict):
        for name, value in test.items():
            if name == "not":
                wanted += _each(("not",), value)
            elif base_types(hint) & {int, float}:
                wanted.append(((name,), value))
            else:
                found.append(
                    Problem(node.at(*keys, name), f"{here}: {name} wants a number, but {edge} is {show(hint)}")
                )
        low, high = test.get("min"), test.get("max")
        if not found and _number(low) and _number(high) and low > high:
            message = f"{here}: min {low} is above max {high}: no row would pass"
            found.append(Problem(node.at(*keys, "min", value=True), message))
    else:
        wanted = _each((), test)
    for path, value in wanted:
        if message := _unequal(hint, value):
            found.append(Problem(node.at(*keys, *path, value=True), f"{here}: {message}"))
    return found


def _each(path: tuple, value) -> list[tuple[tuple, Any]]:
    return [((*path, i), each) for i, each in enumerate(value)] if isinstance(value, tuple) else [(path, value)]


def _number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def base_types(hint) -> set:
    return {base(arm) for arm in arms(hint)}


def choices(hint) -> list:
    """The values of a Literal, also below an annotation or in a union."""
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    return [choice for arg in get_args(hint) for choice in choices(arg)] if get_args(hint) else []


def _unequal(hint, value) -> str | None:
    """Why no value of this type equals `value`."""
    allowed = base_types(hint)
    if value is None:
        return None if type(None) in allowed else f"want {show(hint)}, got nothing"
    kinds = {int, float} if _number(value) and float in allowed else {type(value)}
    if not kinds & allowed:
        return f"want {show(hint)} ({' or '.join(sorted(t.__name__ for t in allowed))}), got {value!r}"
    if (known := choices(hint)) and value not in known:
        return f"{value!r} never occurs{suggest(str(value), [str(each) for each in known])}"
    return None


def kept_settings_problems(node: Node, cls: type[Block], settings: dict) -> list[Problem]:
    """Where an artifact was made with settings that its block does not take, as those of another version."""
    place = node.at("released" if node.released else "load", value=True)
    _, found = config_of(node, cls, settings, lambda *keys, value=False: place)
    advice = "it is of another version: train it again"
    return [Problem(place, f"{node.name}: artifact {node.path}: {each.message}; {advice}") for each in found]
