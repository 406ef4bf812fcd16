"""What a module uses of the contract: of these large files only the parts that it names count in its digest.

A part is a function, a class or a constant at the top of a contract module. It brings along the parts that it names
itself. Of a class that nobody derives from, the fields and those methods count whose names occur somewhere in the code: so
a helper that is added redoes nothing, and a changed method what may call it. Classes that blocks derive from count whole:
the runner calls their methods.
"""

import ast
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

MODULES = {"blocks.base", "blocks.arrays", "blocks.spec", "blocks.load", "blocks.training"}
_PLAIN = {"property", "classmethod", "staticmethod", "abstractmethod"}  # with another decorator a method calls itself

Part = tuple[str, str]  # module, and a name at its top; "" for whatever is named of the module
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Uses:
    """What code names: `parts` it imports, all its `words`, and the `bases` of its classes."""

    parts: frozenset[Part] = frozenset()
    words: frozenset[str] = frozenset()
    bases: frozenset[str] = frozenset()

    def __or__(self, other: "Uses") -> "Uses":
        return Uses(self.parts | other.parts, self.words | other.words, self.bases | other.bases)


def uses(tree: ast.AST, package: str = "") -> Uses:
    """What the code of a module of `package`, or a piece of it, uses."""
    parts, words, bases = set(), set(), set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.keyword(arg=str(word)):
                words.add(word)
            case ast.Call(
                func=ast.Name(id="getattr" | "attrgetter" | "methodcaller"), args=[*_, ast.Constant(value=str(word))]
            ):
                words.add(word)
            case ast.ClassDef():
                bases |= {word for base in node.bases for word in _words_of(base)}
            case ast.Import():
                parts |= {(alias.name, "") for alias in node.names}
            case ast.ImportFrom():
                base = (
                    importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                    if node.level
                    else node.module
                )
                parts |= {(base, alias.name) for alias in node.names} | {
                    (f"{base}.{alias.name}", "") for alias in node.names
                }
    return Uses(frozenset(part for part in parts if part[0] in MODULES), frozenset(words), frozenset(bases))


def _words_of(node: ast.AST) -> Iterable[str]:
    """``base``, ``Trainable`` and ``Config`` of ``base.Trainable[Config]``."""
    return (
        getattr(each, "id", getattr(each, "attr", ""))
        for each in ast.walk(node)
        if isinstance(each, ast.Name | ast.Attribute)
    )


def used(by: Uses) -> dict[str, str]:
    """The code of all parts that are used, at any depth, by their full names."""
    found: dict[str, str] = {}
    while new := {name: piece for name, piece in _named(by) if name not in found}:
        found |= {name: piece.text for name, piece in new.items()}
        for piece in new.values():
            by |= piece.uses
    return found


@dataclass(frozen=True)
class _Piece:
    """A part of a contract module, a class without its methods, or one of these."""

    text: str
    uses: Uses
    methods: "dict[str, _Piece]"
    always: bool = False  # a method that is called without being named


def _named(by: Uses) -> Iterable[tuple[str, _Piece]]:
    for module, name in sorted(by.parts):
        pieces = _pieces(module)
        for top in pieces.keys() & (by.words if not name else {name}):
            yield f"{module}.{top}", (piece := pieces[top])
            whole = top in by.bases
            for method, code in piece.methods.items():
                if whole or code.always or method in by.words:
                    yield f"{module}.{top}.{method}", code


def _source(module: str) -> str:
    return Path(importlib.util.find_spec(module).origin).read_text(encoding="utf-8")


@cache
def _pieces(module: str) -> dict[str, _Piece]:
    tree = ast.parse(_source(module))
    strip_docstrings(tree)
    imported = {name: part for node in tree.body for name, part in _imported(node)}
    tops = {name: node for node in tree.body for name in _names(node)}

    def piece(node: ast.AST, always: bool = False, methods: dict[str, _Piece] | None = None) -> _Piece:
        found = uses(node)
        own = {(module, word) for word in found.words & tops.keys()}
        others = {imported[word] for word in found.words & imported.keys()}
        return _Piece(
            ast.unparse(node), Uses(found.parts | own | others, found.words, found.bases), methods or {}, always
        )

    def whole(node: ast.AST) -> _Piece:
        if not isinstance(node, ast.ClassDef):
            return piece(node)
        methods = {
            each.name: piece(each, _is_called_by_itself(each)) for each in node.body if isinstance(each, _Function)
        }
        node.body = [each for each in node.body if not isinstance(each, _Function)] or [ast.Pass()]
        return piece(node, methods=methods)

    return {name: whole(node) for name, node in tops.items()}


def _imported(node: ast.AST) -> Iterable[tuple[str, Part]]:
    if isinstance(node, ast.ImportFrom) and node.module in MODULES:
        yield from ((alias.asname or alias.name, (node.module, alias.name)) for alias in node.names)


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _is_called_by_itself(method: _Function) -> bool:
    decorators = [each.func if isinstance(each, ast.Call) else each for each in method.decorator_list]
    return method.name.startswith("__") or not all(
        isinstance(each, ast.Name) and each.id in _PLAIN for each in decorators
    )


def strip_docstrings(tree: ast.AST) -> None:
    """Take the docstrings out of a tree: they do not count."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]


def forget() -> None:
    """Read the contract anew, for who changed it."""
    _pieces.cache_clear()
