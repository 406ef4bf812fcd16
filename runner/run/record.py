"""The record of a run: what `--json` prints, what the store keeps, and all that a report is made from.

It is kept from the start of the run, with a heartbeat, and says how the run stands: running, interrupted, crashed, failed or finished.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime

import numpy as np

from blocks.arrays import type_name
from runner.graph import Constant, Edge, Lookup
from runner.plan import Plan
from runner.store.claims import this_process
from runner.store.formats import versions
from runner.store.runs import BEAT_S
from runner.work.executor import Outcome


def make_record(plan: Plan, outcome: Outcome, started: datetime) -> dict:
    """Plain JSON-able data; `nodes` in execution order, `results` what every reduce node made."""
    graph = plan.graph
    return {
        "graph": graph.name,
        "file": str(graph.file),
        "about": graph.about,
        "paper": graph.paper,
        "size": graph.size,
        "seed": graph.seed,
        "spec": graph.spec.model_dump(mode="json"),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(outcome.seconds, 3),
        "error": str(outcome.error) if outcome.error else None,
        "state": "failed" if outcome.error else "finished",
        "versions": versions(),
        "source": graph.source,
        "targets": list(plan.targets),
        "nodes": {name: _node(plan, name, outcome) for name in plan.steps},
        "results": {name: _grouped(row) if _by(plan, name) else _plain(row) for name, row in outcome.results.items()},
    }


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def kept(store, record: dict, beat_s: float = BEAT_S) -> Iterator[str]:
    """Keep the record of a run that begins here, and signs of life; gives the name under which its end is to be recorded.

    A run that is stopped or breaks off by an exception is recorded as interrupted or crashed.
    """

    def write(state: str) -> str:
        told = {"state": state, "seen": now().isoformat(timespec="seconds"), "process": this_process()}
        return store.record_run(record | told, name)

    def beat() -> None:
        while not over.wait(beat_s):
            with suppress(OSError):  # a store that does not answer for a while
                write("running")

    name, over = None, threading.Event()
    beating = threading.Thread(target=beat, daemon=True)
    state = "crashed"
    try:
        name = write("running")
        beating.start()
        yield name
        state = ""
    except KeyboardInterrupt:
        state = "interrupted"
        raise
    finally:
        over.set()
        if beating.ident:
            beating.join()
        if state:
            write(state)


def _node(plan: Plan, name: str, outcome: Outcome) -> dict:
    step = plan.steps[name]
    node = step.checked.node
    made = asdict(outcome.nodes[name])
    made["seconds"] = round(made["seconds"], 3)
    return {
        "verb": node.verb,
        "block": node.block,
        "method": node.method if node.verb == "map" else None,
        **made,
        "upstream": list(step.checked.upstream),
        "inputs": _written(node.inputs),
        "fields": {field: type_name(hint) for field, hint in step.checked.fields.items()},
        "by": _by(plan, name),
        "where": {f"{c.edge.node}.{c.edge.field}": c.test for c in node.where},
        "artifact": str(plan.graph.resolve(node.path)) if node.verb == "load" else None,
    }


def _by(plan: Plan, name: str) -> str | None:
    """The field that names the groups of a reduce, if it has such."""
    by = plan.steps[name].checked.node.by
    return str(by) if by else None


def _grouped(result: dict) -> dict:
    """The rows of groups, with the names of their arrays alone: what they hold stands in the table."""
    groups = {name: {key: _named(value) for key, value in row.items()} for name, row in result["groups"].items()}
    return result | {"groups": groups}


def _named(value):
    """``float32(256)`` for an array."""
    return f"{value.dtype}({', '.join(map(str, value.shape))})" if isinstance(value, np.ndarray) else _plain(value)


def _plain(value):
    """Arrays as lists, so that the record is JSON."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _written(wired: dict | Edge | Constant | Lookup):
    """As in the graph."""
    if isinstance(wired, dict):
        return {field: _written(inner) for field, inner in wired.items()}
    if isinstance(wired, Lookup):
        return {"row": str(wired.row), "at": _written(wired.at)}
    return {"value": wired.value} if isinstance(wired, Constant) else str(wired)
