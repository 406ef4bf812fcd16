"""RNN_MS (Flax), the autoregressive vocoder of "Towards achieving robust universal neural vocoding".

A bidirectional recurrent net encodes the log-mel; a second one, conditioned on it and on the sample before, gives the odds of each class that the
next sample may be (mu-law), from which it is drawn. `fold` draws overlapping pieces of an utterance at once.
Given a recording beside the log-mel, `apply` draws nothing: it gives the recording as the mu-law keeps it, the most that
the model could reach, and what its samples cost the model in bits. Axes: B items, R rows of `hop_length` samples, M mels.
"""

from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from blocks.arrays import Value, Wave
from blocks.base import BlockConfig, Trainable
from blocks.common import schedule, weights
from blocks.common.checks import check_mel
from blocks.common.moments import Moments
from blocks.training import FitConfig, Run, bucket
from blocks.vocoder.rnn_ms import samples
from blocks.vocoder.schema import Spectral, TrainItem, Voiced

STATISTICS = 100  # items that the mels' mean and deviation are taken from


class Fold(BlockConfig):
    """Pieces drawn at once, each after a cut where the utterance is quiet, faded over into the next."""

    segment_s: PositiveFloat = 0.5  # at most
    overlap_s: PositiveFloat = 0.05
    streams: PositiveInt = 64  # at once


class Config(FitConfig):
    conditioning: PositiveInt = 48  # of each direction
    layers: PositiveInt = 2
    embedding: PositiveInt = 64
    hidden: PositiveInt = 160
    linear: PositiveInt = 160
    bits: Literal[8, 10] = 10
    crop: PositiveInt = 8  # rows of an item that a step learns
    context: NonNegativeInt = 8  # rows it hears on both sides of them
    max_items: PositiveInt = 32
    lr: PositiveFloat = 1e-3
    final_lr: float = Field(0.05, ge=0.0, le=1.0)  # what is left of it at the last step, along a cosine
    warmup_steps: PositiveInt = 50
    clip: PositiveFloat = 1.0  # norm of the gradient
    fold: Fold | None = None
    temperature: PositiveFloat = 1.0  # of quiet frames
    quiet_db: PositiveFloat = 40.0  # below the loudest frame


SIZES = {
    "small": Config(),
    "paper": Config(
        conditioning=128,
        embedding=256,
        hidden=896,
        linear=1024,
        crop=24,
        lr=4e-4,
        max_steps=150_000,
        val_check_interval=2000,
    ),
}


class Request(Spectral):
    recorded: Wave | None = None  # to be judged instead of drawn


class Judged(Voiced):
    bits: Annotated[float, Value("bits", "negative log-likelihood of a wave's samples", "bits a sample")]


class RnnMs(Trainable[Config]):
    tiny = Config(
        conditioning=4, embedding=6, hidden=8, linear=8, crop=2, context=2, max_steps=4, max_items=2, warmup_steps=2
    )
    paper = "Lorenzo-Trueba et al. 2019 (Interspeech, 1811.06292)"
    needs = ("flax", "jax", "optax")
    extra = "jax"
    stochastic: ClassVar[bool] = True

    variables: dict | None = None  # once there are weights

    # ---- training ----

    def fit(self, run: Run[TrainItem]) -> None:
        import jax

        from blocks.common.jax_nn import Devices
        from blocks.vocoder.rnn_ms.net import training_step, validation

        devices, optimizer, context = Devices(), self._optimizer(), self.config.context
        if run.init:
            self.load(run.init)
        else:
            self._start(run)
        params, fixed = self.variables["params"], self.variables["fixed"]
        state = run.state(params=params, fixed=fixed, opt=optimizer.init(params))
        for name, part in vars(state).items():
            setattr(state, name, devices.replicate(part))
        step, judge = training_step(self._net(), optimizer, context), validation(self._net(), context)
        size = max(1, min(self.config.max_frames // bucket(self.config.crop), self.config.max_items))

        def validate(items: list[TrainItem]) -> dict[str, float]:
            """Of one crop of each item, always the same."""
            costs, real = 0.0, 0.0
            for at in range(0, len(items), size):
                some = items[at : at + size]
                arrays = self._crops(some, devices.rows(size), [np.random.default_rng(len(item.wave)) for item in some])
                arrays["weight"][len(some) :] = 0
                weight = float(arrays["weight"].sum())
                costs += weight * float(judge(state.params, state.fixed, devices.spread(arrays)))
                real += weight
            return {"loss": costs / real, "bits": costs / real / np.log(2)}

        for batch in run.batches(validate=validate):
            key = run.key(batch.step, "crops")
            rows, count = devices.rows(batch.size), len(batch.parts)
            places = range(count * devices.rows(-(-batch.size // count)))
            arrays = self._crops(batch.items, len(places), [np.random.default_rng([key, run.rank, n]) for n in places])
            # Rows beyond those of the whole batch fill up its parts; items of another rank are here only to keep step.
            arrays["weight"][rows if batch.share else 0 :] = 0
            parts = [{name: value[n::count] for name, value in arrays.items()} for n in range(count)]
            made = step(state.params, state.opt, state.fixed, devices.stack(parts))
            state.params, state.opt, numbers = made
            if run.accepts(batch, numbers["loss"]):
                numbers = {name: float(value) for name, value in numbers.items()}
                run.report(batch.step, **numbers, bits=numbers["loss"] / np.log(2))
        self.variables = jax.tree.map(np.asarray, {"params": state.params, "fixed": state.fixed})

    def length(self, item: TrainItem) -> int:
        """All items to learn from are as long as a crop, so that all batches have one shape."""
        return self.config.crop if isinstance(item, TrainItem) else len(item.log_mel)

    def _crops(self, items: list[TrainItem], rows: int, rngs: list) -> dict[str, np.ndarray]:
        """A crop for each of `rows` rows; where items are fewer, they are gone round again with other crops."""
        made = []
        for row in range(rows):
            item, rng = items[row % len(items)], rngs[row % len(rngs)]
            samples.check_pair(item.log_mel, item.wave, self.spec)
            taken = self._classes, self.config.crop, self.config.context
            made.append(samples.crop(item.log_mel, item.wave, self.spec, *taken, rng))
        return {name: np.stack([one[name] for one in made]) for name in made[0]}

    def _optimizer(self):
        import optax

        config = self.config
        rate = schedule.warmup_then_cosine(config.lr, config.warmup_steps, config.max_steps, config.final_lr)
        return optax.flatten(optax.chain(optax.clip_by_global_norm(config.clip), optax.adam(rate)))

    def _start(self, run: Run[TrainItem]) -> None:
        """First weights, the same on every rank."""
        import jax

        from blocks.vocoder.rnn_ms.net import start

        moments = Moments()
        order = np.random.default_rng(run.key(0, "start")).permutation(len(run.items))
        for index in order[:STATISTICS]:
            moments.add(run.items[index].log_mel)
        fixed = {"mean": moments.mean.astype(np.float32), "scale": (1 / moments.std).astype(np.float32)}
        params = start(self._net(), jax.random.key(run.key(0, "weights")))["params"]
        self.variables = {"params": params, "fixed": fixed}

    @property
    def _classes(self) -> int:
        return 2**self.config.bits

    def _net(self):
        from blocks.vocoder.rnn_ms.net import Net

        taken = ("conditioning", "layers", "embedding", "hidden", "linear")
        widths = {name: getattr(self.config, name) for name in taken}
        return Net(mels=self.spec.n_mels, classes=self._classes, **widths)

    # ---- weights ----

    def save(self, folder: Path) -> None:
        from flax.traverse_util import flatten_dict

        tensors = {name: np.asarray(value) for name, value in flatten_dict(self.variables, sep="/").items()}
        weights.write(folder, tensors)

    def load(self, folder: Path) -> None:
        import jax
        from flax.traverse_util import flatten_dict, unflatten_dict

        from blocks.vocoder.rnn_ms.net import start

        tensors, _ = weights.read(folder)
        shapes = jax.eval_shape(lambda key: start(self._net(), key), jax.random.key(0))
        wanted = {name: value.shape for name, value in flatten_dict(shapes, sep="/").items()}
        weights.check({name: value.shape for name, value in tensors.items()}, wanted, f"{folder}")
        self.variables = unflatten_dict(tensors, sep="/")

    # ---- use ----

    def apply(self, items: list[Request]) -> list[Judged]:
        """Raises ValueError where there are no weights yet, BadItem for what is no log-mel of the audio spec."""
        for item in items:
            if item.recorded is None:
                check_mel(item.log_mel, self.spec)
            else:
                samples.check_pair(item.log_mel, item.recorded, self.spec)
        judged = [index for index, item in enumerate(items) if item.recorded is not None]
        made = dict(zip(judged, self._synthesiser.judge([(items[i].log_mel, items[i].recorded) for i in judged])))
        for index, item in enumerate(items):
            if index not in made:
                made[index] = self._synthesiser.speak(item.log_mel)
        return [Judged(wave=wave, bits=bits) for wave, bits in (made[index] for index in range(len(items)))]

    def warm(self, items: list[Request]) -> None:
        for item in items:
            self._synthesiser.warm(len(item.log_mel), item.recorded is not None)

    @cached_property
    def _synthesiser(self):
        if self.variables is None:
            raise ValueError("this vocoder has no weights yet: fit it, or load what a fit has saved")
        from blocks.vocoder.rnn_ms.synthesis import Synthesiser

        return Synthesiser(self._net(), self.variables, self.config, self.spec, self.seed)
