"""Running one node: its inputs found, the shards that are missing made, its table published. An executor decides where."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import islice

from blocks.base import BadItem, Failure, Reducer, streams
from runner.plan import Plan, Step
from runner.run import seen
from runner.run.results import spread_evenly, take_good, with_failures
from runner.store import StoreError, ViewPart
from runner.store.artifact import read_artifact, read_manifest
from runner.store.claims import Claim
from runner.store.formats import versions_of
from runner.work import threads
from runner.work.ancestry import TrainedOn
from runner.work.apart import ExpandWork, ReadWork, each_once, is_apart
from runner.work.apply import SHARD_ROWS, BlockError, Shard, broke, make_block, make_item, reason_of, stumbled
from runner.work.executor import ClusterError, FailurePolicy, NodeFailed, NodeResult, Observer, Outcome
from runner.work.rows import Rows
from runner.work.shards import MapWork, ShardWork, open_writer

_PAUSE_S = 0.2  # between two looks at what another run is making
ONE_ROW = "all"  # the id of a reduced row
JUDGES = "metric."  # the kind of block whose results are scores


def finish(node: "NodeRun", outcome: Outcome) -> Exception | None:
    """Run a node to its end: its state, its time, its result if it has one; gives what stopped it."""
    result, error = node.result, None
    begun = time.perf_counter()
    try:
        node.run()
    except BlockError as stopped:
        error = BlockError(broke(node.step.checked.node, stopped))
    except (NodeFailed, ClusterError, OSError, StoreError) as stopped:
        error = stopped
    if error:
        result.state, result.error = "failed", str(error)
    result.seconds = time.perf_counter() - begun if node.busy is None else node.busy
    if not error and node.step.verb == "reduce" and not node.step.idle:
        outcome.results[node.step.name] = node.reduced()
    node.observer.node_finished(node.step, result)
    return error


class NodeRun:
    """One node: finds its inputs, makes the shards that are missing, publishes the table."""

    ours = False  # whether who called has claimed the whole node already
    busy: float | None = None  # seconds that workers were at work, where there are any; None: as long as `run` takes

    def __init__(self, plan: Plan, step: Step, store, observer: Observer, result: NodeResult, shared=None):
        self.plan, self.step, self.store, self.observer, self.result = plan, step, store, observer, result
        self.shared = shared  # blocks that other nodes of this process use as well: `runner.run.local.SharedBlocks`
        self.policy = FailurePolicy(plan, step, store)
        self._claim: Claim | None = None

    def run(self) -> None:
        verb = self.step.verb
        if verb == "fit" and self.step.idle:
            return  # nothing was brought to train on, and what would use it has no rows
        threads.use(self.step.checked.node.scale.threads)
        made = not self.step.cached and self._make()
        self.result.state = "ran" if made else "cached"
        if verb in ("load", "fit"):
            return
        if not made:
            self.result.offered = self._offered()
        table = self.store.find_table(self.step.digest)
        self.result.rows = len(table)
        self.result.seen_in_training = seen.marks(table)
        self.result.failures = sum(type(failure) is Failure for failure in table.failures)
        self.result.skipped = len(table.failures) - self.result.failures
        self.policy.example = next((f"{f.id}: {f.reason}" for f in table.failures if type(f) is Failure), "")
        self.policy.settle(self.result.rows, self.result.failures)

    def _make(self) -> bool:
        """Make what the store lacks; False where another run has made it, which is waited for where it is at it."""
        make = getattr(self, f"_{self.step.verb}")
        if self.ours or self.step.verb in ("pick", "union") or is_apart(self.step):  # which claims shard by shard
            make()
            return True
        while not self._is_there():
            if (claim := self.store.claims.take(self.step.digest)) is None:
                self._pause()
                continue
            with claim:
                if not self._is_there():
                    self._claim = claim
                    make()
                    return True
        return False

    def _is_there(self) -> bool:
        find = self.store.find_artifact if self.step.verb == "fit" else self.store.find_table
        return find(self.step.digest) is not None

    def _pause(self) -> None:
        """Let another run go on with what this one waits for."""
        time.sleep(_PAUSE_S)

    def _offered(self) -> int | None:
        """What a table made before was chosen from: known without its rows where it is of one other."""
        inputs = self._inputs()
        return len(self._table(inputs[0])) if self.step.checked.node.where and len(inputs) == 1 else None

    # ---- one method a verb ----

    def _read(self) -> None:
        if is_apart(self.step):
            return self._make_all(self.read_work())
        block = self._block()
        self._stream(block.read(), limit=self.step.meta["limit"])

    def _expand(self) -> None:
        if is_apart(self.step):
            return self._make_all(self.expand_work())
        rows, unfit = self._rows(), []
        items, known = self._fitting(rows, unfit), set(rows.ids)
        block = self._block()
        results = block.expand(items if streams(type(block)) else list(items))
        self._stream(with_failures(self._of_parents(results, known), unfit))

    def _fitting(self, rows: Rows, unfit: list[Failure]) -> Iterator:
        """The items that fit their schema; the others are added to `unfit` as they come."""
        for id, fields in zip(rows.ids, rows.items(rows.ids)):
            try:
                yield make_item(self.step.checked.inputs, fields)
            except BadItem as error:
                unfit.append(Failure(str(error), id))

    def _of_parents(self, results: Iterator, known: set[str]) -> Iterator:
        """New rows, whose parents are all there. Raises BlockError where a block makes up one."""
        for result in results:
            parents = getattr(result, "parents", ())
            if not isinstance(result, Failure) and not (parents and known.issuperset(parents)):
                strange = next((repr(id) for id in parents if id not in known), "none")
                raise BlockError(f"{self.step.name}: {result.id!r}: want parents among the rows given, got {strange}")
            yield result

    def _map(self) -> None:
        self._make_all(self.map_work())

    def _make_all(self, work: ShardWork) -> None:
        """Make the shards that are missing."""
        if work.tables:
            self._found(work.rows)
        missing = [index for index in range(self._call(lambda: work.count)) if index not in work.writer.done]
        total = work.total if work.row_each else None
        self.observer.node_started(self.step, total, work.total - sum(map(work.items_of, missing)) if total else 0)
        while missing:
            made = set()
            for index, shard in self._call_each(self.make_shards, work, missing):
                made.add(index)
                self._seen(work.writer, shard, total)
            work.writer.look()
            for index in (work.writer.done & {*missing}) - made:  # by another run
                ids, failures = work.writer.outcome(index)
                self._seen(work.writer, Shard(ids, failures=failures), total)
            missing = [index for index in missing if index not in work.writer.done]
            while missing and not any(self.store.claims.is_free(work.claim_of(index)) for index in missing):
                self._pause()
        self._publish(work.writer, work.count)

    def make_shards(self, work: ShardWork, missing: list[int]) -> Iterator[tuple[int, Shard]]:
        """Make and write these shards, in any order, but for those that another run is making."""
        made = ((index, work.make(index)) for index in missing)
        return ((index, shard) for index, shard in made if shard is not None)

    def _fit(self) -> None:
        from runner.fit.node import publish, train

        work = self.fit_work()
        self._found(work.rows)

        def started(run):
            self.observer.node_started(self.step, run.config.max_steps, run.done)

        def stepped(batch, scalars):
            self._still_ours()
            self.observer.trained(self.step, batch.step, scalars)

        publish(work, *self._call(train, work, on_step=stepped, on_start=started))

    def _still_ours(self) -> None:
        if self._claim and self._claim.lost:
            raise NodeFailed(
                f"{self.step.checked.node.place}: {self.step.name}: this process gave no sign of life for so long that another "
                "run has taken the training over; the same command waits for it"
            )

    def fit_work(self):
        from runner.fit.node import FitWork

        init = self.step.checked.node.init
        return FitWork(**self._data(), weights=self._weights(init) if init else None)

    def _reduce(self) -> None:
        """One row, or with `by` one a group; the items of one group at a time are held. Of what nobody brought, none."""
        rows, by = self._rows(), self.step.checked.node.by
        groups = list(rows.groups.items()) if by else [] if self.step.idle else [(ONE_ROW, rows.ids)]
        self.observer.node_started(self.step, len(groups), 0)
        block: Reducer = self._block()
        writer = self._writer()
        for index, at in enumerate(range(0, len(groups), SHARD_ROWS)):
            if index in writer.done:
                continue
            shard = Shard()
            for name, ids in groups[at : at + SHARD_ROWS]:
                result = self._reduced(block, name, self._items(rows, ids))
                shard.add(name, result, self.step.checked.output, block.spec)
            self._keep(writer, index, shard)
        self._publish(writer, math.ceil(len(groups) / SHARD_ROWS))

    def _reduced(self, block: Reducer, name: str, items: list):
        """A row of a reduce; a group that cannot be made one costs itself alone."""
        by = self.step.checked.node.by
        if not name:
            raise NodeFailed(f"{by.place}: {self.step.name}.by <- {by}: want a name for each group, got an empty one")
        try:
            return block.reduce(items)
        except Exception as error:
            if by and isinstance(error, BadItem):
                return Failure(reason_of(error), name)
            self._refuse(error)

    def reduced(self) -> dict:
        """What a reduce made, for those who read results: its row, or ``{"by": node.field, "groups": {name: row}}``."""
        table, by = self.store.find_table(self.step.digest), self.step.checked.node.by
        rows = {row["id"]: {key: value for key, value in row.items() if key != "id"} for row in table.rows()}
        return {"by": str(by), "groups": rows} if by else rows[ONE_ROW]

    def _pick(self) -> None:
        rows = self._rows()
        columns = {name: (self._digest(edge.node), edge.field) for name, edge in self.step.checked.node.inputs.items()}
        self.store.write_view(
            self.step.digest, self.meta(), [ViewPart(columns, spread_evenly(rows.ids, self.step.checked.node.limit))]
        )

    def _union(self) -> None:
        parts = []
        for name in self.step.checked.node.members:
            table = self._table(name)
            columns = {field: (table.digest, field) for field in self.step.checked.fields}
            parts.append(ViewPart(columns, table.ids))
        self.store.write_view(self.step.digest, self.meta(), parts)

    # ---- shared steps ----

    def _stream(self, results: Iterator, limit: int | None = None) -> None:
        """Shards from a generator. It is asked for everything again after a kill, but finished shards are not rewritten."""
        writer = self._writer()
        self.observer.node_started(self.step, limit, 0)
        results, index = take_good(each_once(results), limit), 0
        while chunk := self._call(list, islice(results, SHARD_ROWS)):
            shard = Shard()
            for result in chunk:
                shard.add(result.id, result, self.step.checked.output, self.step.checked.spec)
            if index not in writer.done:
                self._keep(writer, index, shard)
            index += 1
        self._publish(writer)

    def _keep(self, writer, index: int, shard: Shard) -> None:
        shard.write(writer, index)
        self._seen(writer, shard)

    def _seen(self, writer, shard: Shard, total: int | None = None) -> None:
        self.observer.shard_done(self.step, shard)
        with self._judging(writer):
            self.policy.see(shard, total)

    def _publish(self, writer, shards: int | None = None) -> None:
        with self._judging(writer):
            self.policy.settle(writer.rows, writer.failures)
            if not writer.rows and not self.step.idle:
                raise NodeFailed(f"{self.step.checked.node.place}: {self.step.name}: not one row came out")
        writer.publish(shards)

    @contextmanager
    def _judging(self, writer):
        """A table given up for its failures is not complete, and what failed is tried again by the next run."""
        try:
            yield
        except NodeFailed:
            writer.refuse()
            raise

    def map_work(self) -> MapWork:
        model = self.step.checked.node.model
        return MapWork(**self._data(), weights=self._weights(model) if model else None, shared=self.shared)

    def read_work(self) -> ReadWork:
        return ReadWork(**self._data())

    def expand_work(self) -> ExpandWork:
        model = self.step.checked.node.model
        return ExpandWork(**self._data(), weights=self._weights(model) if model else None)

    def _data(self) -> dict:
        """The node as data that can travel."""
        return {
            "checked": self.step.checked,
            "store": self.store,
            "digest": self.step.digest,
            "meta": self.meta(),
            "tables": {name: self._digest(name) for name in self._inputs()},
            "single": self._single(),
            "seed": self.plan.graph.seed,
        }

    def _inputs(self) -> list[str]:
        """The nodes whose tables are read, each once."""
        node = self.step.checked.node
        return [name for name in dict.fromkeys(self.step.checked.upstream) if name not in (node.model, node.init)]

    def _single(self) -> frozenset[str]:
        return frozenset(name for name in self._inputs() if not self.plan.checked.nodes[name].origin)

    def _rows(self) -> Rows:
        return self._found(
            Rows(self.step.checked, {name: self._table(name) for name in self._inputs()}, self._single())
        )

    def _found(self, rows: Rows) -> Rows:
        """Rows to work on. Raises NodeFailed where there are none: nothing may become nothing in silence."""
        node = self.step.checked.node
        self.result.unmatched = rows.unmatched
        self.result.offered = rows.offered if node.where else None
        if not rows.ids and not self.step.idle:
            sizes = ", ".join(f"{name} has {len(table)}" for name, table in rows.tables.items())
            rule = " and meets `where`" if node.where else ""
            limit = next(filter(None, (step.meta.get("limit") for step in self.plan.steps.values())), None)
            few = f"; --limit {limit} reads no more than that of a source, want a larger one" if limit else ""
            raise NodeFailed(f"{node.place}: {node.name}: no row is in every input{rule} ({sizes}){few}")
        return rows

    def _items(self, rows: Rows, ids: list[str]) -> list:
        return [self._call(make_item, self.step.checked.inputs, fields) for fields in rows.items(ids)]

    def _call(self, function, *args, **named):
        """A call that stands for the whole node: what it raises stops the run."""
        try:
            return function(*args, **named)
        except Exception as error:
            self._refuse(error)

    def _refuse(self, error: Exception):
        """Raise what stops the run for an error that cannot be laid to one row."""
        if isinstance(error, BlockError | NodeFailed | MemoryError):
            raise error
        raise NodeFailed(stumbled(self.store, self.step.digest, self.step.checked.node, error)) from error

    def _call_each(self, function, *args) -> Iterator:
        """The same for a generator."""
        results = self._call(function, *args)
        done = object()
        while (result := self._call(next, results, done)) is not done:
            yield result

    def _block(self):
        model = self.step.checked.node.model
        return self._call(make_block, self.step.checked, self.plan.graph.seed, self._weights(model) if model else None)

    def _weights(self, name: str):
        made_by = self.plan.steps[name]
        if made_by.verb == "load" and not self.store.find_artifact(made_by.digest):
            folder = self.plan.graph.resolve(made_by.checked.node.path)
            self._call(read_artifact, folder)  # every file is there, with the hash it should have
            return str(folder)
        return self.store.find_artifact(made_by.digest)

    def _table(self, name: str):
        return self.store.find_table(self._digest(name))

    def _digest(self, name: str) -> str:
        return self.plan.steps[name].digest

    def _writer(self):
        return open_writer(self.store, self.step.digest, self.step.checked.output, self.meta())

    def meta(self) -> dict:
        """What is stored with the table: all its digest was made from, and the licences of all it was made of."""
        above = [self.plan.steps[name] for name in self.step.checked.upstream]
        tables = [self.store.find_table(step.digest) for step in above if step.verb not in ("fit", "load")]
        licences = {licence for table in tables for licence in table.manifest["meta"].get("licences", ())}
        weights = filter(None, (self._weights(step.name) for step in above if step.verb in ("fit", "load")))
        licences.update(licence for folder in weights for licence in read_manifest(folder).get("licences", ()))
        if self.step.checked.cls:
            block = self.step.checked.cls(self.step.checked.config, self.step.checked.spec, self.plan.graph.seed)
            licences.update(block.licences)
        counted = self.seen_in_training or seen.most(map(seen.marks, tables))
        marks = {seen.MARK: counted} if counted and self.step.verb != "fit" else {}
        needs = {"libraries": versions_of(tuple(self.step.checked.cls.needs))} if self.step.checked.cls else {}
        return self.step.meta | {"graph": self.plan.graph.name, "licences": sorted(licences)} | needs | marks

    @cached_property
    def seen_in_training(self) -> dict[str, int]:
        """Where this node scores what models made: how many of its rows come from what each of these was trained on.

        Raises NodeFailed where such a row is one of dev: what it would say is what nobody wants to know.
        """
        step = self.step
        if step.idle or step.verb not in ("map", "reduce") or not step.checked.node.block.startswith(JUDGES):
            return {}
        known = {name: TrainedOn.read(self._weights(name)) for name in seen.models_of(self.plan, step)}
        return seen.rows_of(known, step, self.store, self._rows()) if any(known.values()) else {}
