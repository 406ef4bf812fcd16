"""What a server tells of itself: voices, models and limits. Plain data, made once from a slice of a graph."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from runner.serve.encoding import TYPES
from runner.speak.live import Live
from runner.store.artifact import read_manifest

SPEEDS = (0.25, 4.0)


@dataclass(frozen=True)
class About:
    """Of a slice and how it is served; `voices` has the default first."""

    graph: str
    sample_rate: int  # Hz
    voices: list[dict]  # name, language that is spoken where none is asked for, and languages where there are several
    fields: list[str]  # what a row of the source takes
    chosen: bool  # whether the voice is a field of the row
    info: dict
    max_chars: int = 4096  # as OpenAI has it
    max_waiting: int = 32
    body_s: float = 30.0  # how long a request may take to come
    token_hash: str | None = field(default=None, repr=False)  # SHA-256, in hex

    def as_json(self) -> dict:
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
    graph, nodes = live.checked.graph, live.checked.nodes
    models = {name: Path(folder) for name, folder in live.weights.items()}
    chosen, names, trained_on = _who(live, models)
    return About(
        graph=graph.name,
        sample_rate=live.sample_rate,
        voices=_voices(names, trained_on, nodes[live.source].config),
        fields=list(live.fields),
        chosen=chosen,
        info={
            "graph": graph.name,
            "about": graph.about,
            "paper": graph.paper,
            "spec": nodes[live.until].spec.model_dump(mode="json"),
            "nodes": {name: nodes[name].node.block or nodes[name].node.verb for name in live.path},
            "models": [_model(name, folder) for name, folder in models.items()],
        },
        **limits,
    )


def _who(live: Live, models: dict[str, Path]) -> tuple[bool, list[str], dict]:
    """Whether a row chooses who speaks, who can, and what the model of these was trained on.

    A row does where the source's `speaker` is wired to a model with rows for names: of these, those that it was last
    trained on. Else it is the one voice that a model was trained on.
    """
    for name in live.path:
        node = live.checked.nodes[name].node
        for path, edge in node.edges():
            if (edge.node, edge.field) != (live.source, "speaker") or node.model not in models:
                continue
            folder = models[node.model]
            file, trained_on = folder / "symbols.json", _trained_on(folder)
            tables = json.loads(file.read_text("utf-8")).get("tables", {}) if file.is_file() else {}
            known = tables.get(".".join(path), ())
            if names := [each for each in known if each in trained_on.get("speakers", known)]:
                return True, names, trained_on
    for trained_on in map(_trained_on, models.values()):
        if len(trained_on.get("speakers", ())) == 1:
            return False, list(trained_on["speakers"]), trained_on
    return False, [live.checked.graph.name], {}


def _voices(names: list[str], trained_on: dict, settings) -> list[dict]:
    """The source's own first. Of its languages, that of the settings comes first, of others the most frequent in training.

    Several are told only where a row of the source can choose.
    """
    own, wanted = getattr(settings, "speaker", None), getattr(settings, "language", None)
    voices = []
    for name in sorted(names, key=lambda name: name != own):
        languages = _languages(name, trained_on)
        if not voices:
            languages = sorted(languages, key=lambda tag: not _alike(tag, wanted)) or [wanted]
        voice = {"name": name, "language": languages[0] if languages else None}
        voices.append(voice | ({"languages": languages} if len(languages) > 1 and wanted else {}))
    return voices


def _languages(speaker: str, trained_on: dict) -> list[str]:
    """Those that the speaker spoke in training; older artifacts tell it only where all were trained_on in one, or all were one."""
    if not (found := trained_on.get("speaker_languages", {}).get(speaker)):
        found = trained_on.get("languages", {})
        found = found if len(found) == 1 or list(trained_on.get("speakers", ())) == [speaker] else {}
    return [tag for tag in found if tag != "und"]  # undetermined


def _alike(tag: str, other: str | None) -> bool:
    """Whether two tags are of one language, such as en and en-US."""
    return other is not None and tag.split("-")[0].lower() == other.split("-")[0].lower()


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
