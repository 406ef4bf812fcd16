"""What the neural vocoders (Flax) share: training against discriminators, weights on disk, speaking in pieces and streams.

A vocoder of this kind names a network that makes the samples of T frames from these and `lookahead` more on either side:
`stream` says the same as `apply` that much later. Axes: B items, T frames, M mels, S samples.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from blocks.base import Trainable
from blocks.common import schedule, weights
from blocks.common.checks import check_mel
from blocks.common.mel import deemphasis, log_mel, preemphasis
from blocks.spec import AudioSpec
from blocks.training import FitConfig, Run, bucket
from blocks.vocoder.schema import Spectral, TrainItem, Voiced

LONGEST = 1000  # frames spoken at once: longer mels go piece by piece, in flat memory and in no new shape
SHORTEST = 128  # frames that pieces of a stream are padded to at least


class NeuralConfig(FitConfig):
    crop: PositiveInt = Field(64, multiple_of=8)  # frames of an item that a step sees
    lr: PositiveFloat = 5e-4
    betas: tuple[float, float] = (0.8, 0.99)
    warmup_steps: PositiveInt = 200
    clip: PositiveFloat = 5.0  # norm of the gradient
    ema: float = Field(0.999, ge=0.0, lt=1.0)  # decay of the averaged weights, which are those used
    adversarial_from: PositiveInt | None = (
        None  # the first step with discriminators (discriminators); none: spectra alone
    )
    discriminator_width: PositiveInt = 16
    periods: tuple[PositiveInt, ...] = (2, 3, 5, 7, 11)  # samples that a discriminator of waves folds at
    resolutions: tuple[PositiveInt, ...] = (512, 1024, 2048)  # samples of the windows of one of spectra
    discriminator_lr: PositiveFloat = 2e-4
    spectral_weight: NonNegativeFloat = 30.0  # of the distance of log-mels, beside the discriminators
    feature_weight: NonNegativeFloat = 5.0


C = TypeVar("C", bound=NeuralConfig)


@lru_cache(maxsize=16)
def _program(kind: type["Neural"], config: NeuralConfig, spec: AudioSpec):
    """What all vocoders of a kind with equal settings speak with in a process: traced and compiled once, whatever their weights."""
    import jax

    return jax.jit(kind(config, spec)._speak)


class Neural(Trainable[C]):
    """A subclass gives `lookahead`, `_generator`, `_generate` and `_speak`."""

    needs = ("flax", "jax", "optax")
    extra = "jax"

    _params: dict | None = None  # to speak with
    _trained: dict | None = None  # to train on from: the last weights, and the discriminators
    _scale = np.array([0, 1], np.float32)  # mean and deviation of the mels trained on

    # ---- what a subclass gives ----

    @property
    def lookahead(self) -> int:
        """Frames after a sample that it depends on, and as many before it."""
        raise NotImplementedError

    @cached_property
    def _generator(self):
        """The Flax module."""
        raise NotImplementedError

    @property
    def _shapes_in(self) -> list:
        """Of what the network takes: a log-mel (1, T, M) and a mask (1, T, 1)."""
        import jax

        return [jax.ShapeDtypeStruct((1, 8, size), np.float32) for size in (self.spec.n_mels, 1)]

    def _generate(self, params, part: dict) -> tuple[Any, Any]:
        """In a training step: the wave (B, S), and `extra`, what else `_apart` looks at."""
        raise NotImplementedError

    def _apart(self, wave, extra, part: dict):
        """(B,): the distance that training makes small, beside what discriminators say."""
        from blocks.vocoder._losses import spectral

        return spectral(wave, part["wave"], self.spec.sample_rate)

    def _speak(self, params, *given, scale=None):
        """(params, mel (B, T, M), lengths (B,)) -> wave (B, T * hop), to be compiled; `scale`: of the mels, where it is not the block's own."""
        raise NotImplementedError

    @cached_property
    def _compiled(self):
        """`_speak` compiled; the compiler meets one shape for each padded length.

        The scale of its mels is an input, not a constant: other weights need no other program.
        """
        return partial(_program(type(self), self.config, self.spec), scale=self._scale)

    def _generated(self, arrays: dict) -> np.ndarray:
        """The wave (B, S) of what `_cropped` gives."""
        return self._compiled(self._params, arrays["mel"], arrays["lengths"])

    def _piece(self, mel_BTM, frames: int, first: int, upto: int, memory):
        """The wave (T * hop) of the piece of `frames` frames that begins at frame `first`, of which those to `upto` are kept.

        `memory` is what the last piece gave beside its wave, at first None.
        """
        return np.asarray(self._compiled(self._params, mel_BTM, np.array([frames], np.int32)))[0], None

    # ---- training ----

    def fit(self, run: Run[TrainItem]) -> None:
        from blocks.common.jax_nn import Devices
        from blocks.vocoder._steps import Steps

        config, devices = self.config, Devices()
        optimizer, discriminator_optimizer = self._optimizer(config.lr), self._optimizer(config.discriminator_lr)
        first = {**self._first(run), "step": np.zeros((), np.int32)}
        first["opt"], first["discriminator_opt"] = (
            optimizer.init(first["params"]),
            discriminator_optimizer.init(first["discriminators"]),
        )
        state = run.state(train=first, scale=self._scale)
        self._scale, state.train = np.asarray(state.scale), devices.replicate(state.train)
        steps = Steps(
            self._generate, self._apart, optimizer, config.ema, self._discriminators(), discriminator_optimizer,
            config.spectral_weight, config.feature_weight,
        )  # fmt: skip
        on_spectra, on_discriminators = steps.on_spectra(), steps.on_discriminators()

        def validate(items: list[TrainItem]) -> dict[str, float]:
            self._take(state.train)
            return {"loss": self._distance(items)}

        for batch in run.batches(validate=validate):
            rng = np.random.default_rng(run.key(batch.step, f"crop/{run.rank}"))
            parts = [
                self._cropped(part.items if part.share else [], devices.rows(part.size), rng) for part in batch.parts
            ]
            adversarial = config.adversarial_from is not None and batch.step >= config.adversarial_from
            step = on_discriminators if adversarial else on_spectra
            state.train, numbers = step(state.train, devices.stack(parts))
            if run.accepts(batch, numbers["loss"]):
                run.report(batch.step, **{name: float(value) for name, value in numbers.items()})
            if batch.step % config.val_check_interval == 0:
                self._take(state.train)
                self._show(run, batch.step, batch.ids[0], batch.items[0])
        self._take(state.train)

    def _show(self, run: Run[TrainItem], step: int, name: str, item: TrainItem) -> None:
        """One of the step's items, for those who watch: as recorded, and as spoken now."""
        made = self._synthesise(item.log_mel[:LONGEST])
        for what, wave in {"true": item.wave[: len(made)], "pred": made}.items():
            run.audio(step, f"samples/{name}/{what}", wave)
            run.image(step, f"samples/{name}/{what}", log_mel(wave, self.spec))

    def _take(self, train: dict) -> None:
        """Speak with these weights; the average of all steps sounds better than the last."""
        import jax

        self._params = jax.tree.map(np.asarray, train["ema"])
        self._trained = {name: jax.tree.map(np.asarray, train[name]) for name in ("params", "discriminators")}

    def length(self, item: TrainItem) -> int:
        """Every item is cut or padded to one crop."""
        return self.config.crop

    def _optimizer(self, lr: float):
        import optax

        config = self.config
        rate = schedule.warmup_then_cosine(lr, config.warmup_steps, config.max_steps)
        first, second = config.betas
        return optax.chain(
            optax.clip_by_global_norm(config.clip), optax.adamw(rate, b1=first, b2=second, weight_decay=0.01)
        )

    def _first(self, run: Run[TrainItem]) -> dict:
        """First weights, the same on every rank: of the training it starts from, where there is one."""
        import jax

        discriminators = self._init_discriminators(run) if self.config.adversarial_from else {}
        if run.init:
            self.load(run.init)
            known = (self._trained or {}).get("discriminators")
            if discriminators and known:
                weights.check(_shapes(known), _shapes(discriminators), f"{run.init}, discriminators")
                discriminators = known
            return {
                "params": (self._trained or {}).get("params", self._params),
                "discriminators": discriminators,
                "ema": self._params,
            }
        order = np.random.default_rng(run.key(0, "scale")).permutation(len(run.items))[:64]
        values = np.concatenate([run.items[index].log_mel.ravel() for index in order])
        self._scale = np.array([values.mean(dtype=np.float64), max(values.std(dtype=np.float64), 1e-3)], np.float32)
        given = (np.zeros(part.shape, np.float32) for part in self._shapes_in)
        params = jax.jit(self._generator.init)(jax.random.key(run.key(0, "weights")), *given)["params"]
        return {"params": params, "discriminators": discriminators, "ema": jax.tree.map(np.array, params)}

    def _init_discriminators(self, run: Run[TrainItem]) -> dict:
        import jax

        wave = np.zeros((1, self.config.crop * self.spec.hop_length), np.float32)
        return jax.jit(self._discriminators().init)(jax.random.key(run.key(0, "discriminators")), wave)["params"]

    def _discriminators(self):
        from blocks.vocoder._discriminators import Discriminators

        return Discriminators(self.config.periods, self.config.resolutions, self.config.discriminator_width)

    def _cropped(self, items: list[TrainItem], size: int, rng=None) -> dict:
        """A crop of each item, anywhere, or in the middle where there is no `rng`; zeros behind a short one."""
        arrays = {name: np.zeros((size, *shape), np.float32) for name, shape in self._empty.items()}
        arrays["lengths"] = np.zeros(size, np.int32)
        arrays["scale"] = np.tile(self._scale, (size, 1))  # an input, so that other data need no other program
        for row, item in enumerate(items):
            spare = max(0, len(item.log_mel) - self.config.crop)
            crop = self._crop(item, int(rng.integers(spare + 1)) if rng else spare // 2)
            arrays["lengths"][row] = len(crop["mel"])
            for name, values in crop.items():
                arrays[name][row, : len(values)] = values
        return arrays

    def _crop(self, item: TrainItem, start: int) -> dict[str, np.ndarray]:
        hop, spec = self.spec.hop_length, self.spec
        mel = item.log_mel[start : start + self.config.crop]
        first = start * hop + self._offset
        wave = preemphasis(item.wave, spec)[max(0, first) : first + len(mel) * hop]
        return {"mel": mel, "wave": np.concatenate([np.zeros(max(0, -first), np.float32), wave])}

    @property
    def _empty(self) -> dict[str, tuple[int, ...]]:
        """The shapes of what `_crop` gives, where none of it is cut short."""
        T = self.config.crop
        return {"mel": (T, self.spec.n_mels), "wave": (T * self.spec.hop_length,)}

    def _distance(self, items: list[TrainItem]) -> float:
        """The spectral loss of the middle of each item."""
        distances, size = [], 8
        for at in range(0, len(items), size):
            some = items[at : at + size]
            arrays = self._cropped(some, size)
            distances.append(np.asarray(self._compared(self._generated(arrays), arrays["wave"]))[: len(some)])
        return float(np.concatenate(distances).mean())

    @cached_property
    def _compared(self):
        """Compiled (wave, wave) -> spectral distance of each item."""
        import jax

        from blocks.vocoder._losses import spectral

        return jax.jit(lambda prediction, target: spectral(prediction, target, self.spec.sample_rate))

    # ---- weights ----

    def save(self, folder: Path) -> None:
        """The averaged weights to speak with; beside them the last ones and the discriminators, to train on from."""
        weights.write(folder, {**_flat(self._params), "scale": self._scale})
        weights.write(folder, _flat(self._trained), name=weights.TRAINING)

    def load(self, folder: Path) -> None:
        tensors, _ = weights.read(folder)
        wanted = _shapes(self._wanted) | {"scale": (2,)}
        weights.check(_shapes(tensors), wanted, f"{folder}")
        self._scale = tensors.pop("scale")
        self._params = _tree(tensors)
        self._trained = None
        if (Path(folder) / weights.TRAINING).is_file():
            self._trained = _tree(weights.read(folder, weights.TRAINING)[0])
            if "critics" in self._trained:  # as artifacts up to format 2 call them
                self._trained["discriminators"] = self._trained.pop("critics")

    @property
    def _wanted(self) -> dict:
        import jax

        return jax.eval_shape(self._generator.init, jax.random.key(0), *self._shapes_in)["params"]

    # ---- use ----

    def apply(self, items: list[Spectral]) -> list[Voiced]:
        """Raises ValueError where there are no weights."""
        if self._params is None:
            raise ValueError("this vocoder has no weights yet: fit it, or load what a fit has saved")
        return [Voiced(wave=self._synthesise(item.log_mel)) for item in items]

    def warm(self, items: list) -> None:
        self.apply(items)

    def stream(self, mels: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Waves of log-mels (any number of frames, mels) as they come; together they are what `apply` makes of all.

        What is given out lags `lookahead` frames behind what came in. Pieces are padded to powers of two: short ones cost
        a little more than they must, and few programs are to be compiled before any can be spoken. Raises BadItem as `apply`.
        """
        end = np.zeros((0, self.spec.n_mels), np.float32)
        pieces = ((mel[at : at + LONGEST], False) for mel in mels for at in range(0, len(mel), LONGEST))
        return self._placed(self._cells(chain(pieces, [(end, True)]), _power_of_two))

    def _synthesise(self, mel: np.ndarray) -> np.ndarray:
        check_mel(mel, self.spec)
        pieces = ((mel[at : at + LONGEST], at + LONGEST >= len(mel)) for at in range(0, len(mel), LONGEST))
        return np.concatenate(list(self._placed(self._cells(pieces, bucket))))

    def _cells(self, pieces: Iterable[tuple[np.ndarray, bool]], padded: Callable[[int], int]) -> Iterator[np.ndarray]:
        """The samples of every frame's own hop, as soon as all frames that they depend on are there."""
        around, hop = self.lookahead, self.spec.hop_length
        kept = np.zeros((0, self.spec.n_mels), np.float32)
        first = done = 0  # frame of kept[0]; up to which frame all is said
        memory = None
        for mel, last in pieces:
            if len(mel):
                check_mel(mel, self.spec)
            kept = np.concatenate([kept, mel])
            upto = first + len(kept) - (0 if last else around)
            if upto > done:
                arrays = np.zeros((1, padded(len(kept)), self.spec.n_mels), np.float32)
                arrays[0, : len(kept)] = kept
                wave, memory = self._piece(arrays, len(kept), first, upto, memory)
                yield wave[(done - first) * hop : (upto - first) * hop]
                done = upto
            drop = max(0, done - around - first)
            kept, first = kept[drop:], first + drop

    def _placed(self, cells: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """From hops of frames to samples of the recording, as the spec pads it: ``spec.samples(frames)`` in all."""
        spec, offset = self.spec, self._offset
        held, cut, frames, given, last = np.zeros(max(0, offset), np.float32), max(0, -offset), 0, 0, 0.0

        def out(size: int) -> np.ndarray:
            nonlocal held, given, last
            part = deemphasis(held[:size], spec, last)
            held, given, last = held[size:], given + size, part[-1] if size else last
            return np.clip(part, -1.0, 1.0)

        for cell in cells:
            frames += len(cell) // spec.hop_length
            held, cut = np.concatenate([held, cell[cut:]]), max(0, cut - len(cell))
            if ready := min(len(held), spec.samples(frames) - given):
                yield out(ready)
        if rest := spec.samples(frames) - given:
            held = np.concatenate([held, np.zeros(max(0, rest - len(held)), np.float32)])
            yield out(rest)

    @property
    def _size(self) -> int:
        """Samples of the transform: the spec's window where it can be inverted, else its n_fft."""
        spec = self.spec
        fits = spec.win_length % 2 == 0 and spec.win_length >= 2 * spec.hop_length
        return spec.win_length if fits else spec.n_fft

    @property
    def _offset(self) -> int:
        """The sample of the recording at which the first frame's own hop begins."""
        hop = self.spec.hop_length
        return {"same": 0, "center": -(hop // 2), "none": (self.spec.n_fft - hop) // 2}[self.spec.padding]


def _power_of_two(length: int) -> int:
    return max(SHORTEST, 1 << (length - 1).bit_length())


def _flat(tree: dict) -> dict:
    from flax.traverse_util import flatten_dict

    return flatten_dict(tree, sep="/")


def _tree(tensors: dict[str, np.ndarray]) -> dict:
    from flax.traverse_util import unflatten_dict

    return unflatten_dict(tensors, sep="/")


def _shapes(tree: dict) -> dict[str, tuple[int, ...]]:
    return {name: value.shape for name, value in _flat(tree).items()}
