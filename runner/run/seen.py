"""Scores of what a model was trained on: how many rows of a node that judges are such, and that none of them is a dev row."""

from collections.abc import Iterable

from runner.plan import Plan, Step
from runner.work.ancestry import Ancestry, TrainedOn
from runner.work.executor import NodeFailed
from runner.work.rows import Rows

MARK = "seen_in_training"  # in what is stored with a table


def models_of(plan: Plan, step: Step) -> list[str]:
    """The models of all nodes that rows pass on their way to a node, and of this one."""
    found, seen, waiting = {}, set(), [step.name]
    while waiting:
        checked = plan.checked.nodes[waiting.pop()]
        given = (checked.node.model, checked.node.init)
        found |= dict.fromkeys(name for name in given if name in plan.steps)
        above = [name for name in checked.upstream if name not in given and name not in seen]
        seen.update(above)
        waiting += above
    return list(found)


def rows_of(models: dict[str, TrainedOn | None], step: Step, store, rows: Rows) -> dict[str, int]:
    """Per model: how many of the rows come from what it was trained on.

    Raises NodeFailed where such a row is one of dev: what it would say is what nobody wants to know.
    """
    ancestry, found = Ancestry(store, (table.digest for table in rows.tables.values())), {}
    roots = {id: ancestry.roots([id]) for id in rows.ids}
    for name, model in models.items():
        known = model.among(set().union(*roots.values())) if model else set()
        if ids := [id for id, each in roots.items() if each & known]:
            if dev := [id for id in ids if "dev" in ancestry.values("split", id)]:
                raise NodeFailed(
                    f"{step.checked.node.place}: {step.name}: {len(dev)} of {len(roots)} rows are dev, but {name} was trained "
                    f"on what they were made from ({', '.join(dev[:5])}): wire its split, or leave these rows out"
                )
            found[name] = len(ids)
    return found


def marks(table) -> dict[str, int]:
    """What `rows_of` gave where a table was made; stores of before call it ``heard``."""
    meta = table.manifest["meta"]
    return meta.get(MARK, meta.get("heard", {}))


def most(marks: Iterable[dict[str, int]]) -> dict[str, int]:
    """Of each model the largest count."""
    found: dict[str, int] = {}
    for mark in marks:
        for name, count in mark.items():
            found[name] = max(count, found.get(name, 0))
    return found
