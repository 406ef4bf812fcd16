"""A digest of the code a block runs, so that a changed line redoes only what depends on it.

Comments, docstrings and formatting do not count. The code of a block is its module, every module that it imports at any
depth and that is no library (below `blocks`, of its own package, or a helper in a folder of the user's), the parts of the
contract that these use (`contract.py`), and the data files beside them, also in folders without code. Beside a helper that
is in no package lies whatever its folder is for (logs, graphs), so there only what it names counts.
"""

import ast
import hashlib
import importlib.util
import re
import site
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache, reduce
from operator import or_
from pathlib import Path

from blocks.common import contents
from runner.plan import contract

# Raise this number when the runner's own part changes: how it calls blocks, what it checks, and what stored tables mean.
CONTRACT = 1
_BY_NAME = ("import_module", "__import__")  # calls with the name of a module
_NO_DATA = re.compile(
    r".*~|#.*#|\d+|.*\.(pyc?|pyi|orig|rej|bak|swp|md|rst)", re.IGNORECASE
)  # code, documents, what editors leave
_LIBRARIES = [
    Path(folder).resolve()
    for folder in {*sysconfig.get_paths().values(), *site.getsitepackages(), site.getusersitepackages()}
]


@cache
def code_digest(module: str) -> str:
    """Hex digest of the code of `module`, of what it imports but libraries, and of the data beside these."""
    modules: dict[str, _Module] = {}
    _collect(module, modules)
    used = contract.used(reduce(or_, (each.uses for each in modules.values()), contract.Uses()))
    texts = {name: each.text for name, each in modules.items()} | used
    whole = "\0".join(f"{name}\0{text}" for name, text in sorted(texts.items()))
    return hashlib.blake2b(f"{CONTRACT}\0{whole}".encode(), digest_size=16).hexdigest()


def forget() -> None:
    """Read every module anew, for who changed one."""
    for known in (code_digest, _module, _is_module, _is_library):
        known.cache_clear()
    contract.forget()


def _collect(module: str, modules: "dict[str, _Module]") -> None:
    if module in modules or module == "blocks" or module in contract.MODULES:
        return
    if (read := _module(module)) is None:
        return
    modules[module] = read
    for name in read.imported:
        _collect(name, modules)


@dataclass(frozen=True)
class _Module:
    text: str  # without what does not count; hashes of the data beside it
    imported: list[str]  # modules that are no libraries
    uses: contract.Uses


@cache
def _module(name: str) -> _Module | None:
    """What counts of a module; None where it has no file."""
    found = importlib.util.find_spec(name)
    if found is None or not found.origin or not found.origin.endswith(".py"):
        return None
    path, home = Path(found.origin), name.partition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = found.parent or ""
    imported, uses = _imports(tree, package, home), contract.uses(tree, package)
    contract.strip_docstrings(tree)
    text = ast.unparse(tree)
    data = _data_beside(path, text, whole=path.name == "__init__.py" and name.count(".") > 1)
    if not found.parent:
        data = [file for file in data if file.relative_to(path.parent).parts[0] in text or file.stem == path.stem]
    return _Module("\0".join([text, *([contents.fingerprint(path.parent, data)] if data else [])]), imported, uses)


def _data_beside(path: Path, text: str, whole: bool) -> list[Path]:
    """The data in the folder of a module and in folders below it that hold no code, or that it names; `whole`: in all below it."""
    beside = list(path.parent.rglob("*") if whole else path.parent.glob("*"))
    folders = [] if whole else [each for each in beside if each.is_dir()]
    below = [each for each in folders if repr(each.name) in text or not any(each.rglob("*.py"))]
    found = {*beside, *(file for folder in below for file in folder.rglob("*"))}
    return sorted(file for file in found if _is_data(file.relative_to(path.parent)) and file.is_file())


def _is_data(file: Path) -> bool:
    hidden = any(part.startswith(".") or part == "__pycache__" for part in file.parts)
    return not hidden and not _NO_DATA.fullmatch(file.name)


def _imports(tree: ast.AST, package: str, home: str) -> list[str]:
    """The modules the code may import, also inside functions, without libraries. ``from blocks.a import b`` may mean ``blocks.a.b``."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in _BY_NAME:
            names += [
                each.value for each in node.args[:1] if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]
        elif isinstance(node, ast.ImportFrom):
            base = (
                importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                if node.level
                else node.module
            )
            names.append(base)
            names += [f"{base}.{alias.name}" for alias in node.names if _is_ours(base, home)]
    every = (name for each in names if not each.startswith(".") for name in _with_packages(each))
    return [name for name in dict.fromkeys(every) if _is_ours(name, home) and _is_module(name)]


def _with_packages(name: str) -> list[str]:
    """A module and the packages it lies in, whose code runs before it."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


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
