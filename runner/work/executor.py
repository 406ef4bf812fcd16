"""What every executor shares: the interface, what it reports, and when failures stop a run."""

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

from runner.plan import Plan, Step
from runner.work.apply import Shard


class NodeFailed(RuntimeError):
    """A node could not be finished; what is finished stays in the store. The message says what to do."""


class ClusterError(RuntimeError):
    """The cluster is not there, cannot give what is asked, or went away; the message says what there is."""


@dataclass
class NodeResult:
    """One node of a finished or stopped run."""

    digest: str
    state: str  # cached, ran, failed, waiting (not reached)
    rows: int = 0
    failures: int = 0
    skipped: int = 0
    offered: int | None = None  # rows that `where` chose from; None without one, and where that is not known any more
    unmatched: dict[str, int] = field(default_factory=dict)  # per input table: ids it lacks
    seen_in_training: dict[str, int] = field(default_factory=dict)  # per model: rows scored that it was trained on
    seconds: float = 0.0  # at work: on a cluster of all its workers together, without what the node waited for
    error: str = ""


@dataclass
class Outcome:
    """A run as a whole; `error` is what stopped it."""

    nodes: dict[str, NodeResult]
    results: dict[str, dict] = field(default_factory=dict)  # what every reduce node made, as `NodeRun.reduced` has it
    error: Exception | None = None
    seconds: float = 0.0


def not_run(plan: Plan) -> Outcome:
    """What is known of a run before its first node."""
    return Outcome({name: NodeResult(step.digest, "waiting") for name, step in plan.steps.items()})


def number(value: Any) -> float:
    """A plain number, also of a tensor that has a gradient."""
    return float(value.detach() if hasattr(value, "detach") else value)


class Observer:
    """Told what happens while it happens; this one says nothing."""

    def node_started(self, step: Step, total: int | None, done: int) -> None:
        """`total` rows to make (None: not known yet), of which an earlier run made `done`."""

    def shard_done(self, step: Step, shard: Shard) -> None: ...

    def trained(self, step: Step, done: int, scalars: dict) -> None:
        """A fit has done so many steps, and reported these numbers at the last."""

    def node_finished(self, step: Step, result: NodeResult) -> None: ...


class Executor(Protocol):
    def run(self, plan: Plan, store, observer: Observer) -> Outcome:
        """Make everything in the plan that the store lacks. Never raises for a failed node: see `Outcome.error`."""


class FailurePolicy:
    """Decides when failed items stop a node: at once, or past the graph's largest share."""

    def __init__(self, plan: Plan, step: Step, store):
        self.plan, self.step, self.store = plan, step, store
        self.rows = self.failures = 0
        self.example = ""

    def see(self, shard: Shard, total: int | None = None) -> None:
        """Count a shard. Raises NodeFailed as soon as the node is past saving; `total` rows are expected."""
        self.rows += len(shard.ids)
        self.failures += shard.failed
        for failure in shard.failures:
            if not self.example and failure.id and type(failure).__name__ == "Failure":
                self.example = f"{failure.id}: {failure.reason}"
        if shard.failed and self.plan.graph.on_error == "stop":
            raise NodeFailed(self._message("on_error: stop")) from shard.first_error
        if total and self.failures > self.plan.graph.max_failed * total:
            self._refuse(total, shard.first_error)

    def settle(self, rows: int, failures: int) -> None:
        """The last word, once every row is counted, those of an earlier run too."""
        self.rows, self.failures = rows, failures
        if failures > self.plan.graph.max_failed * (rows + failures):
            self._refuse(rows + failures)

    def _refuse(self, total: int, cause: BaseException | None = None):
        limit = f"more than max_failed {self.plan.graph.max_failed:g} allows"
        raise NodeFailed(self._message(limit, f" of {total}")) from cause

    def _message(self, rule: str, of: str = "") -> str:
        share = math.ceil(100 * self.failures / max(1, self.rows + self.failures)) / 100
        return (
            f"{self.step.checked.node.place}: {self.step.name}: {self.failures}{of} items failed ({rule}); the first is "
            f"{self.example}. All of them, and a traceback where the block stumbled: `{self.store.ask_failures(self.step.digest)}`"
            + (f"; to go on without them: --set max_failed={share:g}" if self.rows else "")
        )
