"""The model card of an artifact, in Markdown: what it is, what it was trained on, how good it is, how it is used."""

import sys

from blocks.base import METHODS, Block, ports, verbs
from blocks.spec import PRESETS, AudioSpec

_NAMED = 12  # speakers and the like that a card lists


def card(
    node: str, block: str, cls: type[Block], meta: dict, trained_on: dict, made_by: list[dict], metrics: dict
) -> str:
    """`meta` is the lineage, `trained_on` and `made_by` are of `runner.fit.data`, `metrics` is what metrics.json holds."""
    parts = [
        f"# {node}: {block}",
        (sys.modules[cls.__module__].__doc__ or "").strip(),
        f"Paper: {cls.paper}" if cls.paper else "",
        "## Use\n" + _use(block, cls, meta),
        "## Data\n" + _data(meta, trained_on, made_by),
        "## Scores\n" + _scores(metrics),
        "## Known limits\n" + _limits(cls, trained_on, metrics),
        "## Settings\n" + _list(meta["config"]),
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _use(block: str, cls: type[Block], meta: dict) -> str:
    verb = next(verb for verb in ("map", "expand") if verb in verbs(cls))
    fields = ports(cls, verb).inputs.model_fields
    wired = ", ".join(f"{name}: NODE.{name}" for name, field in fields.items() if field.is_required() and name != "id")
    return f"""
In a graph; NODE stands for whatever makes the field:

```yaml
spec: {_spec(meta["spec"])}
nodes:
  model: {{load: PATH/OF/THIS/FOLDER, as: {block}}}
  out: {{{verb}: {block}, model: model, in: {{{wired}}}}}
```

In Python:

```python
from blocks.load import restore

block = restore("PATH/OF/THIS/FOLDER")  # then block.{METHODS[verb]}(items)
```"""


def _spec(found: dict) -> str:
    spec = AudioSpec(**found)
    if names := [name for name, known in PRESETS.items() if known == spec]:
        return names[0]
    own = {key: value for key, value in found.items() if value != getattr(AudioSpec(), key)}
    return "{" + ", ".join(f"{key}: {'null' if value is None else value}" for key, value in own.items()) + "}"


def _data(meta: dict, trained_on: dict, made_by: list[dict]) -> str:
    facts = {"Rows": f"{trained_on['rows']:,} for training, {trained_on['dev_rows']:,} for validation"}
    if "hours" in trained_on:
        facts["Hours of training"] = f"{trained_on['hours']:g}"
    for name in ("speakers", "languages", "styles", "licences"):
        if name in trained_on:
            facts[name.capitalize()] = f"{len(trained_on[name])}: {_counts(trained_on[name])}"
    if len(trained_on.get("languages", ())) > 1 and (spoken := trained_on.get("speaker_languages")):
        facts["Languages of speakers"] = _several(
            [f"{name} {', '.join(found)}" for name, found in spoken.items()], "; "
        )
    facts["Licences of all it was made from"] = ", ".join(meta["licences"]) or "none stated"
    if agreed := [made["config"]["consent"] for made in made_by if made.get("config", {}).get("consent")]:
        facts["Consent"] = "; ".join(dict.fromkeys(agreed))
    facts["Made by"] = f"graph {meta['graph']}, seed {meta['seed']}, after " + (
        ", ".join(f"{made['node']} ({made['block']})" for made in made_by) or "nothing"
    )
    return _list(facts)


def _counts(found: dict[str, int]) -> str:
    return _several([f"{name} ({count:,} rows)" for name, count in found.items()], ", ")


def _several(named: list[str], between: str) -> str:
    return between.join(named[:_NAMED]) + (f" and {len(named) - _NAMED} more" if len(named) > _NAMED else "")


def _scores(metrics: dict) -> str:
    best = metrics["best"]
    facts = {"Steps": f"{metrics['steps']:,}"}
    if best:
        kept = "but the weights are the last" if metrics.get("weights") == "last" else "whose weights these are"
        facts["Best loss on dev rows"] = f"{best['score']:.6g} at step {best['step']:,}, {kept}"
    last: dict[str, float] = {}
    for line in metrics["curves"]:
        last |= {key: value for key, value in line.items() if key not in ("step", "train/epoch")}
    return _list(facts | {f"Last {key}": f"{value:.6g}" for key, value in last.items()})


def _limits(cls: type[Block], trained_on: dict, metrics: dict) -> str:
    lines = [cls.limits] if cls.limits else []
    for name in ("speakers", "languages", "styles"):
        if 0 < len(trained_on.get(name, ())) <= 3:
            lines.append(f"It was trained on no other {name} than {', '.join(trained_on[name])}.")
    if not metrics["best"]:
        lines.append("It was not validated: there were no dev rows.")
    return "\n".join(f"- {line}" for line in lines or ["None were stated."])


def _list(facts: dict) -> str:
    return "\n".join(f"- {key}: {value}" for key, value in facts.items())
