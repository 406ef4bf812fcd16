"""`run --play` and `--raw`: the waves of a node, out of the store, or spoken as they are made (`runner.speak.live`)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from blocks.base import BadItem, Failure, Skip
from runner.plan import Plan, PlanError
from runner.run.output import field_of
from runner.speak.live import Live


def stored(plan: Plan, until: str, store) -> Iterator[np.ndarray]:
    """The waves of a node's table, in the order of its rows."""
    step = plan.steps[until]
    name = field_of(step.checked.fields, "wave")
    return (row[name] for row in store.find_table(step.digest).rows())


@dataclass
class AtOnce:
    """Every row of the one source of `live`, spoken; what was made is kept, and stands for a table once all are."""

    live: Live
    limit: int | None
    made: list[dict] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def waves(self) -> Iterator[np.ndarray]:
        """Pieces of waves, in the order of the rows, as they come."""
        name = self.live.wave_field()
        for row in self._read():
            parts = []
            try:
                for part in self.live.stream(row):
                    parts.append(part)
                    yield part
            except BadItem as error:
                self.failures.append(Failure(str(error), row["id"]))
            else:
                self.made.append({"id": row["id"], name: np.concatenate(parts)})

    def rows(self) -> Iterator[dict]:
        return iter(self.made)

    def _read(self) -> Iterator[dict]:
        node = self.live.checked.nodes[self.live.source]
        source = node.cls(node.config, node.spec, self.live.checked.graph.seed)
        for row in islice(source.read(), self.limit):
            if not isinstance(row, Failure):
                yield dict(row)
            elif not isinstance(row, Skip):
                self.failures.append(row)


def at_once(plan: Plan, until: str, store, limit: int | None) -> AtOnce | None:
    """How to speak a node's rows without a run; None where it is made already, or tables are wanted on the way."""
    step = plan.steps[until]
    if step.cached or step.idle or len(step.checked.origin) != 1:
        return None
    try:
        live = Live(plan.checked, next(iter(step.checked.origin)), until, store)
    except PlanError:
        return None
    chosen = any(plan.checked.nodes[name].node.where for name in live.path)
    return None if chosen else AtOnce(live, limit)
