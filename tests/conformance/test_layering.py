"""The layers hold: who may import whom, read from the code itself."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKS = sorted((ROOT / "blocks").rglob("*.py"))
RUNNER = sorted((ROOT / "runner").rglob("*.py"))
KINDS = {path.parent.name for path in (ROOT / "blocks").glob("*/schema.py")}
CONTRACT = {
    "blocks",
    "blocks.common.folders",
    "blocks.common.mel",  # what the items of the conformance suite are made with
    "blocks.arrays",
    "blocks.base",
    "blocks.load",
    "blocks.spec",
    "blocks.training",
}


# The rooms of the runner, from the ground up: each may import those before it.
ROOMS = (
    "graph", "check", "plan", "store", "work", "fit", "run", "cluster", "speak", "serve", "report", "catalogue",
    "conformance", "cli",
)  # fmt: skip


def imports(path: Path) -> set[str]:
    """Every module a file imports, at any depth of nesting."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative imports hide what is imported"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", BLOCKS, ids=name)
def test_blocks_import_neither_the_runner_nor_ray(path):
    assert not {module for module in imports(path) if module.split(".")[0] in ("runner", "ray", "tests", "benchmarks")}


@pytest.mark.parametrize("path", [path for path in BLOCKS if path.parent.name in KINDS], ids=name)
def test_kinds_do_not_import_each_other(path):
    others = {f"blocks.{kind}" for kind in KINDS - {path.parent.name}}
    assert not {module for module in imports(path) if any(module == o or module.startswith(o + ".") for o in others)}


@pytest.mark.parametrize("path", RUNNER, ids=name)
def test_the_runner_imports_no_variant(path):
    below = {module for module in imports(path) if module.startswith("blocks")}
    assert not {module for module in below if not any(module == c or module.startswith(c + ".") for c in CONTRACT)}


@pytest.mark.parametrize("path", [path for path in RUNNER if path.parent.name != "runner"], ids=name)
def test_rooms_of_the_runner_import_only_those_below_them(path):
    room = path.relative_to(ROOT / "runner").parts[0]
    others = {module.split(".")[1] for module in imports(path) if module.startswith("runner.")} - {room}
    assert others <= set(ROOMS[: ROOMS.index(room)])


@pytest.mark.parametrize("path", [path for path in BLOCKS if path.name == "schema.py"], ids=name)
def test_schemas_import_no_framework(path):
    allowed = {"blocks", "numpy", "pydantic", *sys.stdlib_module_names}
    assert {module.split(".")[0] for module in imports(path)} <= allowed


def test_every_block_imports_without_a_framework():
    """What `check` relies on: naming any block in a graph costs no torch, jax, ray, audio library or Arrow."""
    code = (
        "import sys\nfrom blocks.load import find, names\nfor name in names(): find(name)\n"
        "heavy = {'torch', 'jax', 'ray', 'librosa', 'scipy', 'soundfile', 'av', 'pyworld', 'pyarrow', 'matplotlib', 'lhotse', 'faster_whisper'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == []


def test_no_pickle_anywhere():
    banned = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
    assert {p.name: bad for p in BLOCKS + RUNNER if (bad := banned & {m.split(".")[0] for m in imports(p)})} == {}
