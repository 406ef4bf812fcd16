"""A JSON Schema of graph YAMLs, from which an editor completes block names, config keys, ports and spec presets.

Draft 7, which the YAML language server reads. It helps while typing; `check` is what decides.
"""

from typing import Any

from blocks.base import Block, methods, ports, verbs
from blocks.load import find, import_problem, names
from blocks.spec import PRESETS, AudioSpec
from runner.catalogue.describe import config_keys
from runner.check.edges import input_fields, show
from runner.graph.nodes import KEYS, RUN, TESTS, VERBS

EDGE = {"type": "string", "pattern": r"^[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*$"}
NUMBERS = {"type": "array", "items": {"type": "number"}}
CONSTANT = {
    "type": "object",
    "properties": {"value": {"anyOf": [{"type": ["string", "number", "boolean"]}, NUMBERS]}},
    "required": ["value"],
    "additionalProperties": False,
    "description": "The same value for every row.",
}
LOOKUP = {
    "type": "object",
    "properties": {"row": EDGE, "at": {"anyOf": [EDGE, {"$ref": "#/definitions/constant"}]}},
    "required": ["row", "at"],
    "additionalProperties": False,
    "description": "A field of another row: of the one whose id is this row's value of `at`.",
}
LIMIT = {"type": "integer", "minimum": 1, "description": "At most so many of its rows, spread evenly."}
TEXT = {"type": "string"}
WIRED = [EDGE, *({"$ref": f"#/definitions/{name}"} for name in ("constant", "lookup", "edges"))]
ABOUT = {
    "read": "Rows from outside; the ids are the source's.",
    "map": "Item by item; the rows keep their ids.",
    "expand": "New rows from the whole table, each listing its parents.",
    "fit": "Trains weights; a map names it as its model.",
    "reduce": "The whole table to one row, which joins every row; with `by` to one a group.",
    "load": "The folder of a shipped artifact; `as` names its block.",
    "pick": "Fields of other nodes under names of their own, and with where, or a limit in config, fewer rows.",
    "union": "The rows of two or more nodes with the same fields.",
}


def graph_schema(broken: list[str] | None = None) -> dict[str, Any]:
    """The schema, as a dict that `json.dumps` takes. Imports every variant, none of its libraries.

    One that cannot be imported is left out, and why is added to `broken`.
    """
    classes = {}
    for name in names():
        try:
            classes[name] = find(name)
        except Exception as error:  # a variant may fail in any way while it is imported
            if broken is None:
                raise
            broken.append(import_problem(name, error))
    definitions: dict[str, Any] = {"edges": _edges(), "constant": CONSTANT, "lookup": LOOKUP, "spec": _spec()}
    definitions |= {"condition": _condition(), "scale": _scale()}
    definitions["node"] = _node(classes, definitions)
    partial = {"additionalProperties": {"type": ["object", "null"], "properties": definitions["node"]["properties"]}}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "voxblocks graph",
        "type": "object",
        "additionalProperties": False,
        "required": ["nodes"],
        "properties": {
            "about": TEXT | {"description": "One sentence on what the graph makes."},
            "paper": TEXT | {"description": "Where the system was published."},
            "spec": {"$ref": "#/definitions/spec"},
            "seed": {"type": "integer", "minimum": 0, "default": 0},
            "on_error": {"enum": ["quarantine", "stop"], "default": "quarantine"},
            "max_failed": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.01},
            "options": {
                "description": "Options that voxblocks run gets for this graph: {speaker: node.key} makes --speaker NAME a --set.",
                "type": "object",
                "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$", "not": {"enum": list(RUN)}},
                "additionalProperties": TEXT | {"pattern": r"^[A-Za-z_][A-Za-z0-9_]*\.[^.].*$"},
            },
            "outputs": {
                "description": "{node: folder}: where run --until NODE writes its files unless --out says otherwise.",
                "type": "object",
                "additionalProperties": TEXT | {"minLength": 1},
            },
            "base": TEXT | {"description": "Another graph that this one is laid over."},
            "sizes": {
                "description": "{size: {node: {config key: value}}}; the first size is the default.",
                "type": "object",
                "additionalProperties": {"type": "object", "additionalProperties": {"type": "object"}},
            },
            "nodes": {"type": "object", "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}},
        },
        # With a base a node may say only what changes, and null takes one away.
        "if": {"required": ["base"]},
        "then": {"required": ["base"], "properties": {"nodes": partial}},
        "else": {"properties": {"nodes": {"additionalProperties": {"$ref": "#/definitions/node"}}}},
        "definitions": definitions,
    }


def _node(classes: dict[str, type[Block]], definitions: dict[str, Any]) -> dict[str, Any]:
    serves = {name: verbs(cls) for name, cls in classes.items()}
    by_verb = {verb: [name for name in classes if verb in serves[name]] for verb in VERBS}
    properties: dict[str, Any] = {
        verb: {"enum": by_verb[verb], "description": ABOUT[verb]}
        for verb in VERBS
        if verb not in ("load", "pick", "union")
    }
    properties |= {
        "load": TEXT | {"description": ABOUT["load"]},
        "as": {"enum": by_verb["fit"], "description": "The block of the loaded artifact."},
        "pick": {"type": "object", "additionalProperties": EDGE, "description": ABOUT["pick"]},
        "union": {"type": "array", "items": TEXT, "minItems": 2, "description": ABOUT["union"]},
        "in": {"$ref": "#/definitions/edges"},
        "config": {"type": "object"},
        "method": TEXT | {"description": "Another method of the block than apply, as the inverse of a flow."},
        "model": TEXT | {"description": "A fit or load node of the same block."},
        "init": TEXT | {"description": "A fit or load node of the same block to start from."},
        "by": EDGE | {"description": "One row for each value of this field, which joins every row of its group."},
        "where": {"type": "object", "additionalProperties": {"$ref": "#/definitions/condition"}},
        "scale": {"$ref": "#/definitions/scale"},
        "spec": {"$ref": "#/definitions/spec"},
        "released": TEXT | {"description": "The folder of a shipped artifact, which run --released uses."},
    }
    rules = [_verb_rule(verb, properties) for verb in VERBS]
    for name, cls in classes.items():
        definitions[f"config.{name}"] = _config(name, cls, definitions)
        rules += [_block_rule(name, cls, verb, method) for verb in serves[name] for method in _methods(cls, verb)]
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "oneOf": [{"required": [verb]} for verb in VERBS],
        "allOf": rules,
    }


def _verb_rule(verb: str, properties: dict[str, Any]) -> dict[str, Any]:
    """A node with this verb has none of the keys that are for others."""
    foreign = [key for key in properties if key not in KEYS[verb] and key not in VERBS]
    then: dict[str, Any] = {"properties": dict.fromkeys(foreign, False)}
    if verb == "load":
        then["required"] = ["as"]
    if verb == "pick":
        then["properties"]["config"] = {"properties": {"limit": LIMIT}, "additionalProperties": False}
    return {"if": {"required": [verb]}, "then": then}


def _methods(cls: type[Block], verb: str) -> list[str]:
    return methods(cls) if verb == "map" else [""]


def _block_rule(name: str, cls: type[Block], verb: str, method: str) -> dict[str, Any]:
    """With this block, and this method of it, the config has its keys, and `in` its ports."""
    then: dict[str, Any] = {"properties": {"config": {"$ref": f"#/definitions/config.{name}"}}}
    named: dict[str, Any] = {"properties": {verb: {"const": name}}, "required": [verb]}
    if method == "apply":
        then["properties"]["method"] = {"enum": methods(cls)}
        named["not"] = {"properties": {"method": {"enum": methods(cls)[1:]}}, "required": ["method"]}
    elif method:
        named = {"properties": named["properties"] | {"method": {"const": method}}, "required": [verb, "method"]}
    schema = ports(cls, verb, method).inputs
    if schema:
        inputs = input_fields(schema)
        required = [port for port in inputs if schema.model_fields[port].is_required()]
        wired = {port: {"description": show(hint), "anyOf": WIRED} for port, hint in inputs.items()}
        then["properties"]["in"] = {"properties": wired, "additionalProperties": False, "required": required}
        then["required"] = ["in"] if required else []
    return {"if": named, "then": then}


def _config(name: str, cls: type[Block], definitions: dict[str, Any]) -> dict[str, Any]:
    """The config of a block in pydantic's words, with the comments of its source as descriptions."""
    found = cls.Config.model_json_schema(ref_template=f"#/definitions/{name}.{{model}}")
    for model, inner in found.pop("$defs", {}).items():
        definitions[f"{name}.{model}"] = inner
    for key in config_keys(cls.Config):
        if key["comment"]:
            found["properties"][key["name"]].setdefault("description", key["comment"])
    if "fit" in verbs(cls):
        found.pop("required", None)  # a map or expand has what its model was fitted with
    return found


def _edges() -> dict[str, Any]:
    return {
        "description": "field: node.field, {value: constant} or {row: node.field, at: node.field}; a port that takes many has names with these below it.",
        "type": "object",
        "additionalProperties": {"anyOf": WIRED},
    }


def _condition() -> dict[str, Any]:
    plain = {"type": ["string", "number", "boolean", "null"]}
    several = {"type": "array", "items": plain}
    tests = {key: {"anyOf": [plain, several]} if key == "not" else {"type": "number"} for key in TESTS}
    return {
        "anyOf": [
            plain,
            several,
            {"type": "object", "properties": tests, "additionalProperties": False, "minProperties": 1},
        ]
    }


def _scale() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "workers": {"type": "integer", "minimum": 1, "default": 1},
            "cpus": {"type": "number", "exclusiveMinimum": 0, "default": 1, "description": "of each worker"},
            "gpus": {"type": "number", "minimum": 0, "default": 0, "description": "of each worker"},
            "memory": TEXT | {"description": "of each worker, such as 4GB"},
            "batch_size": {"type": "integer", "minimum": 1},
            "audio": {"enum": ["flac"], "description": "how the store keeps waves; float32 if not said"},
        },
    }


def _spec() -> dict[str, Any]:
    """The name of a preset, or fields with perhaps a preset below them."""
    found = AudioSpec.model_json_schema()
    preset = {"enum": list(PRESETS), "description": "a mel convention by its name"}
    return {
        "anyOf": [
            preset,
            {"type": "object", "properties": {"preset": preset, **found["properties"]}, "additionalProperties": False},
        ]
    }
