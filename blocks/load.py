"""``"vocoder.world"`` -> its class, found by path: there is no registry to edit, and nothing else can be imported."""

import difflib
import importlib
import importlib.util
import json
import re
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import blocks
from blocks.base import RENAMED, Block, Trainable
from blocks.spec import AudioSpec

_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_NOT_KINDS = {"common"}
MOVED = {"english_aligner": "aligner_en_background"}  # shipped artifacts by the names that they had
ARTIFACT = 4  # the newest format of an artifact's folder; all since 1 can be read


class UnknownBlock(LookupError):
    """No such block; the message names close matches."""


class WrongBlock(TypeError):
    """The file of a block does not hold what it should; the message says what."""


def names() -> list[str]:
    """Every ``kind.variant`` below `blocks`, sorted, without importing any.

    Raises ValueError for a folder of one's own that cannot be used (`wrong_folders`).
    """
    if wrong := wrong_folders():
        raise ValueError("\n".join(wrong))
    return sorted(_files())


def file_of(name: str) -> Path:
    """The file that holds a block. Raises KeyError where there is none of that name."""
    return _files()[name][0]


def kind_of(name: str) -> Path:
    """The folder with the ``schema.py`` of a block's kind."""
    return kinds()[name.split(".")[0]][0]


def wrong_folders() -> list[str]:
    """What is wrong with the folders that VOXBLOCKS_BLOCKS and entry points name, a line each."""
    named = [(f"{blocks.VARIABLE}: {part}", Path(folder)) for part, folder in blocks.own()]
    named += [(f"entry point {part} of {blocks.GROUP}", Path(folder)) for part, folder in blocks.installed()]
    found = [f"{what}: {message}" for what, folder in named if (message := _wrong(folder))]
    if found:
        return found  # what stands in them is another question
    for kind, (first, *others) in kinds().items():
        found += [f"{other}/schema.py: there is a kind {kind} in {first}; leave schema.py out" for other in others]
    for name, (first, *others) in _files().items():
        found += [f"{other}: there is a {name} in {first}; give it another name" for other in others]
    return found


def _wrong(folder: Path) -> str:
    """Why no blocks would be found in a folder, or nothing; an empty one is for blocks to come."""
    if not folder.is_dir():
        return f"there is no folder {folder}"
    if folder.samefile(Path(blocks.__file__).parent):
        return f"{folder} is where the blocks that come with it are, which are always found; leave it out"
    if _variants(folder):
        return ""
    if (folder / "schema.py").exists() or (folder.name in kinds() and any(folder.glob("*.py"))):
        return f"{folder} is the folder of one kind; want the one above it, {folder.parent}"
    inner = next((path for path in sorted(folder.iterdir()) if path.is_dir() and _variants(path)), None)
    return f"no kind lies in {folder}, but there are some in {inner}; want that one" if inner else ""


def kinds() -> dict[str, list[Path]]:
    """The folders with a ``schema.py``, by kind."""
    found: dict[str, list[Path]] = {}
    for schema in (path for root in blocks.__path__ for path in Path(root).glob("*/schema.py")):
        if schema.parent.name not in _NOT_KINDS:
            found.setdefault(schema.parent.name, []).append(schema.parent)
    return found


def _files() -> dict[str, list[Path]]:
    """The files of each block."""
    found: dict[str, list[Path]] = {}
    for root in map(Path, blocks.__path__):
        for name, path in _variants(root).items():
            found.setdefault(name, []).append(path)
    return found


def _variants(root: Path) -> dict[str, Path]:
    """The blocks below one folder: files, and folders with an ``__init__.py``, of the kinds there are."""
    found = {}
    for kind in sorted({*kinds(), *(schema.parent.name for schema in root.glob("*/schema.py"))} - _NOT_KINDS):
        for path in root.glob(f"{kind}/[!_]*"):
            file = path if path.suffix == ".py" else path / "__init__.py"
            if path.stem != "schema" and not path.stem.startswith("test_") and file.exists():
                found[f"{kind}.{path.stem}"] = file
    return found


def _is_there(name: str) -> bool:
    """Whether `_files` has it, without a look at all others."""
    kind, variant = name.split(".")
    if kind in _NOT_KINDS or variant == "schema" or variant.startswith(("_", "test_")):
        return False
    if not any(Path(root, kind, "schema.py").exists() for root in blocks.__path__):
        return False
    places = [Path(root, kind, variant) for root in blocks.__path__]
    return any(place.with_suffix(".py").exists() or (place / "__init__.py").exists() for place in places)


def find(name: str) -> type[Block]:
    """The block class called `name`.

    Raises UnknownBlock if there is none, WrongBlock if its module does not hold exactly one block with settings.
    """
    if not _NAME.fullmatch(name) or not _is_there(name):
        raise UnknownBlock(f"no block {name!r}{suggest(name, names())}{_own_folders(name)}")
    module = importlib.import_module(f"blocks.{name}")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Block) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise WrongBlock(f"{module.__file__}: want exactly one block, got {len(found)}{_list(found)}")
    cls = found[0]
    if not hasattr(cls, "Config"):
        base = next((each.__name__ for each in cls.__mro__[1:] if each.__module__ == Block.__module__), "Mapper")
        raise WrongBlock(
            f"{module.__file__}: {cls.__name__} does not say its settings; want class {cls.__name__}({base}[Config]), "
            "where Config is a BlockConfig"
        )
    return cls


def _own_folders(name: str) -> str:
    """Where else a block might be, if nothing that is found has much of its name."""
    near = blocks.own() or difflib.get_close_matches(name, names(), n=1, cutoff=0.75)
    return "" if near else f"; {blocks.VARIABLE}, by which folders of one's own are found, is not set"


def _list(found: list[type]) -> str:
    return f" ({', '.join(cls.__name__ for cls in found)})" if found else ""


def line_of(error: BaseException) -> str:
    """``mine/metric/loud.py:12``: the innermost line of a block's code that an error came through, or ``""``.

    The path begins with the folder of kinds, so that it is the same on every machine.
    """
    if isinstance(error, SyntaxError) and error.filename:
        places = [(error.filename, error.lineno)]
    else:
        places = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    found = [(path, line) for file, line in places if (path := _below(Path(file)))]
    own = [(path, line) for path, line in found if path.parts[1] not in _NOT_KINDS] or found
    return f"{own[-1][0].as_posix()}:{own[-1][1]}" if own else ""


def _below(file: Path) -> Path | None:
    """The path of a block's file from the folder of kinds; None for the contract, and for what is no block's."""
    for root in map(Path, blocks.__path__):
        if file.is_relative_to(root) and file.parent != root:
            return file.relative_to(root.parent)
    return None


def import_problem(name: str, error: Exception) -> str:
    """What `find` raised, in one line."""
    if isinstance(error, UnknownBlock | WrongBlock):
        return str(error)
    line = "" if isinstance(error, SyntaxError) else line_of(error)
    return f"{name} cannot be imported: {type(error).__name__}: {error}{f' ({line})' if line else ''}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name that was meant, if one is near."""
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.5)), None)


def suggest(name: str, known: list[str]) -> str:
    """``"; did you mean 'x'?"``, or a list of what there is, or nothing."""
    if close := nearest(name, known):
        return f"; did you mean {close!r}?"
    return f"; there is {', '.join(known)}" if known and len(known) <= 12 else ""


def missing(cls: type[Block]) -> list[str]:
    """Modules the block needs that are not installed; looked up, not imported."""
    return [module for module in cls.needs if importlib.util.find_spec(module.split(".")[0]) is None]


def described(file: Path) -> Any:
    """What an artifact.json holds, its settings under the names that they have today.

    Raises OSError, or ValueError for what is no JSON.
    """
    about = json.loads(file.read_text(encoding="utf-8"))
    if isinstance(about, dict) and about.get("format") in range(1, ARTIFACT) and isinstance(about.get("config"), dict):
        about["config"] = {RENAMED.get(name, name): value for name, value in about["config"].items()}
    return about


def artifact_folder(path: str | Path) -> Path:
    """The folder of an artifact; where a shipped one had another name, it is found under that, too."""
    folder = Path(path)
    moved = folder.with_name(MOVED.get(folder.name, folder.name))
    return moved if moved.is_dir() and not folder.exists() else folder


def restore(folder: str | Path, spec: AudioSpec | None = None) -> Trainable:
    """A trained block with its weights, ready for `apply`; class, settings and audio spec are as its artifact says.

    Raises ValueError for a folder that is no artifact or has a later format, and where `spec` is given and differs.
    """
    folder = artifact_folder(folder)
    path = folder / "artifact.json"
    try:
        about = described(path)
        if about["format"] not in range(1, ARTIFACT + 1):
            raise ValueError(f"format {about['format']}, but this version reads 1 to {ARTIFACT}")
        made_at = AudioSpec(**about["spec"])
        cls = find(about["block"])
        config = cls.Config(**about["config"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ValueError(f"{path}: want the artifact of a trained block: {error}") from None
    if spec is not None and (unlike := made_at.differences(spec)):
        raise ValueError(f"{folder}: made for another audio spec: {'; '.join(unlike)}")
    block = cls(config, made_at)
    block.load(folder)
    block.setup()
    return block
