"""Glow-type flow over log-mels (Flax): activation norm, invertible mix of channels, affine coupling, block after block.

`apply` encodes: a log-mel to a latent of the same size, which is standard normal where the model fits, and the negative
log-likelihood in nats a dimension (over log 2: bits). `decode` is its exact inverse, under the same conditions or
others: another pitch curve, another voice. Frames are taken in groups of `squeeze`; what remains at the end of an
odd length goes through the first norm alone, so that nothing is lost. Padding never reaches a real frame.
Training adds a little noise to the mel: at the floor of the logarithm, where nothing varies, the likelihood has no bound.
"""

from functools import cached_property, partial
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, field_validator

from blocks.base import BadItem, Trainable
from blocks.common import symbols, weights
from blocks.flow.affine.conditions import Given
from blocks.flow.schema import Coded, Conditions, Decoded, Latents, Lesson, Spectral
from blocks.training import Batch, FitConfig, Precision, Run, bucket


class Config(FitConfig):
    blocks: PositiveInt = 6
    hidden: PositiveInt = 64  # channels of the coupling nets
    layers: PositiveInt = 3  # convolutions of each
    kernel: PositiveInt = 5  # groups of frames a convolution sees
    squeeze: Literal[1, 2, 4, 8] = 2  # frames to a group
    dropout: float = Field(0.05, ge=0.0, lt=1.0)
    noise: NonNegativeFloat = 0.05  # standard deviation of what training adds to the mel, in its own unit
    lr: PositiveFloat = 1e-3
    warmup_steps: PositiveInt = 100
    clip: PositiveFloat = 1.0  # norm of the gradient
    precision: Precision = "float32"  # of the coupling nets in training
    unroll: PositiveInt = 1  # blocks to a turn of training's loop; more compiles longer
    together: PositiveInt = 1  # items a compiled call takes; on a CPU more gain nothing

    @field_validator("kernel")
    @classmethod
    def _odd(cls, kernel: int) -> int:
        if kernel % 2 == 0:
            raise ValueError(f"kernel {kernel} has no middle, want an odd number such as {kernel + 1}")
        return kernel


class Affine(Trainable[Config]):
    tiny = Config(blocks=2, hidden=8, layers=2, kernel=3, max_steps=4, max_frames=600, warmup_steps=2)
    paper = "Kingma and Dhariwal 2018 (Glow); Kim et al. 2020 (Glow-TTS); Merritt et al. 2022"
    needs = ("flax", "jax", "optax")
    extra = "jax"

    given: Given | None = None  # what the model is conditioned on, once there is one

    # ---- training ----

    def fit(self, run: Run[Lesson]) -> None:
        import jax

        from blocks.common.jax_nn import PRECISIONS, Devices
        from blocks.flow.affine.net import training_step

        devices, optimizer = Devices(), self._optimizer()
        if run.init:
            self.load(run.init)
        else:
            self._start(run)
        params, fixed = self.variables["params"], self.variables["fixed"]
        state = run.state(params=params, fixed=fixed, opt=optimizer.init(params))
        for name, part in vars(state).items():
            setattr(state, name, devices.replicate(part))
        step = training_step(self._flow(PRECISIONS[self.config.precision]), optimizer, self.config.noise)

        def validate(items: list[Lesson]) -> dict[str, float]:
            self._use({"params": state.params, "fixed": state.fixed})
            lengths = [self.length(item) for item in items]
            return {"loss": float(np.average([coded.nll for coded in self.apply(items)], weights=lengths))}

        for batch in run.batches(validate=validate):
            parts = [self._part(part, devices.rows(part.size)) for part in batch.parts]
            key = jax.random.key(run.key(batch.step), impl="unsafe_rbg")
            made = step(state.params, state.opt, state.fixed, devices.stack(parts), key)
            state.params, state.opt, numbers = made
            if run.accepts(batch, numbers["loss"]):
                run.report(batch.step, **{name: float(value) for name, value in numbers.items()})
        self._use({"params": state.params, "fixed": state.fixed})

    def _part(self, part: Batch, size: int) -> dict:
        arrays = self._padded(part.items, [item.log_mel for item in part.items], part.frames, size)
        if not part.share:  # an item of another rank, here only to keep step
            arrays["lengths"][:] = 0
        return arrays

    def _optimizer(self):
        import optax

        rate = optax.warmup_constant_schedule(0.0, self.config.lr, self.config.warmup_steps)
        # All weights as one vector: one program for all, which compiles a second faster.
        return optax.flatten(optax.chain(optax.clip_by_global_norm(self.config.clip), optax.adam(rate)))

    def _start(self, run: Run[Lesson]) -> None:
        """First weights: norms from as many items as make a batch, the same on every rank."""
        import jax

        order, items, longest = np.random.default_rng(run.key(0, "start")).permutation(len(run.items)), [], 0
        for index in order:
            item = run.items[index]
            longest = max(longest, bucket(len(item.log_mel)))
            if items and (longest * (len(items) + 1) > run.config.max_frames or len(items) == run.config.max_items):
                break
            items.append(item)
        self.given = Given.of(items[0], self._phones(run))
        mels = [item.log_mel for item in items]
        arrays = self._padded(items, mels, bucket(max(map(len, mels))), len(items))
        noise = np.random.default_rng(run.key(0, "noise")).standard_normal(arrays["x"].shape, np.float32)
        arrays["x"] += self.config.noise * noise
        self.variables = jax.jit(self._flow().init)(
            jax.random.key(run.key(0, "weights"), impl="unsafe_rbg"), *_arguments(arrays)
        )

    def _phones(self, run: Run[Lesson]) -> symbols.Symbols:
        """Those of all items, in the order in which they appear; a training from other weights keeps theirs."""
        found = symbols.Symbols()
        if run.items[0].phones is not None:
            for item in run.items:
                found.extend(item.phones)
        return found

    def length(self, item: Spectral | Latents) -> int:
        return len(item.latent if isinstance(item, Latents) else item.log_mel)

    def warm(self, items: list) -> None:
        (self.decode if isinstance(next(iter(items), None), Latents) else self.apply)(items)

    # ---- weights ----

    def save(self, folder: Path) -> None:
        from flax.traverse_util import flatten_dict

        tensors = {name: np.asarray(value) for name, value in flatten_dict(self.variables, sep="/").items()}
        tables = symbols.write(folder, phones=self.given.phones) if "phones" in self.given.streams else {}
        weights.write(folder, tensors, {**self.given.words(), **tables})

    def load(self, folder: Path) -> None:
        import jax
        from flax.traverse_util import flatten_dict, unflatten_dict

        tensors, words = weights.read(folder)
        (phones,) = symbols.read(folder, "phones", about=words) if "symbols" in words else [None]
        self.given = Given.read(words, phones)
        T, float32 = self.config.squeeze, np.float32
        shapes = [((1, T, self.spec.n_mels), float32), ((1,), np.int32)]
        shapes.append(((1, T, self.given.width), float32) if self.given.width else None)
        shapes.append(((1, self.given.vector), float32) if self.given.vector else None)
        likes = [shape and jax.ShapeDtypeStruct(*shape) for shape in shapes]
        wanted = flatten_dict(jax.eval_shape(self._flow().init, jax.random.key(0), *likes), sep="/")
        found = {name: value.shape for name, value in tensors.items()}
        weights.check(found, {name: value.shape for name, value in wanted.items()}, f"{folder}")
        self._use(unflatten_dict(tensors, sep="/"))

    def _use(self, variables: dict) -> None:
        """Take these weights, and fold them for use."""
        from blocks.flow.affine.net import fold

        self.variables, self._folded = variables, fold(variables["params"], variables["fixed"])

    def _flow(self, dtype=None):
        from blocks.flow.affine.net import Flow

        taken = ("blocks", "hidden", "layers", "kernel", "squeeze", "dropout", "unroll")
        return Flow(**{name: getattr(self.config, name) for name in taken}, dtype=dtype)

    # ---- use ----

    def apply(self, items: list[Spectral]) -> list[Coded]:
        """Encode. Raises ValueError where the conditions are not those the model was fitted with."""
        coded = []
        for latent, logdet in self._through("encode", items, [item.log_mel for item in items]):
            squares = 0.5 * np.square(latent, dtype=np.float64).sum()
            coded.append(Coded(latent=latent, nll=(squares - float(logdet)) / latent.size + 0.5 * np.log(2 * np.pi)))
        return coded

    def decode(self, items: list[Latents]) -> list[Decoded]:
        """The inverse of `apply`, under the conditions given now. Raises ValueError as `apply` does."""
        return [Decoded(log_mel=mel) for (mel,) in self._through("decode", items, [item.latent for item in items])]

    def _through(self, way: str, items: list[Conditions], values: list[np.ndarray]) -> list[tuple]:
        """What the compiled function makes of each item; the compiler meets one shape for each padded length."""

        if self.given is None:
            raise ValueError("this flow has no weights yet: fit it, or load what a fit has saved")
        for value in values:
            if len(value) == 0 or not np.isfinite(value).all():
                raise BadItem(f"want at least one frame, all finite; got {len(value)} with NaN or infinite values")
        buckets: dict[int, list[int]] = {}
        for index, value in enumerate(values):
            buckets.setdefault(bucket(len(value)), []).append(index)
        made, size = {}, self.config.together
        for frames, found in buckets.items():
            for at in range(0, len(found), size):
                some = found[at : at + size]
                arrays = self._padded([items[i] for i in some], [values[i] for i in some], frames, size)
                x, *rest = self._compiled[way](self._folded, *_arguments(arrays))
                x, rest = np.asarray(x), [np.asarray(a) for a in rest]
                for row, i in enumerate(some):
                    made[i] = (x[row, : len(values[i])], *(a[row] for a in rest))
        return [made[i] for i in range(len(items))]

    @cached_property
    def _compiled(self) -> dict:
        import jax

        from blocks.flow.affine import net

        flow = self._flow()
        return {
            "encode": jax.jit(partial(net.encode, flow)),
            "decode": jax.jit(lambda *given: (net.decode(flow, *given),)),
        }

    def _padded(self, items: list[Conditions], values: list[np.ndarray], frames: int, size: int) -> dict:
        """Arrays of `size` items of at least `frames` frames, zeros where there is nothing."""
        frames = -(-frames // self.config.squeeze) * self.config.squeeze
        arrays = {"x": np.zeros((size, frames, self.spec.n_mels), np.float32), "lengths": np.zeros(size, np.int32)}
        if self.given.width:
            arrays["frames"] = np.zeros((size, frames, self.given.width), np.float32)
        if self.given.vector:
            arrays["vector"] = np.zeros((size, self.given.vector), np.float32)
        for row, (item, value) in enumerate(zip(items, values, strict=True)):
            self.given.check(item)
            arrays["x"][row, : len(value)], arrays["lengths"][row] = value, len(value)
            if self.given.width:
                arrays["frames"][row, : len(value)] = self.given.frames(item, len(value))
            if self.given.vector:
                arrays["vector"][row] = item.embedding
        return arrays


def _arguments(arrays: dict) -> tuple:
    return arrays["x"], arrays["lengths"], arrays.get("frames"), arrays.get("vector")
