"""A slice of a graph held in memory: rows go in at its source and come out at a node, and no table is written between.

It means what a run means, with the same blocks, joins and conditions, so that values equal those of a run's tables.
A block is made at its first use and then kept; what the slice does not touch is never loaded.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from blocks.arrays import type_name
from blocks.base import BadItem, Block, Failure, Schema
from runner.check import Checked, CheckedNode
from runner.graph import Edge
from runner.plan import PlanError, make_plan, upstream_of
from runner.store.artifact import read_artifact
from runner.work import threads
from runner.work.apply import make_block, make_item, map_rows, reason_of
from runner.work.rows import Rows

FIRST_S, NEXT_S = 0.3, 1.0  # seconds of a log-mel that a block which streams is given at once
SPEAKS = "wave"  # the type of field that is streamed


@dataclass(frozen=True)
class Lost(Failure):
    """A row that did not come through: why, and at which node."""

    node: str = ""


@dataclass(frozen=True)
class Ready:
    """A row that is made but for its wave, or whole where its last block does not stream."""

    id: str
    samples: int  # of the wave
    item: Schema | None = None  # for the block that streams
    wave: np.ndarray | None = None


class Live:
    """What leads from the rows of `source` to the node `until`. It may be sent to other processes; one thread at a time.

    Weights are those of load nodes (`check` with `released` makes such ones) and of trainings that `store` has finished;
    the rows of a reduce on the way come from there, too. Raises PlanError where the slice cannot be had in this way.
    """

    def __init__(self, checked: Checked, source: str = "script", until: str = "voice", store=None):
        self.checked, self.source, self.until, self.store = checked, source, until, store
        needed = upstream_of(checked, [source, until])
        self.path = [name for name in needed if source in checked.nodes[name].origin]
        self._fits()
        self._plan = make_plan(checked, store, until=until, fetch=False) if store else None
        models = dict.fromkeys(node.node.model for node in self._nodes() if node.node.model)
        self.weights: dict[str, str] = {name: self._weights(name) for name in models}
        self._given = {name: _Table(self._one_row(name)) for name in self._outside()}
        self._found = {name: _Table(self._fields(name, fields)) for name, fields in self._looked_up().items()}
        self._streams = self._streaming()
        self._blocks: dict[str, Block] = {}

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_blocks": {}, "_plan": None, "store": None}

    @property
    def sample_rate(self) -> int:
        """Of the waves, in Hz."""
        return self.checked.nodes[self.until].spec.sample_rate

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of a row that goes in, with their annotated types."""
        return self.checked.nodes[self.source].fields

    # ---- use ----

    def run(self, rows: Sequence[dict]) -> list[dict | Lost]:
        """The row of `until` for each row of the source, with its ``id``, or why there is none.

        What a row leaves out is as in the source's settings. Ids, where they are given, must differ.
        """
        ids, tables, lost = self._push(rows, self.path)
        return [tables[self.until].rows.get(id) or lost[id] for id in ids]

    def prepare(self, rows: Sequence[dict]) -> list[Ready | Lost]:
        """Rows as in `run`, made but for what `waves` can do piece by piece."""
        name, spoken = self._streams, self.wave_field()
        if name is None:
            return [row if isinstance(row, Lost) else _whole(row, spoken) for row in self.run(rows)]
        above = upstream_of(self.checked, [name])[:-1]
        ids, tables, lost = self._push(rows, [each for each in self.path if each in above])
        node = self.checked.nodes[name]
        joined = self._rows(node, tables)
        made: dict[str, Ready] = {}
        for id, fields in zip(joined.ids, joined.items(joined.ids)):
            try:
                item = make_item(node.inputs, fields)
                made[id] = Ready(id, node.spec.samples(len(item.log_mel)), item)
            except BadItem as error:
                lost[id] = Lost(str(error), id, name)
        return [made.get(id) or lost.setdefault(id, self._unmet(id, tables, name)) for id in ids]

    def waves(self, ready: Ready) -> Iterator[np.ndarray]:
        """The wave in pieces, as they come; `samples` in all. Raises BadItem where it cannot be made."""
        if ready.item is None:
            yield ready.wave
            return
        block = self.block(self._streams)
        threads.use(self.checked.nodes[self._streams].node.scale.threads)
        try:
            for wave in block.stream(_pieces(ready.item.log_mel, block)):
                if not np.isfinite(wave).all():
                    raise BadItem("the wave has NaN or infinite values")
                yield wave
        except Exception as error:
            raise BadItem(f"{self._streams}: {reason_of(error)}") from error

    def stream(self, row: dict) -> Iterator[np.ndarray]:
        """The waves of one row, as they come. Raises BadItem where it cannot be spoken."""
        (ready,) = self.prepare([row])
        if isinstance(ready, Lost):
            raise BadItem(f"{ready.node}: {ready.reason}")
        yield from self.waves(ready)

    def warm(self, row: dict) -> bool:
        """Make every block, and say the row; False where it cannot be said.

        Where the wave streams, beginnings of doubled lengths are said, too: what compiles for a length does so now.
        """
        for node in self._nodes():
            if node.node.verb == "map":
                self.block(node.node.name)
        (ready,) = self.prepare([row])
        if isinstance(ready, Lost):
            return False
        for _ in self.waves(ready):
            pass
        if ready.item is not None:
            block, mel = self.block(self._streams), ready.item.log_mel
            for power in range(_sizes(block)[0].bit_length()):
                for _ in block.stream(_pieces(mel[: 1 << power], block)):
                    pass
        return True

    def block(self, name: str) -> Block:
        """The block of a node, set up."""
        if name not in self._blocks:
            node = self.checked.nodes[name]
            threads.use(node.node.scale.threads)
            self._blocks[name] = make_block(node, self.checked.graph.seed, self.weights.get(node.node.model))
        return self._blocks[name]

    # ---- rows through nodes ----

    def _push(self, rows: Sequence[dict], names: Iterable[str]) -> tuple[list[str], dict, dict[str, Lost]]:
        """The ids of the rows, what each node makes of them, and what was lost where."""
        tables, lost = self._given | self._found, {}
        ids, tables[self.source] = self._read(rows, lost)
        last = self.source
        for name in names:
            if name != self.source:
                node = self.checked.nodes[name]
                tables[name], last = _Table(getattr(self, f"_{node.node.verb}")(node, tables, lost)), name
        for id in ids:
            if id not in tables[last]:
                lost.setdefault(id, self._unmet(id, tables, last))
        return ids, tables, lost

    def _read(self, rows: Sequence[dict], lost: dict[str, Lost]) -> tuple[list[str], "_Table"]:
        source = self.checked.nodes[self.source]
        schema = source.output
        settings = {name: getattr(source.config, name, None) for name in schema.model_fields}
        settings = {name: value for name, value in settings.items() if value is not None}
        found, ids = {}, []
        for number, row in enumerate(rows, 1):
            fields = {"id": f"row-{number:04d}", **settings, **row}
            ids.append(id := fields["id"])
            try:
                found[id] = vars(make_item(schema, fields))
            except BadItem as error:
                lost[id] = Lost(str(error), id, self.source)
        if len(set(ids)) < len(ids):
            raise ValueError(f"{len(ids)} rows have {len(set(ids))} ids: want an id of its own for each, or none")
        return ids, _Table(found)

    def _map(self, node: CheckedNode, tables: dict, lost: dict[str, Lost]) -> dict[str, dict]:
        rows, block = self._rows(node, tables), self.block(node.node.name)
        threads.use(node.node.scale.threads)
        batch = node.node.scale.batch_size or node.cls.batch_size
        pairs = zip(rows.ids, rows.items(rows.ids))
        shard = map_rows(block, node.inputs, node.output, pairs, batch, node.node.method)
        for failure in shard.failures:
            lost.setdefault(failure.id, Lost(failure.reason, failure.id, node.node.name))
        return {id: {"id": id} | vars(row) for id, row in zip(shard.ids, shard.rows)}

    def _pick(self, node: CheckedNode, tables: dict, lost: dict[str, Lost]) -> dict[str, dict]:
        rows = self._rows(node, tables)
        return {id: {"id": id} | fields for id, fields in zip(rows.ids, rows.items(rows.ids))}

    def _union(self, node: CheckedNode, tables: dict, lost: dict[str, Lost]) -> dict[str, dict]:
        members = [tables[name] for name in node.node.members if name in self.path]
        return {id: {"id": id} | {f: row[f] for f in node.fields} for each in members for id, row in each.rows.items()}

    def _rows(self, node: CheckedNode, tables: dict) -> Rows:
        return Rows(node, tables, frozenset(self._given))

    def _unmet(self, id: str, tables: dict, last: str) -> Lost:
        """Of a row that no block refused: a condition did, or its group is not there."""
        name = next((name for name in self.path if name in tables and id not in tables[name]), last)
        for table, by in self.checked.nodes[name].groups.items():
            if id in tables[by.node] and (group := tables[by.node].get(id)[by.field]) not in tables[table]:
                return Lost(f"{table} has no row {group!r}", id, name)
        return Lost("the row does not meet `where`", id, name)

    # ---- the slice ----

    def _nodes(self) -> list[CheckedNode]:
        return [self.checked.nodes[name] for name in self.path]

    def _fits(self) -> None:
        node = self.checked.nodes[self.source].node
        if node.verb != "read":
            reads = ", ".join(name for name, other in self.checked.nodes.items() if other.node.verb == "read")
            raise PlanError(f"{node.place}: {self.source} is a {node.verb}, want a read; there is {reads}")
        if self.until not in self.path:
            origin = ", ".join(sorted(self.checked.nodes[self.until].origin)) or "one row for all"
            raise PlanError(
                f"{self.checked.nodes[self.until].node.place}: {self.until} has no rows of {self.source}, only of {origin}"
            )

    def _outside(self) -> list[str]:
        """Tables that nodes on the way take from beside it."""
        found = {}
        for node in self._nodes():
            if node.node.verb != "union":
                joined = set(node.node.tables()) - node.groups.keys()
                found |= dict.fromkeys(name for name in node.upstream if name in joined and name not in self.path)
        return list(found)

    def _one_row(self, name: str) -> dict[str, dict]:
        node = self.checked.nodes[name]
        if node.origin:
            raise PlanError(
                f"{node.node.place}: {name} has rows of its own, which no row of {self.source} can be joined to"
            )
        return self._fields(name, None)

    def _looked_up(self) -> dict[str, list[str]]:
        """Tables beside the way of which single rows are wanted, those of groups too, and which fields of them."""
        found: dict[str, list[str]] = {}
        for node in self._nodes():
            wired = [*(edge for _, edge in node.node.edges()), *(each.edge for each in node.node.where)]
            wanted = [edge for edge in wired if edge.node in node.groups]
            for edge in wanted + [lookup.row for _, lookup in node.node.lookups()]:
                if edge.node not in self.path:
                    found.setdefault(edge.node, []).append(edge.field)
        return found

    def _fields(self, name: str, fields: list[str] | None) -> dict[str, dict]:
        """Rows of a table of the store, as it is when the slice is made."""
        table = self.store.find_table(self._plan.steps[name].digest) if self.store else None
        if table is None:
            raise PlanError(f"{self.checked.nodes[name].node.place}: {name} is not in the store; {self._make(name)}")
        return {row["id"]: row for row in table.rows(fields=fields)}

    def _weights(self, name: str) -> str:
        node = self.checked.nodes[name].node
        if node.verb == "load":
            folder = self.checked.graph.resolve(node.path)
            read_artifact(folder)
            return str(folder)
        found = self.store.find_artifact(self._plan.steps[name].digest) if self.store else None
        if found is None:
            shipped = "; --released takes what is shipped instead" if node.released else ""
            raise PlanError(f"{node.place}: {name} is not trained; {self._make(name)}{shipped}")
        return str(found)

    def _make(self, name: str) -> str:
        return f"first: voxblocks run {self.checked.graph.file} --until {name}, with the same store, size and settings"

    # ---- streaming ----

    def wave_field(self) -> str:
        """The field of `until` that is spoken. Raises PlanError where there is none."""
        node = self.checked.nodes[self.until]
        found = next((name for name, hint in node.fields.items() if type_name(hint) == SPEAKS), None)
        if found is None:
            raise PlanError(f"{node.node.place}: {self.until} has no wave, only {', '.join(node.fields) or 'weights'}")
        return found

    def _streaming(self) -> str | None:
        """The node whose block makes the wave of `until` piece by piece from a log-mel, if it can."""
        fields = self.checked.nodes[self.until].fields.items()
        edge = next((Edge(self.until, name, None) for name, hint in fields if type_name(hint) == SPEAKS), None)
        while edge:
            node = self.checked.nodes[edge.node]
            if node.node.verb != "pick" or node.node.where:
                able = hasattr(node.cls, "stream") and node.node.method == "apply"
                return edge.node if able and node.inputs and set(node.inputs.model_fields) == {"log_mel"} else None
            edge = node.node.inputs[edge.field]
            if not {other.node for other in node.node.inputs.values()} <= set(upstream_of(self.checked, [edge.node])):
                return None
        return None


@dataclass(frozen=True)
class _Table:
    """Rows by id, as `Rows` asks a stored table for them."""

    rows: dict[str, dict]

    @property
    def ids(self) -> list[str]:
        return list(self.rows)

    def get(self, id: str, fields=None) -> dict:
        return self.rows[id]

    def __contains__(self, id: str) -> bool:
        return id in self.rows

    def __len__(self) -> int:
        return len(self.rows)


def _whole(row: dict, field: str) -> Ready:
    return Ready(row["id"], len(row[field]), wave=row[field])


def _sizes(block: Block) -> tuple[int, int]:
    """Frames of the first piece and of later ones. The first is short, so that there is soon something to hear."""
    rate = block.spec.frame_rate
    return round(FIRST_S * rate) + getattr(block, "lookahead", 0), round(NEXT_S * rate)


def _pieces(log_mel: np.ndarray, block: Block) -> Iterator[np.ndarray]:
    (size, later), at = _sizes(block), 0
    while at < len(log_mel):
        yield log_mel[at : at + size]
        at, size = at + size, later
