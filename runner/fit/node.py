"""The verb `fit`: from the rows of a node to an artifact that says what it is."""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from blocks.base import BadItem, Schema, Trainable
from blocks.load import line_of
from blocks.training import FitConfig
from runner.fit.card import card
from runner.fit.checkpoints import Checkpoints
from runner.fit.data import trained_on
from runner.fit.events import Events, curves, thinned
from runner.fit.index import Index, greatest, measure, splits
from runner.fit.local_run import LocalRun, TrainingError
from runner.fit.reading import Items, items_of
from runner.store.columns import text_column
from runner.store.ids import MANY, Ids
from runner.work.ancestry import Ancestry, TrainedOn
from runner.work.apply import stumbled, trace_of
from runner.work.device import device_of
from runner.work.executor import NodeFailed
from runner.work.rows import NodeWork, Rows

# What a block's own code raises would come again however often the training is begun anew; what a lost machine raises is none of these.
BUGS = (AssertionError, AttributeError, ImportError, LookupError, NameError, NotImplementedError, TypeError)

_LOOK_S = 0.5  # between two looks for what the first rank makes


@dataclass
class FitWork(NodeWork):
    """A fit node."""

    @property
    def folder(self) -> str:
        """Where checkpoints and curves lie in the store."""
        return f"fits/{self.digest}"

    def where(self) -> str:
        return f"{self.checked.node.place}: {self.checked.node.name}"


def train(work: FitWork, kind: type[LocalRun] = LocalRun, on_step=None, on_start=None) -> tuple[Trainable, LocalRun]:
    """Train the block on the node's rows, from its last checkpoint on.

    Raises TrainingError where the training cannot go on, NodeFailed where the rows cannot be trained on.
    """
    checked = work.checked
    if not isinstance(checked.config, FitConfig):
        raise NodeFailed(f"{checked.node.block}: its Config must inherit blocks.training.FitConfig to be trained")
    block: Trainable = checked.cls(checked.config, checked.spec, work.seed)
    index = _index(work, block, kind) if len(work.rows.ids) > MANY else None
    learnt, dev = _split(work.rows, checked.inputs, work) if index is None else _parted(work, index)
    checkpoints = Checkpoints(work.store.files, work.folder)
    events = Events(work.store.files, work.folder, checked.spec.sample_rate, max(checkpoints.steps(), default=0))
    if index is None:
        measured = [(block.length(item), block.group(item)) for item in learnt]
        lengths, groups = [length for length, _ in measured], [group for _, group in measured]
    else:
        lengths, groups = index.lengths[~index.dev], index.groups[~index.dev]
    try:
        run = kind(
            checked.config,
            work.seed,
            learnt,
            dev,
            lengths,
            checkpoints,
            events,
            Path(init) if (init := work.given()) else None,
            block.length,
            on_step or (lambda batch, scalars: None),
            groups,
            index,
            index and partial(greatest, work.rows, checked.inputs, ~index.dev),
        )
        if kind is LocalRun:
            run.device = device_of(checked)
        block.device = run.device
        if on_start:
            on_start(run)
        block.fit(run)
    except (TrainingError, BadItem, ValueError) as error:
        work.store.keep_error(work.digest, trace_of(error))
        line = "" if isinstance(error, TrainingError | BadItem) else line_of(error)
        raise NodeFailed(f"{work.where()}: {error}{f' ({line})' if line else ''}") from error
    except BUGS as error:
        raise NodeFailed(stumbled(work.store, work.digest, work.checked.node, error)) from error
    finally:
        events.close()
    return block, run


def publish(work: FitWork, block: Trainable, run: LocalRun) -> None:
    """The artifact: weights, what makes them loadable, metrics, provenance, the rows it was trained on, and a card."""
    ancestry = Ancestry(work.store, work.tables.values())
    found, made_by = trained_on(ancestry, run.items.ids, run.dev.ids), ancestry.made_by()
    metrics = {
        "steps": run.done,
        "best": run.best,
        "weights": run.config.weights,
        "items": len(run.items),
        "dev_items": len(run.dev),
        **{name: round(value, 4) for name, value in run.pace.summary().items()},
        "steps_per_epoch": run.plan.steps_per_epoch,
        "curves": thinned(curves(work.store.files, work.folder)),
    }
    node = work.checked.node
    meta = work.meta | {"trained_on": found, "made_by": made_by}
    with work.store.write_artifact(work.digest, _described(meta)) as made:
        block.save(made)
        TrainedOn.of(ancestry.roots(run.items.ids), _trained_before(work)).write(made)
        (made / "metrics.json").write_text(json.dumps(metrics, indent=1))
        text = card(node.name, node.block, work.checked.cls, work.meta, found, made_by, metrics)
        (made / "README.md").write_text(text, encoding="utf-8")


def _described(meta: dict) -> dict:
    """What artifact.json says: the contract of the artifact, and where it comes from."""
    own = ("block", "config", "spec", "licences")
    return {key: meta[key] for key in own} | {"lineage": {key: value for key, value in meta.items() if key not in own}}


def _split(rows: Rows, schema: type[Schema], work: FitWork) -> tuple[Items, Items]:
    """Train and dev items by their field `split`; all are train where it is not wired.

    Raises NodeFailed for rows that may not be trained on, and where dev rows were made from what is trained on.
    """
    items, refuse = items_of(work), partial(_refuse, work)
    make = items.make
    if "split" not in schema.model_fields or "split" not in work.checked.node.inputs:
        return items, items.of([])
    found: dict[str, list[str]] = {"train": [], "dev": []}
    for id in rows.ids:
        split = make(id).split or "train"
        if split not in found:
            refuse(f"{id} is {split}: such rows are for outside evaluation only; leave them out with `where`")
        found[split].append(id)
    if not found["train"]:
        refuse(f"all {len(rows.ids)} rows are dev, none is train")
    _check_apart(work, Ancestry(work.store, work.tables.values()), found["train"], found["dev"])
    return items.of(found["train"]), items.of(found["dev"])


def _check_apart(work: FitWork, ancestry: Ancestry, train: Iterable[str], dev: Iterable[str]) -> None:
    """Raises NodeFailed where dev rows are akin to what is trained on, now or before, and for children of reserved rows."""
    refuse, before = partial(_refuse, work), _trained_before(work)
    train, dev = ancestry.roots(train), ancestry.roots(dev)
    if shared := train & dev:
        refuse(f"dev rows and train rows were made from the same recordings ({_few(shared)})")
    if before and (shared := before.among(dev)):
        refuse(f"what {work.checked.node.init} was trained on is dev here ({_few(shared)})")
    if outside := [id for id in (train | dev).difference(work.rows.ids) if "reserved" in ancestry.values("split", id)]:
        refuse(f"rows were made from reserved ones ({_few(outside)}), which are for outside evaluation only")


def _index(work: FitWork, block: Trainable, kind: type[LocalRun]) -> Index:
    """What is known of many rows before one is read: made by the first rank, for all and for attempts to come.

    Raises NodeFailed as `_split` does.
    """
    files, rows = work.store.files, work.rows
    while (found := Index.read(files, work.folder)) is None and kind.rank:
        time.sleep(_LOOK_S)  # where the first rank fails, Ray ends this one
    if found is not None:
        return found
    ids = rows.ids if isinstance(rows.ids, Ids) else Ids(text_column(rows.ids))
    dev = _dev(work, ids)
    lengths, groups, first = measure(rows, block, work.checked.inputs, ~dev, items_of(work).make)
    made = Index(ids, dev, lengths, groups, first)
    made.write(files, work.folder)
    return Index.read(files, work.folder)


def _dev(work: FitWork, ids: Ids) -> np.ndarray:
    """Which rows are for validation."""
    rows, refuse = work.rows, partial(_refuse, work)
    if "split" not in work.checked.node.inputs:
        return np.zeros(len(ids), bool)
    codes, names = splits(rows)
    for code, name in enumerate(names):
        if (name or "train") not in ("train", "dev"):
            id = ids[int(np.flatnonzero(codes == code)[0])]
            refuse(f"{id} is {name}: such rows are for outside evaluation only; leave them out with `where`")
    dev = np.array([name == "dev" for name in names])[codes]
    if dev.all():
        refuse(f"all {len(ids)} rows are dev, none is train")
    ancestry = Ancestry(work.store, work.tables.values())
    if ancestry.has_parents or work.given():  # else no row is akin to another
        _check_apart(work, ancestry, ids.where(~dev), ids.where(dev))
    return dev


def _parted(work: FitWork, index: Index) -> tuple[Items, Items]:
    items = items_of(work, staging=True)
    return items.of(index.ids.where(~index.dev)), items.of(index.ids.where(index.dev))


def _refuse(work: FitWork, what: str):
    raise NodeFailed(f"{work.where()}: {what}")


def _trained_before(work: FitWork) -> TrainedOn | None:
    return TrainedOn.read(folder) if (folder := work.given()) else None


def _few(ids: Iterable[str]) -> str:
    return ", ".join(sorted(ids)[:5])
