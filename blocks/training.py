"""What `Trainable.fit` is given: the world around a training loop. No torch, no jax, no ray.

A fit is ordinary code that owns its optimiser and its loop; `Run` owns batches, seeds, checkpoints, reports and the
stop signal, and means the same in one process and in many:

    def fit(self, run: Run[Utterance]) -> None:
        self.model = run.parallel(self.build())
        optimizer = torch.optim.Adam(self.model.parameters(), lr=self.config.lr)
        run.state(model=self.model, optimizer=optimizer)          # restored here if the training goes on
        for batch in run.batches(validate=self.validate):         # starts after the last checkpoint
            optimizer.zero_grad()
            numbers = run.backward(batch, lambda part: {"loss": self.loss(part.items, part.frames)})
            if run.accepts(batch, numbers["loss"]):               # a NaN stops the training, or skips the step
                optimizer.step()
            run.report(batch.step, **numbers)

In JAX the step is a compiled function of all parts of a batch: `blocks.common.jax_nn` spreads them over the devices
(`Devices.stack`), adds up their gradients (`gradient`), and names the type to compute in (`PRECISIONS`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from pydantic import Field, PositiveInt

from blocks.base import BlockConfig, Schema

I = TypeVar("I", bound=Schema)
Validate = Callable[[list], dict[str, float]]
Precision = Literal["float32", "bfloat16"]


class FitConfig(BlockConfig):
    """Settings that every training has. A step is one update of the weights, with one global batch."""

    max_steps: PositiveInt = 1000
    max_frames: PositiveInt = 8000  # of a global batch, padding included
    max_items: PositiveInt = 64  # of a global batch
    accumulate: PositiveInt = 1  # parts a process takes its items in, one after the other: less memory, equal gradients
    # What activations are computed in; weights, optimiser and checkpoints are float32. A block that can do with less
    # says so in its own Config: ``precision: Precision = "float32"``.
    precision: Literal["float32"] = "float32"
    # How evenly the groups of `Trainable.group`, voices as a rule, are drawn: 0 as often as they have items, 1 alike.
    balance: float = Field(0.0, ge=0.0, le=1.0)
    val_check_interval: PositiveInt = 200  # steps between two validations, where there are dev rows
    # Dev items that a validation scores, in runs spread evenly over all: None for all, of a large table 1,024. A training that
    # does not set it has the digest that it had before there was this setting.
    val_items: PositiveInt | None = Field(None, exclude_if=lambda count: count is None)
    patience: PositiveInt | None = None  # validations without a better score until the training ends early
    # The weights that the training ends with: of the best validation, or of the last step, where a loss is no judge.
    weights: Literal["best", "last"] = "best"
    checkpoint_interval: PositiveInt = 200  # steps
    nan: Literal["stop", "skip"] = "stop"  # what a loss that is not finite does


@dataclass(frozen=True)
class Batch(Generic[I]):
    """One rank's part of a global batch.

    A loss that is a mean over this part's frames, times `share`, averages over the ranks to the mean over the whole
    batch. `frames` and `size` come from few buckets, so that a compiler meets a bounded number of shapes.
    """

    step: int  # from 1
    ids: list[str]
    items: list[I]
    frames: int  # pad every item to this length
    size: int  # pad the batch to this many items, where shapes must repeat
    share: float
    split: "tuple[Batch[I], ...]" = ()

    @property
    def parts(self) -> "tuple[Batch[I], ...]":
        """It in `accumulate` parts, whose shares add up to its own. The last may be without items."""
        return self.split or (self,)


class Run(ABC, Generic[I]):
    """Handed to `Trainable.fit` by the runner."""

    config: FitConfig
    seed: int
    rank: int  # of this process
    world: int  # how many processes
    device: str  # "cpu" or "cuda:0"
    init: Path | None  # an artifact's folder to start from: `init:` of the node
    items: Sequence[I]  # what is trained on, the same on every rank; read from the store when asked for

    def survey(self) -> Iterable[I]:
        """Items to look at before the first step, for names and statistics: all of `items`, but of a large table a sample.

        The sample holds every text that stands in a text field, or in a list of texts, of any item that is trained on: every
        phone, every speaker; but for fields of more than 65,536 different ones.
        """
        return self.items

    def greatest(self, of: Callable[[I], float]) -> float:
        """The greatest number that `of` gives of any item that is trained on, such as a length.

        Where it looks at shapes, lengths and plain values alone, no item of a large table is read for it.
        """
        return max(map(of, self.items))

    @abstractmethod
    def state(self, **parts: Any) -> SimpleNamespace:
        """Name all that a checkpoint must hold: torch modules, optimisers and schedules, or JAX pytrees.

        Gives them back by name, restored if this training goes on from a checkpoint. torch objects are restored in
        place; a pytree is replaced in the namespace, and its later values must be put there: ``state.params = new``.
        Raises ValueError where the checkpoint holds other names or shapes.
        """

    @abstractmethod
    def batches(self, validate: Validate | None = None) -> Iterator[Batch[I]]:
        """From the step after the last checkpoint to `max_steps`. Between two batches: checkpoints, validation, stops.

        `validate` scores a list of dev items; its ``loss`` (a mean over their frames) chooses the best checkpoint,
        which is what `state` holds when the iteration ends, unless the settings ask for the last.
        """

    @abstractmethod
    def backward(self, batch: Batch[I], loss: Callable[[Batch[I]], dict[str, Any]]) -> dict[str, Any]:
        """torch: add the gradient of the whole global batch to what the weights have, part after part.

        `loss` makes numbers of a part, in the precision of the settings: ``loss``, a mean over its frames, and what else
        is to be reported. Gives their means over the parts.
        """

    @abstractmethod
    def accepts(self, batch: Batch[I], loss: Any) -> bool:
        """Whether the loss is finite. Raises where it is not and the policy is to stop, naming step and ids."""

    @abstractmethod
    def report(self, step: int, **scalars: Any) -> None:
        """Note numbers of a step for the curves: ``loss``, ``loss_mel``, ``grad_norm``, ``lr``."""

    @abstractmethod
    def audio(self, step: int, name: str, wave: np.ndarray) -> None:
        """Note a wave (samples), such as ``samples/some-id/pred``."""

    @abstractmethod
    def image(self, step: int, name: str, values: np.ndarray) -> None:
        """Note a picture of a matrix (columns, rows), such as a log-mel (frames, mels) or an alignment."""

    @abstractmethod
    def parallel(self, model: Any) -> Any:
        """A torch module on this process's device, wrapped so that gradients are averaged over ranks."""

    @abstractmethod
    def key(self, step: int, name: str = "") -> int:
        """A 31-bit seed of its own for a step, the same on every rank and in every repetition."""


_STEP = 1.25  # from one length bucket to the next
_ALIGN = 8  # bucket lengths are multiples of this


def bucket(length: int) -> int:
    """The padded length: the first of a geometric grid of multiples of 8 that holds `length`.

    Never by more than a quarter, and a compiler meets few shapes.
    """
    edge = _ALIGN
    while edge < length:
        edge = max(edge + _ALIGN, int(edge * _STEP) // _ALIGN * _ALIGN)
    return edge
