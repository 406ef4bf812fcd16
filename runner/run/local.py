"""The in-process executor: the default, and the meaning of a graph."""

import time
from collections import Counter
from collections.abc import Callable, Hashable

from blocks.base import Block
from runner.plan import Plan, Step
from runner.run.node import NodeRun, finish
from runner.work.apply import device_of
from runner.work.executor import Observer, Outcome, not_run


class LocalExecutor:
    """Runs the nodes of a plan one after another, shard by shard; memory does not grow with the length of a table."""

    def run(self, plan: Plan, store, observer: Observer) -> Outcome:
        outcome, shared = not_run(plan), SharedBlocks(plan)
        started = time.perf_counter()
        for step in plan.steps.values():
            error = finish(NodeRun(plan, step, store, observer, outcome.nodes[step.name], shared), outcome)
            if error:
                outcome.error = error
                break
        outcome.seconds = time.perf_counter() - started
        return outcome


class SharedBlocks:
    """Blocks of nodes that differ by their rows alone, each set up once: judges and vocoders stand in a graph many times.

    That is sound because what a mapper gives for an item depends on nothing but the item. A block is let go with the last node that wants it.
    """

    def __init__(self, plan: Plan):
        self._keys = {
            step.name: _key(plan, step) for step in plan.steps.values() if step.verb == "map" and not step.cached
        }
        self._wanted = Counter(self._keys.values())
        self._ready: dict[Hashable, Block] = {}

    def take(self, node: str, make: Callable[[], Block]) -> Block:
        """The block of this node, made by `make` if no node before it had the same."""
        key = self._keys[node]
        block = self._ready.pop(key, None) or make()
        self._wanted[key] -= 1
        if self._wanted[key]:
            self._ready[key] = block
        return block


def _key(plan: Plan, step: Step) -> Hashable:
    checked, model = step.checked, step.checked.node.model
    return (
        checked.cls,
        checked.config.model_dump_json(),
        checked.spec.model_dump_json(),
        device_of(checked),
        plan.steps[model].digest if model else None,
    )
