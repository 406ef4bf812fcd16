"""Making anew what is cached: what other versions of Python and of libraries made, which digests do not tell, and what failed."""

from collections.abc import Iterable
from dataclasses import replace

import networkx as nx

from blocks.base import Skip
from runner.plan import Plan
from runner.store.claims import Claim
from runner.store.formats import COMPUTING, versions, versions_of
from runner.store.runs import state_of


def of_other_versions(plan: Plan, store) -> dict[str, dict[str, str]]:
    """The versions that differ from those here, for each cached node of the plan that has some."""
    found = {}
    for step in plan.steps.values():
        if not step.cached or step.verb in ("load", "pick", "union"):
            continue
        made, needed = store.versions_of(step.digest), versions_of(tuple(step.checked.cls.needs))
        here = versions() | needed
        other = {
            name: made[name] for name in {"python", *COMPUTING, *needed} & made.keys() if made[name] != here.get(name)
        }
        if other:
            found[step.name] = other
    return found


def describe(found: dict[str, dict[str, str]]) -> str:
    """One line for them."""
    names, every = list(found), {f"{name} {version}" for made in found.values() for name, version in made.items()}
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    count = f"{len(names)} cached nodes were" if len(names) > 1 else "1 cached node was"
    return (
        f"{count} made by other versions ({', '.join(sorted(every))}): "
        f"{', '.join(names[:5])}{more}; --redo-versions makes them anew"
    )


class InUseError(RuntimeError):
    """Another run reads or makes what was to be made anew; the message says which."""


def claimed(plan: Plan, store, names: Iterable[str]) -> Claim:
    """Leave to take away what these nodes made and what was made of it, to be held until this run is recorded.

    Raises InUseError where a living run is at any of it.
    """
    digests = {plan.steps[name].digest: name for name in {*names} | _after(plan, names)}
    if (claim := store.claims.take("anew")) is None:
        raise InUseError("another run is about to make something anew in this store: try again in a moment")
    for run in store.runs():
        at = [digests[node["digest"]] for node in run["nodes"].values() if node["digest"] in digests]
        if at and "state" in run and state_of(run) == "running":
            claim.__exit__()
            raise InUseError(
                f"a run of {run['started']} is using {', '.join(at[:5])}: make these anew when it has ended"
            )
    return claim


def forget(plan: Plan, store, names: Iterable[str]) -> None:
    """Take from the store what these nodes made, and all that was made of it."""
    for name in {*names} | _after(plan, names):
        store.forget(plan.steps[name].digest)


def with_failures(plan: Plan, store) -> list[str]:
    """The cached nodes of the plan that hold failures; rows that were left out on purpose are none."""
    made = [step for step in plan.steps.values() if step.cached and step.verb in ("read", "map", "expand", "reduce")]
    tables = {step.name: store.find_table(step.digest) for step in made}
    there = {name: table for name, table in tables.items() if table}  # not what another run makes anew just now
    return [name for name, table in there.items() if any(not isinstance(f, Skip) for f in table.failures)]


def retry(plan: Plan, store, names: Iterable[str]) -> None:
    """Let what failed in these nodes be tried again: the shards with failures go, and all that was made of the tables."""
    for name in names:
        store.reopen(plan.steps[name].digest)
    for name in _after(plan, names) - {*names}:
        store.forget(plan.steps[name].digest)


def as_forgotten(plan: Plan, names: Iterable[str]) -> Plan:
    """The plan as it would be if what these nodes made were to be made anew."""
    anew = {*names} | _after(plan, names)
    steps = {name: replace(step, cached=step.cached and name not in anew) for name, step in plan.steps.items()}
    return replace(plan, steps=steps)


def _after(plan: Plan, names: Iterable[str]) -> set[str]:
    """The nodes of the plan that depend on these; a loaded artifact does on nothing."""
    return set().union(*(nx.descendants(plan.checked.dag, name) for name in names)) & plan.steps.keys()
