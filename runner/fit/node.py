"""The verb `fit`: from the rows of a node to an artifact that says what it is."""

import json
from pathlib import Path

from blocks.base import BadItem, Schema, Trainable
from blocks.training import FitConfig
from runner.executor import NodeFailed
from runner.fit.checkpoints import Checkpoints
from runner.fit.events import Events, curves
from runner.fit.run import Items, LocalRun, TrainingError
from runner.rows import Rows
from runner.work import make_item


def fit(node, rows: Rows, init: str | None) -> None:
    """Train the block of a `NodeRun` on its rows and publish the artifact under the node's digest.

    Raises NodeFailed where the rows cannot be trained on, or the training cannot go on.
    """
    step, store, checked = node.step, node.store, node.step.checked
    if not isinstance(checked.config, FitConfig):
        raise NodeFailed(f"{checked.node.block}: its Config must inherit blocks.training.FitConfig to be trained")
    block: Trainable = checked.cls(checked.config, checked.spec, node.plan.graph.seed)
    train, dev = _split(rows, checked.inputs, step)
    folder = f"fits/{step.digest}"
    checkpoints = Checkpoints(store.files, folder)
    events = Events(store.files, folder, checked.spec.sample_rate, max(checkpoints.steps(), default=0))
    try:
        run = LocalRun(
            checked.config,
            node.plan.graph.seed,
            train,
            dev,
            [block.length(item) for item in train],
            checkpoints,
            events,
            Path(init) if init else None,
            block.length,
            lambda batch, scalars: node.observer.trained(step, batch, scalars),
        )
        node.observer.node_started(step, checked.config.max_steps, run.done)
        block.fit(run)
    except (TrainingError, BadItem, ValueError) as error:
        raise NodeFailed(f"{checked.node.place}: {step.name}: {error}") from error
    finally:
        events.close()
    facts = {
        "steps": run.done,
        "best": run.best,
        "items": len(train),
        "dev_items": len(dev),
        "padding": round(run.plan.waste, 4),
        "steps_per_epoch": run.plan.steps_per_epoch,
    }
    meta = node.meta()
    with store.write_artifact(step.digest, _described(meta)) as made:
        block.save(made)
        (made / "metrics.json").write_text(json.dumps(facts | {"curves": _last(curves(store.files, folder))}, indent=1))
        (made / "README.md").write_text(card(step.name, checked, meta, facts), encoding="utf-8")


def _described(meta: dict) -> dict:
    """What artifact.json says: the contract of the artifact, and where it comes from."""
    own = ("block", "config", "spec", "licences")
    return {key: meta[key] for key in own} | {"lineage": {key: value for key, value in meta.items() if key not in own}}


def _split(rows: Rows, schema: type[Schema], step) -> tuple[Items, Items]:
    """Train and dev items by their field `split`; all are train where it is not wired.

    Raises NodeFailed for rows that may not be trained on, and where dev rows were made from what is trained on.
    """

    def make(id: str):
        return make_item(schema, next(iter(rows.items([id]))))

    def refuse(what: str):
        raise NodeFailed(f"{step.checked.node.place}: {step.name}: {what}")

    if "split" not in schema.model_fields or "split" not in step.checked.node.inputs:
        return Items(rows.ids, make), Items([], make)
    found: dict[str, list[str]] = {"train": [], "dev": []}
    for id in rows.ids:
        split = make(id).split or "train"
        if split not in found:
            refuse(f"{id} is {split}: such rows are for outside evaluation only; leave them out with `where`")
        found[split].append(id)
    if not found["train"]:
        refuse(f"all {len(rows.ids)} rows are dev, none is train")
    if shared := _made_from(rows, found["train"]) & _made_from(rows, found["dev"]):
        refuse(f"dev rows and train rows were made from the same recordings ({', '.join(sorted(shared)[:5])})")
    return Items(found["train"], make), Items(found["dev"], make)


def _made_from(rows: Rows, ids: list[str]) -> set[str]:
    """The ids and their parents."""
    tables = rows.tables.values()
    parents = (table.get(id, []).get("parents") or () for table in tables for id in ids if id in table)
    return {*ids, *(parent for found in parents for parent in found)}


def _last(lines: list[dict], most: int = 500) -> list[dict]:
    """At most so many lines of the curves, evenly chosen, with the last."""
    keep = max(1, -(-len(lines) // most))
    return lines[:-1][::keep] + lines[-1:]


def card(name: str, checked, meta: dict, facts: dict) -> str:
    """The model card of an artifact, in Markdown."""
    best = facts["best"]
    lines = [
        f"# {name}: {checked.node.block}",
        "",
        ((checked.cls.__module__ and __import__(checked.cls.__module__, fromlist=["x"]).__doc__) or "").strip(),
        "",
        f"- Paper: {checked.cls.paper or 'none'}",
        f"- Graph: {meta['graph']}, node {name}, seed {meta['seed']}",
        f"- Trained for {facts['steps']} steps on {facts['items']} items; {facts['dev_items']} items for validation",
        f"- Best validation loss {best['score']:.6g} at step {best['step']}"
        if best
        else "- Not validated: no dev rows",
        f"- Licences of what it was made from: {', '.join(meta['licences']) or 'none stated'}",
        "",
        "## Settings",
        "",
        *(f"- {key}: {value}" for key, value in meta["config"].items()),
    ]
    return "\n".join(lines) + "\n"
