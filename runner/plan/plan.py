"""What a run will do: which nodes, in which order, under which digests, and which of them are already in the store.

A digest names a result by all that made it: block, code, config, audio spec, seed (where the block draws at
random), inputs, conditions, and for a source the state of its data. Equal digests mean equal results.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import networkx as nx

from blocks.load import suggest
from runner.check import Checked, CheckedNode
from runner.check.order import needed_for
from runner.graph import Constant, Edge, Graph, Lookup
from runner.plan.code import CONTRACT, code_digest


class PlanError(ValueError):
    """The graph is sound, but this run of it is not possible; the message says what would be."""


@dataclass(frozen=True)
class Step:
    """One node of a run. `meta` is everything its digest was made from, and is stored with the result."""

    name: str
    checked: CheckedNode
    digest: str
    meta: dict
    cached: bool
    idle: bool = False  # it hangs on a source that nothing was asked of, and has no rows

    @property
    def verb(self) -> str:
        return self.checked.node.verb


@dataclass(frozen=True)
class Plan:
    graph: Graph
    checked: Checked
    steps: dict[str, Step]  # in execution order
    targets: tuple[str, ...]  # the last nodes of the slice

    @property
    def to_run(self) -> list[Step]:
        return [step for step in self.steps.values() if not step.cached]


def make_plan(
    checked: Checked,
    store,
    *,
    until: str | None = None,
    from_nodes: Sequence[str] = (),
    to_nodes: Sequence[str] = (),
    limit: int | None = None,
    fetch: bool = True,
) -> Plan:
    """Digests and states of the nodes of a slice.

    `until` and `to_nodes` keep these nodes and what they need; `from_nodes` keeps these nodes and what depends on
    them, and wants everything else they need in the store. `limit` reads so many rows of each source.
    With `fetch` the data of a source is brought onto the machine where it is missing.

    Raises PlanError for unknown nodes, and for a `from_nodes` whose inputs are not in the store.
    """
    ends = [until, *to_nodes] if until else list(to_nodes)
    needed = upstream_of(checked, ends)
    chosen = _after(checked, needed, list(from_nodes)) if from_nodes else needed
    steps: dict[str, Step] = {}
    for name in needed:
        steps[name] = _step(checked.nodes[name], checked.graph, steps, store, limit, fetch)
    chosen_inputs = {above for name in chosen for above in checked.nodes[name].upstream if above in steps}
    if absent := [name for name in needed if name in chosen_inputs - set(chosen) and not steps[name].cached]:
        raise PlanError(
            f"--from-nodes {','.join(from_nodes)}: what {', '.join(absent)} makes must be in the store already, but is not; "
            f"run once without --from-nodes, or start from {absent[0]}"
        )
    steps = {name: step for name, step in steps.items() if name in chosen or name in chosen_inputs}
    leaves = [name for name in chosen if not checked.dag.subgraph(chosen).out_degree(name)]
    return Plan(checked.graph, checked, steps, tuple(leaves))


def digest_of(meta: dict) -> str:
    """The digest of everything that makes a result, as 32 hex digits."""
    text = json.dumps(meta, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


# ---- slices ----


def upstream_of(checked: Checked, ends: list[str]) -> list[str]:
    """The end nodes (default: those nothing depends on) and all they need, in execution order. Raises PlanError."""
    _known(checked, ends)
    found = needed_for(checked.dag, ends or [name for name, degree in checked.dag.out_degree if not degree])
    return [name for name in checked.nodes if name in found]


def _after(checked: Checked, needed: list[str], starts: list[str]) -> list[str]:
    """Those of `needed` that are a start or depend on one."""
    _known(checked, starts)
    after = set(starts).union(*(nx.descendants(checked.dag, start) for start in starts))
    return [name for name in needed if name in after]


def _known(checked: Checked, names: list[str]) -> None:
    for name in names:
        if name not in checked.nodes:
            raise PlanError(f"{checked.graph.file}: no node {name!r}" + suggest(name, list(checked.nodes)))


# ---- digests ----

_BATCHES = "runner.fit.windows"  # with what it imports: all that puts the batches of a training together


def _step(checked: CheckedNode, graph: Graph, steps: dict[str, Step], store, limit, fetch) -> Step:
    node = checked.node
    meta: dict = {"contract": CONTRACT, "node": node.name, "verb": node.verb, "block": node.block}
    if node.verb == "load":
        meta |= {"artifact": _artifact_digest(graph.resolve(node.path)), "path": node.path}
        return Step(node.name, checked, digest_of(_identity(meta)), meta, cached=True)
    if checked.cls:
        block = checked.cls(checked.config, checked.spec, graph.seed)
        meta |= {
            "code": code_digest(checked.cls.__module__),
            "config": checked.config.model_dump(mode="json"),
            "spec": checked.spec.model_dump(mode="json"),
            "seed": graph.seed if checked.cls.stochastic or node.verb == "fit" else None,
        }
        if node.method != "apply":
            meta["method"] = node.method
        if node.verb == "fit":
            meta["batches"] = code_digest(_BATCHES)
        if node.scale.threads > 1:  # the last digits of sums hang on it
            meta["threads"] = node.scale.threads
        if node.scale.audio:  # which rounds to 24 bits
            meta["audio"] = node.scale.audio
        if node.verb == "read":
            paths = {name: meta["config"].pop(name) for name in checked.cls.paths}
            meta |= {"data": _fingerprint(block, fetch), "limit": limit, "path": paths}
    made_of = _Sources(steps, checked.groups)
    meta["inputs"] = made_of.named(node.inputs)
    meta["where"] = [[*made_of.column(c.edge), _plain(c.test), *made_of.group(c.edge)] for c in node.where]
    if node.limit:
        meta["most"] = node.limit
    if node.by:
        meta["by"] = [*made_of.column(node.by), *made_of.group(node.by)]
    meta["members"] = [steps[name].digest for name in node.members]
    meta["model"] = steps[node.model].digest if node.model else None
    meta["init"] = steps[node.init].digest if node.init else None
    digest = digest_of(_identity(meta))
    found = store.find_artifact(digest) if node.verb == "fit" else store.find_table(digest)
    return Step(node.name, checked, digest, meta, found is not None, _idle(node, meta, steps))


def _idle(node, meta: dict, steps: dict[str, Step]) -> bool:
    if node.verb == "read":
        return meta["data"] == ""
    if node.members:
        return all(steps[name].idle for name in node.members)
    above = [edge.node for _, edge in node.edges()] + [lookup.row.node for _, lookup in node.lookups()]
    return any(steps[name].idle for name in above)


def _identity(meta: dict) -> dict:
    """What counts: a renamed node or a moved artifact makes the same thing."""
    return {key: value for key, value in meta.items() if key not in ("node", "path")}


@dataclass(frozen=True)
class _Sources:
    """What is wired to a node, by the digests of what made it."""

    steps: dict[str, Step]
    groups: dict[str, Edge]  # of the node, as `CheckedNode` has them

    def named(self, inputs: dict) -> dict:
        return {
            field: self.named(wired) if isinstance(wired, dict) else self.of(wired) for field, wired in inputs.items()
        }

    def of(self, wired: Edge | Constant | Lookup):
        if isinstance(wired, Constant):
            return {"value": _plain(wired.value)}
        if isinstance(wired, Lookup):
            return {"row": self.column(wired.row), "at": self.of(wired.at)}
        by = self.group(wired)
        return {"group": self.column(wired), "by": by[0]} if by else self.column(wired)

    def column(self, edge: Edge) -> list[str]:
        return [self.steps[edge.node].digest, edge.field]

    def group(self, edge: Edge) -> list[list[str]]:
        """The column that tells the group of each row, where the edge is from a table of groups."""
        return [self.column(self.groups[edge.node])] if edge.node in self.groups else []


def _fingerprint(block, fetch: bool) -> str | None:
    """The state of a source's data; None where it is not here and may not be fetched (a dry run)."""
    if fetch:
        block.fetch()
    try:
        return block.fingerprint()
    except FileNotFoundError:
        if fetch:
            raise
        return None


def _plain(test):
    return list(test) if isinstance(test, tuple) else test


def _artifact_digest(folder: Path) -> str:
    return hashlib.blake2b((folder / "artifact.json").read_bytes(), digest_size=16).hexdigest()
