"""``voxblocks new vocoder.x``: the skeleton of a variant and of its test, for a person to fill in."""

import keyword
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import blocks
from blocks.base import METHODS, Block, Schema, Trainable, ports, verbs
from blocks.load import find, names

_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_BASES = {"read": "Source", "map": "Mapper", "expand": "Expander", "reduce": "Reducer"}


def home() -> tuple[Path, Path]:
    """The folder of kinds that a new block goes to, and the folder of its test. Raises ValueError where there is none."""
    if own := blocks.own():
        folder = Path(own[0][1])
        return folder, folder / "tests"
    package = Path(blocks.__file__).parent
    if package != Path.cwd() / "blocks":
        raise ValueError(
            f"want a folder of your own for it: mkdir mine && export {blocks.VARIABLE}=$PWD/mine; without one, new blocks "
            "go to a checkout of voxblocks, in which this must then run"
        )
    return package, package.parent / "tests" / "blocks"


def write_skeleton(name: str, kinds: Path, tests: Path) -> list[Path]:
    """Write ``<kind>/<variant>.py`` below `kinds` and its test into `tests`; a kind that is new gets a schema.py too.

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
    siblings = _siblings(kind)
    files = {}
    if not any(other.startswith(f"{kind}.") for other in names()) and not (kinds / kind / "schema.py").exists():
        files[kinds / kind / "__init__.py"] = ""
        files[kinds / kind / "schema.py"] = _SCHEMA.format(kind=kind)
    body = _like(siblings, name) if siblings else _variant(name, "map", False, _Side("In"), _Side("Out"))
    files[kinds / kind / f"{variant}.py"] = body
    files[tests / f"test_{kind}_{variant}.py"] = _TEST.format(name=name)
    for path in files:
        if path.exists():
            raise FileExistsError(f"{path} is there already; nothing was written")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


def _siblings(kind: str) -> list[type[Block]]:
    """The variants there are, without those that cannot be imported: they are not what this is about."""
    found = []
    for name in names():
        if name.startswith(f"{kind}."):
            with suppress(Exception):
                found.append(find(name))
    return found


@dataclass(frozen=True)
class _Side:
    """The schema on one side of a variant: one of the kind's, or one on `base` that the variant's own file declares."""

    name: str
    base: str = ""
    fields: str = "pass  # the fields this variant adds"


def _like(siblings: list[type[Block]], name: str) -> str:
    """A variant with the verb and the ports that most of its siblings have."""
    verb = Counter(verbs(cls)[0] for cls in siblings).most_common(1)[0][0]
    alike = [cls for cls in siblings if verbs(cls)[0] == verb]
    trained = sum(issubclass(cls, Trainable) for cls in alike) > len(alike) / 2
    found = [ports(cls, verb) for cls in alike]
    takes = _most("In", [each.inputs for each in found], name) if verb != "read" else None
    return _variant(name, verb, trained, takes, _most("Out", [each.output for each in found], name))


def _most(own: str, schemas: list[type[Schema]], name: str) -> _Side:
    """The schema of the kind that most variants have on one side; one called `own` where each declares another."""
    kind, variant = name.split(".")
    homes = (f"blocks.{kind}.schema", "blocks.base")
    if shared := Counter(schema.__name__ for schema in schemas if schema.__module__ == homes[0]):
        return _Side(shared.most_common(1)[0][0])
    bases = Counter(next(cls for cls in each.__mro__[1:] if cls.__module__ in homes).__name__ for each in schemas)
    side = _Side(own, bases.most_common(1)[0][0])
    numbers = [schema for schema in schemas if all(f.annotation is float for f in schema.model_fields.values())]
    return replace(side, fields=_NUMBER.format(variant=variant)) if 2 * len(numbers) > len(schemas) else side


def _variant(name: str, verb: str, trained: bool, takes: _Side | None, makes: _Side) -> str:
    kind, variant = name.split(".")
    sides = [side for side in (takes, makes) if side is not None]
    base = "Trainable" if trained else _BASES[verb]
    own = [side for side in sides if side.base]
    config = "FitConfig" if trained else "BlockConfig"
    contract = {base, *([] if trained else [config]), *(["Failure"] if verb in ("read", "map") else [])}
    contract |= {side.base for side in own if side.base in ("Schema", "NewRow", "DerivedRow")}
    shared = {side.name for side in sides if not side.base} | {side.base for side in own} - contract
    imports = []
    if verb in ("read", "expand"):
        imports.append("from collections.abc import Iterator")
    if trained:
        imports.append("from pathlib import Path")
    imports += [""] if imports else []
    ours = {
        "blocks.base": contract,
        f"blocks.{kind}.schema": shared,
        "blocks.training": {config, "Run"} if trained else {},
    }
    imports += [f"from {module} import {', '.join(sorted(ours[module]))}" for module in sorted(ours) if ours[module]]
    schemas = "".join(f"class {side.name}({side.base}):\n    {side.fields}\n\n\n" for side in own)
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
        config=config,
        tiny="max_steps=2" if trained else "",
        methods="\n".join(methods),
    )


def _method(signature: str) -> str:
    return f"    {signature}\n        raise NotImplementedError\n"


_NUMBER = '{variant}: float  # with its unit: ``Annotated[float, Value("{variant}", "what it tells", unit="dB")]``'

_FILE = '''"""{variant}: what it makes of what, in one line.

Method and paper in a sentence or two. Axes: S samples, T frames, M mels.
"""

{imports}


class Config({config}):
    pass  # the paper's settings, each with its unit: ``window_s: float = 0.05  # seconds``


{schemas}class {name}({base}[Config]):
    tiny = Config({tiny})
    paper = ""

{methods}'''

_TEST = '''"""What {name} alone promises; `voxblocks test {name}` asks what all blocks promise, too."""

from blocks.load import find
from blocks.spec import AudioSpec


def test_a_known_answer():
    cls = find("{name}")
    block = cls(cls.tiny, AudioSpec())
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
