"""``voxblocks new vocoder.x``: the skeleton of a variant and of its test, for a person to fill in."""

import keyword
import re
from collections import Counter
from pathlib import Path

from blocks.base import METHODS, Block, Schema, Trainable, ports, verbs
from blocks.load import find, names

_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_BASES = {"read": "Source", "map": "Mapper", "expand": "Expander", "reduce": "Reducer"}


def write_skeleton(name: str, root: str | Path = ".") -> list[Path]:
    """Write ``blocks/<kind>/<variant>.py`` and its test below `root`; a new kind gets a schema.py too.

    The ports are those that most variants of the kind have. Returns the files written.
    Raises ValueError for a name that is none, FileExistsError rather than write over anything.
    """
    if not _NAME.fullmatch(name) or any(map(keyword.iskeyword, name.split("."))):
        raise ValueError(f"{name!r}: want kind.variant in small letters, digits and _, such as vocoder.griffin_lim")
    kind, variant = name.split(".")
    if variant == "schema" or kind == "common":
        raise ValueError(
            f"{name!r}: {'schema.py holds the contract of a kind' if variant == 'schema' else 'blocks/common holds no kind'}"
        )
    if name in names():
        raise FileExistsError(f"{name} is there already")
    siblings = [find(other) for other in names() if other.startswith(f"{kind}.")]
    folder = Path(root) / "blocks" / kind
    files = {}
    if not (folder / "schema.py").exists():
        files[folder / "__init__.py"] = ""
        files[folder / "schema.py"] = _SCHEMA.format(kind=kind)
    body = _like(siblings, name) if siblings else _variant(name, "map", False, _Side("In", True), _Side("Out", True))
    files[folder / f"{variant}.py"] = body
    files[Path(root) / "tests" / "blocks" / f"test_{kind}_{variant}.py"] = _test(name)
    for path in files:
        if path.exists():
            raise FileExistsError(f"{path} is there already; nothing was written")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


class _Side:
    """The schema on one side of a variant: one of the kind's, or one that the variant's own file will declare."""

    def __init__(self, name: str, shared: bool, base: str = "Schema"):
        self.name, self.shared, self.base = name, shared, base


def _like(siblings: list[type[Block]], name: str) -> str:
    """A variant with the verb and the ports that most of its siblings have."""
    kind = name.split(".")[0]
    verb = Counter(verbs(cls)[0] for cls in siblings).most_common(1)[0][0]
    alike = [cls for cls in siblings if verbs(cls)[0] == verb]
    trained = sum(issubclass(cls, Trainable) for cls in alike) > len(alike) / 2
    pairs = Counter((found.inputs, found.output) for found in (ports(cls, verb) for cls in alike))
    (takes, makes), _ = pairs.most_common(1)[0]
    return _variant(name, verb, trained, takes and _side(takes, kind, "In"), _side(makes, kind, "Out"))


def _side(schema: type[Schema], kind: str, otherwise: str) -> _Side:
    if schema.__module__ == f"blocks.{kind}.schema":
        return _Side(schema.__name__, True)
    # A sibling's own result: a new variant declares another, on the same base.
    base = next(cls for cls in schema.__mro__[1:] if cls.__module__ in (f"blocks.{kind}.schema", "blocks.base"))
    return _Side(otherwise, False, base.__name__)


def _variant(name: str, verb: str, trained: bool, takes: _Side | None, makes: _Side) -> str:
    kind, variant = name.split(".")
    sides = [side for side in (takes, makes) if side is not None]
    base = "Trainable" if trained else _BASES[verb]
    own = [side for side in sides if not side.shared]
    contract = {"BlockConfig", base, *(["Run"] if trained else []), *(["Failure"] if verb in ("read", "map") else [])}
    contract |= {side.base for side in own if side.base in ("Schema", "NewRow", "DerivedRow")}
    shared = {side.name for side in sides if side.shared} | {side.base for side in own} - contract
    imports = []
    if verb in ("read", "expand"):
        imports.append("from collections.abc import Iterator")
    if trained:
        imports.append("from pathlib import Path")
    imports += [""] if imports else []
    imports.append(f"from blocks.base import {_sorted(contract)}")
    if shared:
        imports.append(f"from blocks.{kind}.schema import {_sorted(shared)}")
    schemas = "".join(
        f"class {side.name}({side.base}):\n    pass  # the fields this variant adds\n\n\n" for side in own
    )
    takes_all = f", items: list[{takes.name}]" if takes else ""
    result = {
        "read": f"Iterator[{makes.name} | Failure]",
        "map": f"list[{makes.name} | Failure]",
        "expand": f"Iterator[{makes.name}]",
        "reduce": makes.name,
    }[verb]
    methods = [_method(f"def {METHODS[verb]}(self{takes_all}) -> {result}:")]
    if verb == "read":
        methods.insert(0, _method("def fingerprint(self) -> str:"))
    if trained:
        methods = [
            _method(f"def fit(self, run: Run[{takes.name}]) -> None:"),
            _method("def save(self, folder: Path) -> None:"),
            _method("def load(self, folder: Path) -> None:"),
            *methods,
        ]
    class_name = "".join(part.capitalize() for part in variant.split("_"))
    if class_name in {side.name for side in sides} | contract | shared | {"Config"}:
        class_name += "Block"
    return _FILE.format(
        variant=variant,
        imports="\n".join(imports),
        schemas=schemas,
        name=class_name,
        base=base,
        methods="\n".join(methods),
    )


def _method(signature: str) -> str:
    return f"    {signature}\n        raise NotImplementedError\n"


def _sorted(names_: set[str]) -> str:
    return ", ".join(sorted(names_))


def _test(name: str) -> str:
    return _TEST.format(name=name)


_FILE = '''"""{variant}: what it makes of what, in one line.

Method and paper in a sentence or two. Axes: S samples, T frames, M mels.
"""

{imports}


class Config(BlockConfig):
    pass  # the paper's settings, each with its unit: ``window_s: float = 0.05  # seconds``


{schemas}class {name}({base}[Config]):
    tiny = Config()
    paper = ""

{methods}'''

_TEST = '''"""What {name} alone promises; tests/conformance asks what all blocks promise."""

from blocks.load import find


def test_a_known_answer(spec):
    cls = find("{name}")
    block = cls(cls.tiny, spec)
    block.setup()
    raise NotImplementedError("compare one result with a value worked out by hand, or with the paper's own code")
'''

_SCHEMA = '''"""What every {kind} takes and makes."""

from blocks.arrays import Wave
from blocks.base import Schema


class In(Schema):
    wave: Wave


class Out(Schema):
    wave: Wave
'''
