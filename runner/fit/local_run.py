"""`Run` in one process: the meaning of a training. The cluster's version differs only in rank, world and `parallel`."""

import hashlib
import math
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from blocks.training import Batch, FitConfig, Run, Validate
from runner.fit.batches import BatchPlan
from runner.fit.checkpoints import Checkpoints
from runner.fit.events import Events
from runner.fit.index import Index
from runner.fit.pace import Pace
from runner.fit.reading import Items
from runner.fit.windows import WindowPlan
from runner.plan.code import code_digest
from runner.work.executor import number
from runner.work.lengths import NeedsValues
from runner.work.signals import FROM_OUTSIDE, answered

AHEAD, FETCHED_AHEAD = (
    4,
    128,
)  # batches of a large table that are read while a step is computed, and are fetched from afar
SURVEY, VALIDATED, RUNS = (
    4096,
    1024,
    16,
)  # of a large table: items in a sample, in a validation, and in how many places they lie


class TrainingError(RuntimeError):
    """The training cannot go on; the message says at which step, why, and what is kept."""


class Stopped(KeyboardInterrupt):
    """The training was asked to stop, and saved itself first."""


class LocalRun(Run):
    """`train` and `dev` are items by position; `lengths` (in the unit of `max_frames`) and `groups` are those of `train`.

    Of a large table there are an `index`, and what `greatest` is asked of without reading an item.
    """

    rank, world, device = 0, 1, "cpu"

    def __init__(
        self,
        config: FitConfig,
        seed: int,
        train: Items,
        dev: Items,
        lengths: Sequence[int],
        checkpoints: Checkpoints,
        events: Events,
        init: Path | None = None,
        length: Callable[[Any], int] = len,
        on_step: Callable[[Batch, dict], None] = lambda batch, scalars: None,
        groups: Sequence | None = None,
        index: Index | None = None,
        greatest: Callable[[Callable], float] | None = None,
    ):
        self.config, self.seed, self.items, self.dev, self.init = config, seed, train, dev, init
        self.checkpoints, self.events, self.on_step = checkpoints, events, on_step
        planned = BatchPlan if index is None else WindowPlan
        self.plan = planned(lengths, seed, config.max_frames, config.max_items, train.ids, groups, config.balance)
        self.length, self.index, self._greatest = length, index, greatest
        self.named: SimpleNamespace | None = None
        self.done = max(checkpoints.steps(), default=0)  # the last finished step
        self.fetched = 0  # the last step whose items were fetched from afar
        self.best: dict | None = None
        self.unimproved = 0
        self.scalars: dict[str, Any] = {}
        self.stop_asked = threading.Event()
        self.pace = Pace(self.plan.waste)

    # ---- what a fit calls ----

    def survey(self) -> Sequence:
        if self.index is None:
            return self.items
        first = np.flatnonzero(self.index.first[~self.index.dev])
        places = sorted({*first.tolist(), *_runs(len(self.items), SURVEY)})
        self.items.ahead(places)
        return self.items.of([self.items.ids[at] for at in places])

    def greatest(self, of: Callable[[Any], float]) -> float:
        with suppress(NeedsValues):
            if self._greatest:
                return self._greatest(of)
        return super().greatest(of)

    def state(self, **parts: Any) -> SimpleNamespace:
        if self.named is not None:
            raise TrainingError("state() is called once, with all parts")
        if self.done:
            parts = self._restored(self.done, parts)
        self.named = SimpleNamespace(**parts)
        return self.named

    def batches(self, validate: Validate | None = None) -> Iterator[Batch]:
        if self.named is None:
            raise TrainingError("name what a checkpoint must hold with state() before the first batch")
        with self._heeding_stops(), ThreadPoolExecutor(1) as reader:
            ahead = deque(reader.submit(self._batch, self.done + 1 + n) for n in range(AHEAD if self.index else 1))
            while self.done < self.config.max_steps and not self._ended():
                batch = self.pace.wait(ahead.popleft().result)
                ahead.append(reader.submit(self._batch, batch.step + len(ahead) + 1))  # read while the step is computed
                self._seed(batch.step)
                self.scalars = {}
                yield batch
                self.done = batch.step
                self._between(batch, validate)
            for each in ahead:
                each.cancel()
        self._finish()

    def backward(self, batch: Batch, loss: Callable[[Batch], dict[str, Any]]) -> dict[str, Any]:
        import torch

        parts = [part for part in batch.parts if part.items]
        half = torch.autocast(self.device.split(":")[0], torch.bfloat16, enabled=self.config.precision == "bfloat16")
        found = []
        for part in parts:
            with self._averaging(part is parts[-1]):
                with half:
                    numbers = loss(part)
                (numbers["loss"] * part.share).backward()
            found.append({name: _detached(value) for name, value in numbers.items()})
        # The share is 0 where this rank only keeps step with the others.
        weights = [part.share / batch.share if batch.share else 1 / len(parts) for part in parts]
        return {name: sum(w * numbers[name] for w, numbers in zip(weights, found)) for name in found[0]}

    def accepts(self, batch: Batch, loss: Any) -> bool:
        if math.isfinite(number(loss)):
            return True
        last = max(self.checkpoints.steps(), default=0)
        if self.config.nan == "stop":
            raise TrainingError(
                f"step {batch.step}: the loss is {number(loss)} on {', '.join(batch.ids)}; the last good checkpoint is of "
                f"step {last}. Look at these items, lower the learning rate, or set nan: skip to leave such steps out"
            )
        self.events.scalars(batch.step, {"skipped": 1.0})
        return False

    def report(self, step: int, **scalars: Any) -> None:
        self.scalars = scalars
        self.events.scalars(step, {**scalars, "epoch": self.plan.epoch_of(step)})

    def audio(self, step: int, name: str, wave: np.ndarray) -> None:
        self.events.audio(step, name, wave)

    def image(self, step: int, name: str, values: np.ndarray) -> None:
        self.events.image(step, name, values)

    def parallel(self, model: Any) -> Any:
        return model.to(self.device)

    def key(self, step: int, name: str = "") -> int:
        text = f"{self.seed}/{step}/{name}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "big") >> 1

    # ---- between two steps ----

    def _batch(self, step: int) -> Batch:
        if self.index:
            for later in range(max(step, self.fetched + 1), step + FETCHED_AHEAD):
                self.items.ahead(self.plan.part(later, self.rank, self.world).indices)
                self.fetched = later
        part = self.plan.part(step, self.rank, self.world)
        ids = [self.items.ids[index] for index in part.indices]
        batch = Batch(step, ids, [self.items[index] for index in part.indices], part.length, part.size, part.share)
        if (count := self.config.accumulate) == 1:
            return batch
        lengths = [self.plan.lengths[index] for index in part.indices]
        shares = [batch.share * sum(lengths[n::count]) / sum(lengths) for n in range(count)]
        size = -(-batch.size // count)
        split = [Batch(step, ids[n::count], batch.items[n::count], batch.frames, size, shares[n]) for n in range(count)]
        return replace(batch, split=tuple(split))

    def _averaging(self, now: bool):
        """A context for a backward pass; gradients are averaged over the ranks `now`, or in a later one."""
        return nullcontext()

    def _seed(self, step: int) -> None:
        """Every step starts from seeds of its own, so that no generator's state has to be kept."""
        import sys

        np.random.seed(self.key(step, f"numpy/{self.rank}"))
        if "torch" in sys.modules:
            sys.modules["torch"].manual_seed(self.key(step, f"torch/{self.rank}"))

    def _between(self, batch: Batch, validate: Validate | None) -> None:
        step = batch.step
        # of all ranks, which have equal shares
        self.pace.step(self.world * sum(map(self.length, batch.items)), self.world * len(batch.items))
        self.on_step(batch, self.scalars | self.pace.summary())
        last = step == self.config.max_steps
        validating = validate and len(self.dev) and (step % self.config.val_check_interval == 0 or last)
        if validating:
            self._validate(step, validate)
        if validating or step % self.config.checkpoint_interval == 0 or last or self.stop_asked.is_set():
            self._save(step)
        if self.stop_asked.is_set():
            raise Stopped(f"stopped after step {step}, which is kept: the same command goes on from there")

    def _validate(self, step: int, validate: Validate) -> None:
        """Whether the model is better than before tells the mean of the loss over the dev items, weighted by their lengths."""
        scores = self._scores(validate)
        self.events.scalars(step, scores, prefix="val")
        self._judged(step, scores["loss"], not self.best or scores["loss"] < self.best["score"])

    def _judged(self, step: int, score: float, better: bool) -> None:
        if better:
            self.best, self.unimproved = {"step": step, "score": score}, 0
        else:
            self.unimproved += 1

    def _scores(self, validate: Validate) -> dict[str, float]:
        """The mean of each score over the dev items that are judged, weighted by their lengths."""
        total, sums = 0, {}
        for places in self._validated():
            items = [self.dev[at] for at in places]
            weight = sum(self.length(item) for item in items)
            for name, value in validate(items).items():
                sums[name] = sums.get(name, 0.0) + weight * number(value)
            total += weight
        return {name: value / total for name, value in sums.items()}

    def _validated(self) -> Iterator[list[int]]:
        """Which dev items are judged: as many at a time as fit into a batch."""
        limit = self.config.val_items or (VALIDATED if self.index else len(self.dev))
        places = range(len(self.dev)) if limit >= len(self.dev) else _runs(len(self.dev), limit)
        if self.index is None:
            lengths = [self.length(self.dev[at]) for at in places]
        else:
            lengths = self.index.lengths[self.index.dev][places].tolist()
            self.dev.ahead(places)
        for group in _groups(lengths, self.config.max_frames):
            yield [places[at] for at in group]

    def _save(self, step: int) -> None:
        try:
            self.events.flush(step)  # first: a checkpoint goes with all curves up to it
            facts = {
                "best": self.best,
                "unimproved": self.unimproved,
                "batches": code_digest(type(self.plan).__module__),
            }
            self.checkpoints.save(step, vars(self.named), facts)
            if self.best and self.best["step"] == step:
                self.checkpoints.mark_best(step, self.best["score"])
        except OSError as error:
            last = max((old for old in self.checkpoints.steps() if old != step), default=0)
            raise TrainingError(
                f"step {step}: the checkpoint could not be written ({error}); that of step {last} is intact"
            ) from error
        self.checkpoints.prune()

    def _restored(self, step: int, parts: dict[str, Any]) -> dict[str, Any]:
        try:
            restored, facts = self.checkpoints.load(step, parts)
        except ValueError as error:
            raise TrainingError(str(error)) from None
        if facts.get("batches", here := code_digest(type(self.plan).__module__)) != here:
            raise TrainingError(
                f"the checkpoint of step {step} was made by a version of voxblocks that puts batches together otherwise, so what "
                f"was trained on so far cannot be gone on with: delete {self.checkpoints.files.at(self.checkpoints.folder)} to "
                "train anew, or go on with that version"
            )
        self.best, self.unimproved = facts["best"], facts["unimproved"]
        if self.best and self.best["step"] == step:  # a kill may have come before it was marked
            self.checkpoints.mark_best(step, self.best["score"])
        return restored

    def _ended(self) -> bool:
        return self.config.patience is not None and self.unimproved >= self.config.patience

    def _finish(self) -> None:
        """Leave the best state in place, where there is one and it is asked for."""
        best = self._best_step()
        if best and best != self.done and self.config.weights == "best":
            vars(self.named).update(self.checkpoints.load(best, vars(self.named))[0])

    def _best_step(self) -> int:
        """Of the checkpoint that was best; 0 where there is none."""
        return (self.checkpoints.best() or {"step": 0})["step"]

    @contextmanager
    def _heeding_stops(self):
        """Ctrl-C and requests from outside are heeded after the step; a second one at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(number, frame):
            if self.stop_asked.is_set():
                raise KeyboardInterrupt
            self.stop_asked.set()

        with answered(ask, signal.SIGINT, *FROM_OUTSIDE):
            yield


def _detached(value: Any) -> Any:
    return value.detach() if hasattr(value, "detach") else value


def _runs(count: int, wanted: int) -> list[int]:
    """About so many places of `count`, in a few runs spread evenly: what lies side by side is read at once."""
    size = -(-min(wanted, count) // RUNS)
    starts = [number * count // RUNS for number in range(RUNS)]
    return sorted({at for start in starts for at in range(start, min(start + size, count))})[:wanted]


def _groups(lengths: list[int], budget: int) -> Iterator[list[int]]:
    """Positions in order, as many at a time as fit into the budget when padded."""
    group: list[int] = []
    for index, length in enumerate(lengths):
        if group and max(length, *(lengths[i] for i in group)) * (len(group) + 1) > budget:
            yield group
            group = []
        group.append(index)
    if group:
        yield group
