"""A digest of the code a block runs, so that a changed line redoes only what depends on it.

Comments, docstrings and formatting do not count. The code of a block is its module and every module below
`blocks` that it imports, at any depth, except the contract itself (see CONTRACT).
"""

import ast
import hashlib
import importlib.util
from functools import cache
from pathlib import Path

# The contract is left out of the digests: a helper added there must not redo every table. Raise this number when
# the meaning of blocks/base.py, arrays.py, spec.py or of the stored tables changes.
CONTRACT = 1
_CONTRACT_MODULES = {"blocks", "blocks.base", "blocks.arrays", "blocks.spec", "blocks.load", "blocks.training"}


@cache
def code_digest(module: str) -> str:
    """Hex digest of the code of `module` and of what it imports below `blocks`."""
    texts: dict[str, str] = {}
    _collect(module, texts)
    whole = "\0".join(f"{name}\0{text}" for name, text in sorted(texts.items()))
    return hashlib.blake2b(f"{CONTRACT}\0{whole}".encode(), digest_size=16).hexdigest()


def forget() -> None:
    """Read every module anew, for who changed one."""
    for known in (code_digest, _module, _is_module):
        known.cache_clear()


def _collect(module: str, texts: dict[str, str]) -> None:
    if module in texts or module in _CONTRACT_MODULES:
        return
    if (read := _module(module)) is None:
        return
    texts[module], imported = read
    for name in imported:
        _collect(name, texts)


@cache
def _module(name: str) -> tuple[str, list[str]] | None:
    """The code of a module without what does not count, and the modules below `blocks` it may import; None where it has no file."""
    found = importlib.util.find_spec(name)
    if found is None or not found.origin:
        return None
    tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
    imported = [module for module in _imports(tree, found.parent or "") if module.startswith("blocks.")]
    _strip_docstrings(tree)
    return ast.unparse(tree), imported


def _imports(tree: ast.AST, package: str) -> list[str]:
    """Every module the code may import, also inside functions; ``from blocks.a import b`` may mean ``blocks.a.b``."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = (
                importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                if node.level
                else node.module
            )
            names.append(base)
            names += [f"{base}.{alias.name}" for alias in node.names if _is_module(f"{base}.{alias.name}")]
    return names


@cache
def _is_module(name: str) -> bool:
    if not name.startswith("blocks."):
        return False
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _strip_docstrings(tree: ast.AST) -> None:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
