"""What a block is, as plain data: for `list`, `describe` and the JSON Schema."""

import ast
import inspect
import io
import tokenize
from pathlib import Path
from typing import Any

from blocks.arrays import Array, marker
from blocks.base import Block, BlockConfig, field_type, methods, ports, verbs
from blocks.load import file_of, find, kind_of, missing, names
from runner.check.edges import input_fields, output_fields, show


def listing() -> list[tuple[str, str]]:
    """Every block with the first line of its docstring, read without importing any."""
    return [(name, _first_line(file_of(name))) for name in names()]


def describe(name: str) -> dict[str, Any]:
    """Ports with axes, dtype and unit, config with defaults, paper and needs of ``kind.variant``.

    Raises UnknownBlock if there is none of that name.
    """
    cls = find(name)
    module = inspect.getmodule(cls)
    absent = missing(cls)
    return {
        "name": name,
        "about": inspect.getdoc(module) or "",
        "role": _first_line(kind_of(name) / "schema.py"),
        "verbs": verbs(cls),
        "paper": cls.paper,
        "licences": list(cls.licences) if isinstance(cls.licences, tuple) else [],
        "stochastic": cls.stochastic,
        "ports": {verb: _ports(cls, verb) for verb in verbs(cls)},
        "methods": {name: _ports(cls, "map", name) for name in methods(cls) if name != "apply"},
        "config": config_keys(cls.Config),
        "needs": list(cls.needs),
        "extra": cls.extra,
        "installed": not absent,
        "missing": absent,
    }


def text_of(found: dict[str, Any]) -> str:
    """The result of `describe` for a terminal."""
    lines = [f"{found['name']}  ({', '.join(found['verbs'])})", "", found["about"], ""]
    if found["paper"] and found["paper"] not in found["about"]:
        lines += [f"paper: {found['paper']}", ""]
    methods = {f"map, method: {name},": sides for name, sides in found["methods"].items()}
    for verb, sides in (found["ports"] | methods).items():
        for side in ("takes", "makes"):
            if sides[side] is not None:
                lines.append(f"{verb} {side}:")
                lines += _table([(p["name"], p["type"], _remark(p)) for p in sides[side]]) or ["  nothing"]
    lines.append("config:")
    rows = [(key["name"], _setting(key), key["comment"]) for key in found["config"]]
    lines += _table(rows) or ["  nothing to set"]
    if found["needs"]:
        how = "installed" if found["installed"] else f"not installed: {', '.join(found['missing'])}"
        extra = f" (extra {found['extra']})" if found["extra"] else ""
        lines.append(f"needs: {', '.join(found['needs'])}{extra}, {how}")
    if found["licences"]:
        lines.append(f"licences: {', '.join(found['licences'])}")
    return "\n".join(lines)


def _remark(port: dict) -> str:
    return "; ".join(filter(None, [port["about"], "" if port["required"] else "may be left out"]))


def _setting(key: dict) -> str:
    return f"{key['type']}, to be given" if key["required"] else f"{key['type']} = {key['default']!r}"


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    return ["  " + "  ".join(cell.ljust(wide) for cell, wide in zip(row, widths)).rstrip() for row in rows]


# ---- ports ----


def _ports(cls: type[Block], verb: str, method: str = "") -> dict[str, list[dict] | None]:
    found = ports(cls, verb, method)
    takes = found.inputs and [
        port_of(name, hint, found.inputs.model_fields[name].is_required())
        for name, hint in input_fields(found.inputs).items()
    ]
    makes = found.output and [port_of(name, hint) for name, hint in output_fields(found.output).items()]
    return {"takes": takes, "makes": makes}


def port_of(name: str, hint, required: bool = True) -> dict[str, Any]:
    """One port as plain data; axes, dtype and the spec fields it depends on where it is an array."""
    mark = marker(hint)
    port = {"name": name, "type": show(hint), "required": required, "about": getattr(mark, "about", "")}
    if isinstance(mark, Array):
        port |= {"axes": list(mark.dims), "dtype": str(mark.dtype)}
        port["spec"] = "all" if mark.bound is None else list(mark.bound)
    if mark:
        port["unit"] = mark.unit
    return port


# ---- config ----


def config_keys(config: type[BlockConfig]) -> list[dict[str, Any]]:
    """The keys of a config with type, default and the comment that stands behind each in the source."""
    comments = {}
    for cls in reversed(config.__mro__):
        if issubclass(cls, BlockConfig) and cls is not BlockConfig:
            comments |= _comments(cls)
    found = []
    for name, info in config.model_fields.items():
        default = None if info.is_required() else info.get_default(call_default_factory=True)
        found.append(
            {
                "name": name,
                "type": show(field_type(config, name)),
                "required": info.is_required(),
                "default": _plain(default),
                "comment": info.description or comments.get(name, ""),
            }
        )
    return found


def _plain(value):
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float | str | dict) else str(value)


def _comments(cls: type) -> dict[str, str]:
    """``gain: float = 0.5  # times the wave`` -> {"gain": "times the wave"}."""
    try:
        source = inspect.getsource(cls)
    except (OSError, TypeError):
        return {}
    rows: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            rows[token.start[0]] = token.string.lstrip("# ").strip()
    body = ast.parse(source).body[0].body
    fields = {node.target.id: node.end_lineno for node in body if isinstance(node, ast.AnnAssign)}
    return {name: rows[line] for name, line in fields.items() if line in rows}


# ---- files ----


def _first_line(path: Path) -> str:
    try:
        doc = ast.get_docstring(ast.parse(path.read_text("utf-8"), path.name)) or ""
    except (SyntaxError, UnicodeDecodeError) as error:
        return f"(cannot be read: {error})"
    return doc.partition("\n")[0]
