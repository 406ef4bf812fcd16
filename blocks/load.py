"""``"vocoder.world"`` -> its class, found by path: there is no registry to edit, and nothing else can be imported."""

import difflib
import importlib
import importlib.util
import json
import re
from pathlib import Path

import blocks
from blocks.base import Block, Trainable
from blocks.spec import AudioSpec

_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_NOT_KINDS = {"common"}
ARTIFACT = 2  # the newest format of an artifact's folder; all since 1 can be read


class UnknownBlock(LookupError):
    """No such block; the message names close matches."""


def names() -> list[str]:
    """Every ``kind.variant`` below `blocks`, sorted, without importing any."""
    found = set()
    for root in map(Path, blocks.__path__):
        for kind in root.iterdir():
            if not (kind / "schema.py").exists() or kind.name in _NOT_KINDS:
                continue
            for path in kind.iterdir():
                variant = path.stem if path.suffix == ".py" else path.name if (path / "__init__.py").exists() else ""
                if variant and not variant.startswith("_") and variant != "schema":
                    found.add(f"{kind.name}.{variant}")
    return sorted(found)


def find(name: str) -> type[Block]:
    """The block class called `name`.

    Raises UnknownBlock if there is none, TypeError if its module does not hold exactly one block.
    """
    if not _NAME.fullmatch(name) or name not in names():
        raise UnknownBlock(f"no block {name!r}" + suggest(name, names()))
    module = importlib.import_module(f"blocks.{name}")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Block) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise TypeError(f"{module.__name__} must hold exactly one block, but holds {len(found)}")
    return found[0]


def suggest(name: str, known: list[str]) -> str:
    """``"; did you mean 'x'?"``, or a list of what there is, or nothing."""
    if close := difflib.get_close_matches(name, known, n=1, cutoff=0.5):
        return f"; did you mean {close[0]!r}?"
    return f"; there is {', '.join(known)}" if known and len(known) <= 12 else ""


def missing(cls: type[Block]) -> list[str]:
    """Modules the block needs that are not installed; looked up, not imported."""
    return [module for module in cls.needs if importlib.util.find_spec(module.split(".")[0]) is None]


def restore(folder: str | Path, spec: AudioSpec | None = None) -> Trainable:
    """A trained block with its weights, ready for `apply`; class, settings and audio spec are as its artifact says.

    Raises ValueError for a folder that is no artifact or has a later format, and where `spec` is given and differs.
    """
    path = Path(folder) / "artifact.json"
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
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
    block.load(Path(folder))
    block.setup()
    return block
