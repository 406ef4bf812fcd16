"""The in-process executor: the default, and the meaning of a graph."""

import time

from runner.plan import Plan
from runner.run.node import NodeRun, finish
from runner.work.executor import Observer, Outcome, not_run


class LocalExecutor:
    """Runs the nodes of a plan one after another, shard by shard; memory does not grow with the length of a table."""

    def run(self, plan: Plan, store, observer: Observer) -> Outcome:
        outcome = not_run(plan)
        started = time.perf_counter()
        for step in plan.steps.values():
            error = finish(NodeRun(plan, step, store, observer, outcome.nodes[step.name]), outcome)
            if error:
                outcome.error = error
                break
        outcome.seconds = time.perf_counter() - started
        return outcome
