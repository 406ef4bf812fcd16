"""What a server tells of itself: voices, models and limits. Plain data, made once from a slice of a graph."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from runner.live import Live
from runner.serve.sound import TYPES
from runner.store.artifact import read_manifest

SPEEDS = (0.25, 4.0)


@dataclass(frozen=True)
class About:
    """Of a slice and how it is served; `voices` has the default first."""

    graph: str
    sample_rate: int  # Hz
    voices: list[dict]
    default: dict  # the source's own settings
    fields: list[str]  # what a row of the source takes
    chosen: bool  # whether the voice is a field of the row
    info: dict
    max_chars: int = 2000
    max_waiting: int = 32
    token_hash: str | None = field(default=None, repr=False)  # SHA-256, in hex

    def told(self) -> dict:
        """The answer of ``/info``."""
        limits = {
            "max_chars": self.max_chars,
            "max_waiting": self.max_waiting,
            "speed": list(SPEEDS) if "speaking_rate" in self.fields else [1.0, 1.0],
            "response_formats": list(TYPES),
            "sample_rate": self.sample_rate,
        }
        return self.info | {"limits": limits}


def describe(live: Live, **limits) -> About:
    """`limits` are the later fields of `About`."""
    graph = live.checked.graph
    settings = live.checked.nodes[live.source].config.model_dump(mode="json")
    default = {name: settings[name] for name in live.fields if settings.get(name) is not None}
    models = {name: Path(folder) for name, folder in live.weights.items()}
    names = _speakers(live, models)
    return About(
        graph=graph.name,
        sample_rate=live.sample_rate,
        voices=_voices(names or [_only(graph.name, models)], default, models),
        default=default,
        fields=list(live.fields),
        chosen=bool(names),
        info={
            "graph": graph.name,
            "about": graph.about,
            "paper": graph.paper,
            "spec": live.checked.nodes[live.until].spec.model_dump(mode="json"),
            "nodes": {
                name: live.checked.nodes[name].node.block or live.checked.nodes[name].node.verb for name in live.path
            },
            "models": [_model(name, folder) for name, folder in models.items()],
        },
        **limits,
    )


def _speakers(live: Live, models: dict[str, Path]) -> list[str]:
    """Those that a model has rows for and has heard last, where the source's `speaker` is wired to it."""
    for name in live.path:
        node = live.checked.nodes[name].node
        for path, edge in node.edges():
            if (edge.node, edge.field) != (live.source, "speaker") or node.model not in models:
                continue
            file = models[node.model] / "symbols.json"
            tables = json.loads(file.read_text("utf-8")).get("tables", {}) if file.is_file() else {}
            heard = _trained_on(models[node.model]).get("speakers")
            if found := [name for name in tables.get(".".join(path), ()) if heard is None or name in heard]:
                return found
    return []


def _voices(names: list[str], default: dict, models: dict[str, Path]) -> list[dict]:
    """The default first; a language where all that the models heard is of one, or the settings say it."""
    first = default.get("speaker") or names[0]
    heard = {language for folder in models.values() for language in _trained_on(folder).get("languages", ())}
    one = next(iter(heard)) if len(heard) == 1 else None
    ordered = sorted(names, key=lambda name: name != first)
    return [{"name": name, "language": one or (default.get("language") if name == first else None)} for name in ordered]


def _only(graph: str, models: dict[str, Path]) -> str:
    """The one voice of a graph: the one that a model was trained on, where it was one."""
    found = [list(_trained_on(folder).get("speakers", ())) for folder in models.values()]
    return next((names[0] for names in found if len(names) == 1), graph)


def _trained_on(folder: Path) -> dict:
    return read_manifest(folder).get("lineage", {}).get("trained_on", {})


def _model(name: str, folder: Path) -> dict:
    manifest = read_manifest(folder)
    card = folder / "README.md"
    return {
        "node": name,
        "block": manifest["block"],
        "licences": manifest.get("licences", []),
        "trained_on": _trained_on(folder),
        "card": card.read_text("utf-8") if card.is_file() else "",
    }
