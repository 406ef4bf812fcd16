"""A digest of the code a block runs, so that a changed line redoes only what depends on it.

Comments, docstrings and formatting do not count. The code of a block is its module, every module that it imports at any
depth and that is no library (below `blocks`, of its own package, or a helper in a folder of the user's), the functions of
`blocks.training` that these take, and the data files beside them, also in folders without code. Beside a helper that is in
no package lies whatever its folder is for (logs, graphs), so there only what it names counts. The rest of the contract is
left out (see CONTRACT).
"""

import ast
import hashlib
import importlib.util
import site
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from blocks.common import contents

# The contract is left out of the digests: a helper added there must not redo every table. Raise this number when
# the meaning of blocks/base.py, arrays.py, spec.py or of the stored tables changes.
CONTRACT = 1
_CONTRACT_MODULES = {"blocks", "blocks.base", "blocks.arrays", "blocks.spec", "blocks.load", "blocks.training"}
_TAKEN_APART = (
    "blocks.training"  # of which the functions that a block takes count: what pads, groups or orders its items
)
_LIBRARIES = [
    Path(folder).resolve()
    for folder in {*sysconfig.get_paths().values(), *site.getsitepackages(), site.getusersitepackages()}
]


@cache
def code_digest(module: str) -> str:
    """Hex digest of the code of `module`, of what it imports but libraries, and of the data beside these."""
    texts: dict[str, str] = {}
    _collect(module, texts)
    whole = "\0".join(f"{name}\0{text}" for name, text in sorted(texts.items()))
    return hashlib.blake2b(f"{CONTRACT}\0{whole}".encode(), digest_size=16).hexdigest()


def forget() -> None:
    """Read every module anew, for who changed one."""
    for known in (code_digest, _module, _is_module, _is_library, _functions):
        known.cache_clear()


def _collect(module: str, texts: dict[str, str]) -> None:
    if module in texts or module in _CONTRACT_MODULES:
        return
    if (read := _module(module)) is None:
        return
    texts[module] = read.text
    for name in read.taken:
        texts[f"{_TAKEN_APART}.{name}"] = _functions(_TAKEN_APART).get(name, "")
    for name in read.imported:
        _collect(name, texts)


@dataclass(frozen=True)
class _Module:
    text: str  # without what does not count; hashes of the data beside it
    imported: list[str]  # modules that are no libraries
    taken: list[str]  # names of `_TAKEN_APART`


@cache
def _module(name: str) -> _Module | None:
    """What counts of a module; None where it has no file."""
    found = importlib.util.find_spec(name)
    if found is None or not found.origin or not found.origin.endswith(".py"):
        return None
    path, home = Path(found.origin), name.partition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported, taken = _imports(tree, found.parent or "", home)
    _strip_docstrings(tree)
    text = ast.unparse(tree)
    data = _data_beside(path, whole=path.name == "__init__.py" and name.count(".") > 1)
    if not found.parent:
        data = [file for file in data if file.relative_to(path.parent).parts[0] in text or file.stem == path.stem]
    return _Module("\0".join([text, *([contents.fingerprint(path.parent, data)] if data else [])]), imported, taken)


def _data_beside(path: Path, whole: bool) -> list[Path]:
    """The data in the folder of a module and in folders below it that hold no code; `whole`: in all below it."""
    beside = list(path.parent.rglob("*") if whole else path.parent.glob("*"))
    below = [] if whole else [each for each in beside if each.is_dir() and not any(each.rglob("*.py"))]
    found = {*beside, *(file for folder in below for file in folder.rglob("*"))}
    return sorted(file for file in found if _is_data(file.relative_to(path.parent)) and file.is_file())


def _is_data(file: Path) -> bool:
    hidden = any(part.startswith(".") or part == "__pycache__" for part in file.parts)
    return not hidden and file.suffix not in (".py", ".pyc", ".pyi")


def _imports(tree: ast.AST, package: str, home: str) -> tuple[list[str], list[str]]:
    """The modules the code may import, also inside functions, without libraries; and the names it takes of `_TAKEN_APART`.

    ``from blocks.a import b`` may mean ``blocks.a.b``.
    """
    names, taken = [], []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = (
                importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                if node.level
                else node.module
            )
            if base == _TAKEN_APART:
                taken += [alias.name for alias in node.names]
            names.append(base)
            names += [f"{base}.{alias.name}" for alias in node.names if _is_ours(base, home)]
    return [name for name in dict.fromkeys(names) if _is_ours(name, home) and _is_module(name)], taken


def _is_ours(name: str, home: str) -> bool:
    top = name.partition(".")[0]
    return top in ("blocks", home) or not _is_library(top)


@cache
def _is_library(top: str) -> bool:
    """Whether a package is of Python or installed; also if it is not here."""
    if top in sys.stdlib_module_names:
        return True
    found = importlib.util.find_spec(top)
    places = [found.origin] if found and found.origin else list(found.submodule_search_locations or ()) if found else []
    where = [Path(place).resolve() for place in places]
    return not where or any(path.is_relative_to(folder) for path in where for folder in _LIBRARIES)


@cache
def _is_module(name: str) -> bool:
    """Whether there is such a module. Only packages are imported to know it: what a plain module imports may take seconds."""
    package = name.rpartition(".")[0]
    try:
        if package and not (_is_module(package) and importlib.util.find_spec(package).submodule_search_locations):
            return False
        return importlib.util.find_spec(name) is not None
    except (ModuleNotFoundError, ValueError):
        return False


@cache
def _functions(module: str) -> dict[str, str]:
    """The functions of a module, each with the constants and functions of the module that it uses; classes are contract."""
    tree = ast.parse(Path(importlib.util.find_spec(module).origin).read_text(encoding="utf-8"))
    _strip_docstrings(tree)
    found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    found |= {
        node.targets[0].id: node
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }

    def text(name: str, seen: set[str]) -> str:
        seen.add(name)
        used = {node.id for node in ast.walk(found[name]) if isinstance(node, ast.Name)} & found.keys() - seen
        return "\0".join([ast.unparse(found[name]), *(text(other, seen) for other in sorted(used))])

    return {name: text(name, set()) for name, node in found.items() if isinstance(node, ast.FunctionDef)}


def _strip_docstrings(tree: ast.AST) -> None:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
