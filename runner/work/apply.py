"""Running a block over rows, whatever executes it: a bad item costs itself, never its neighbours or the run."""

import errno
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from blocks.base import BadItem, Block, Failure, Mapper, Schema, Skip, check_item
from blocks.load import line_of
from blocks.spec import AudioSpec
from runner.store import TableWriter
from runner.work.device import device_of

_RUNNER = Path(__file__).parents[1]
SHARD_ROWS = 64  # rows a killed run loses at most; part of no digest


class BlockError(RuntimeError):
    """The block broke its contract (a programming error, not a bad item): it stops the run."""


@dataclass
class Shard:
    """What becomes one shard of a table. `first_error` is what a block stumbled over first, or else a bad item."""

    ids: list[str] = field(default_factory=list)
    rows: list[Schema] = field(default_factory=list)
    parents: list[tuple[str, ...]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    first_error: BaseException | None = None

    @property
    def failed(self) -> int:
        """Failures that count; what was left out on purpose does not."""
        return sum(not isinstance(failure, Skip) for failure in self.failures)

    def extend(self, other: "Shard") -> None:
        self.ids += other.ids
        self.rows += other.rows
        self.parents += other.parents
        self.failures += other.failures
        self.note(other.first_error)

    def note(self, error: BaseException | None) -> None:
        if self.first_error is None or (error and isinstance(self.first_error, BadItem)):
            self.first_error = error

    def write(self, writer: TableWriter, index: int) -> None:
        """Write it as a shard of a table; a row with a value that cannot be stored becomes a failure."""
        try:
            writer.write(index, self.ids, self.rows, self.failures, self.parents or None)
        except ValueError:
            self._keep_storable(writer)
            writer.write(index, self.ids, self.rows, self.failures, self.parents or None)

    def _keep_storable(self, writer: TableWriter) -> None:
        rows, every = list(zip(self.ids, self.rows, strict=True)), self.parents
        self.ids, self.rows, self.parents = [], [], []
        for number, (id, row) in enumerate(rows):
            if reason := writer.refuses(id, row):
                self.failures.append(Failure(f"the result cannot be stored: {reason}", id))
            else:
                self.ids.append(id)
                self.rows.append(row)
                self.parents += every[number : number + 1]

    def add(self, id: str, result, schema: type[Schema], spec: AudioSpec) -> None:
        """Sort one result of a block into rows or failures."""
        if isinstance(result, Failure):
            self.failures.append(type(result)(result.reason, id))
        elif not isinstance(result, schema):
            raise BlockError(f"item {id!r}: want {schema.__name__} or Failure, got {type(result).__name__}")
        elif wrong := check_item(result, spec):
            self.failures.append(Failure(f"the result is not usable: {wrong}", id))
        else:
            self.ids.append(id)
            self.rows.append(result)
            if parents := result.__dict__.get("parents"):  # getattr of a name that a model lacks takes 2 us
                self.parents.append(parents)


def map_rows(
    block: Mapper,
    inputs: type[Schema],
    output: type[Schema],
    rows: Iterable[tuple[str, dict | BadItem]],
    batch: int,
    method: str = "apply",
) -> Shard:
    """`block.apply`, or another method, over ``(id, fields)`` rows in batches; each ends in the shard's rows or failures."""
    shard = Shard()
    waiting: list[tuple[str, Schema]] = []
    for id, fields in rows:
        try:
            waiting.append((id, make_item(inputs, fields)))
        except BadItem as error:
            shard.failures.append(Failure(str(error), id))
        if len(waiting) == batch:
            _apply(block, method, output, waiting, shard)
            waiting = []
    if waiting:
        _apply(block, method, output, waiting, shard)
    return shard


def make_item(schema: type[Schema], fields: dict | BadItem) -> Schema:
    """An input item. Raises BadItem in one line where a value does not fit its schema, or what is given instead of fields."""
    if isinstance(fields, BadItem):
        raise fields
    try:
        return schema.__pydantic_validator__.validate_python(fields)  # schema(**fields), a third faster
    except ValidationError as error:
        raise BadItem(f"the input does not fit: {_unfit(error)}") from None


def _unfit(error: ValidationError) -> str:
    """What does not fit a schema, in one line."""
    parts = ((".".join(map(str, each["loc"])) or "item", each["msg"]) for each in error.errors(include_url=False))
    return "; ".join(f"{where}: {message.removeprefix('Value error, ')}" for where, message in parts)


def reason_of(error: Exception) -> str:
    """One line for a failure record; with the line of code where it is no bad item, which is the block's own doing."""
    text = f"{error.title}: {_unfit(error)}" if isinstance(error, ValidationError) else " ".join(str(error).split())
    if isinstance(error, BadItem) and text:
        return text
    line = line_of(error)
    return f"{type(error).__name__}: {text}".rstrip(": ") + (f" ({line})" if line else "")


def broke(node, error: BlockError) -> str:
    """How the block of a node broke its contract, with the node's place."""
    return f"{node.place}: {node.name}: {node.block}: {error}"


def stumbled(store, digest: str, node, error: Exception) -> str:
    """What stopped a whole node, in one line; its traceback is kept, but where a block says that its rows will not do."""
    if isinstance(error, BadItem) and str(error):
        return f"{node.place}: {node.name}: {reason_of(error)}"
    store.keep_error(digest, trace_of(error))
    trace = f"; traceback: `{store.ask_failures(digest)}`" if line_of(error) else ""
    return f"{node.place}: {node.name}: {reason_of(error)}{trace}"


def trace_of(error: BaseException) -> str:
    """Its traceback without the frames of the runner's that lead to the block."""
    trace = error.__traceback__
    while trace and trace.tb_next and Path(trace.tb_frame.f_code.co_filename).is_relative_to(_RUNNER):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace))


def _apply(block: Mapper, method: str, output: type[Schema], pairs: list[tuple[str, Schema]], shard: Shard) -> None:
    raised = None
    try:
        results = getattr(block, method)([item for _, item in pairs])
        if len(results) != len(pairs):
            raise BlockError(f"{type(block).__name__}.{method} returned {len(results)} results for {len(pairs)} items")
    except (BlockError, MemoryError):
        raise
    except Exception as error:
        if is_machine_trouble(error):
            raise
        raised = error
    if raised and len(pairs) > 1:  # find the bad one: each item alone, outside of the batch's traceback
        for pair in pairs:
            _apply(block, method, output, [pair], shard)
        return
    if raised:
        shard.note(raised)
        results = [Failure(reason_of(raised))]
    for (id, _), result in zip(pairs, results):
        shard.add(id, result, output, block.spec)


def is_machine_trouble(error: Exception) -> bool:
    """A full disk is not the item's fault."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE)


def make_block(checked, seed: int, weights: str | None = None) -> Block:
    """A ready block of a checked node; `weights` is the folder of its artifact."""
    block = checked.cls(checked.config, checked.spec, seed)
    block.device = device_of(checked)
    if weights is not None:
        block.load(Path(weights))
    block.setup()
    return block
