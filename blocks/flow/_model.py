"""What the trainables of this kind share: items as padded arrays, the training loop, the artifact (Flax and optax)."""

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from blocks.base import BadItem, C, Trainable
from blocks.common import schedule, weights
from blocks.common.checks import check_mel
from blocks.common.conditions import undeclared
from blocks.common.items import padded
from blocks.flow._conditioning import Conditioning, ConditioningConfig, room_for
from blocks.flow.schema import Conditions, PriorTrainItem, TrainItem
from blocks.training import Batch, Run, bucket

OF_FRAMES = ("x", "frames", "owners", "places", "prior_mean")  # arrays (B, T, ...)


class FlowConfig(ConditioningConfig):
    hidden: PositiveInt = 64  # channels of the nets
    kernel: PositiveInt = 5  # positions a convolution sees
    encoder_layers: PositiveInt = 3  # of the convolutions over phones
    encoder_kernel: PositiveInt = 5
    dropout: float = Field(0.05, ge=0.0, lt=1.0)
    lr: PositiveFloat = 1e-3
    warmup_steps: PositiveInt = 100  # then the rate falls to a twentieth along a cosine
    clip: PositiveFloat = 1.0  # norm of the gradient
    # Frames of a window of each recording that a step learns from, drawn anew each time; a shorter recording is padded. The melody
    # stays that of the sentence, and phones keep their surroundings. A compiler then meets one shape. None: whole recordings.
    crop_frames: PositiveInt | None = None


class FlowModel(Trainable[C]):
    """A variant says what network it has, what an item is, and what is minimised."""

    needs = ("flax", "jax", "optax")
    extra = "jax"
    conditioning: Conditioning | None = None  # once there is a model
    variables: dict

    @classmethod
    def check_wiring(cls, config, wired: dict):
        return undeclared(config, wired)

    # ---- for a variant to write ----

    def _network(self, dtype=None):
        raise NotImplementedError

    def _losses(self, network) -> Callable:
        """(params, fixed, part, key, frames) -> what is minimised, and numbers by name."""
        raise NotImplementedError

    def _score(self, items: list) -> dict[str, float]:
        """Of dev items: means over their frames."""
        raise NotImplementedError

    def _needs_phones(self, item: Conditions) -> bool:
        """Whether phones go into the arrays of an item."""
        raise NotImplementedError

    def _check_item(self, item) -> None:
        """Raise BadItem for what cannot be trained on."""

    @property
    def multiple(self) -> int:
        """Of which a padded length must be one."""
        return 1

    def _first(self, arrays: dict, key: int) -> dict:
        """Arrays that the first weights are made from."""
        return arrays

    def _use(self, variables: dict) -> None:
        """Take these weights."""
        self.variables = variables

    # ---- training ----

    def length(self, item) -> int:
        """Of an item to learn from, where windows are taken, that of a window: all batches have one shape."""
        learnt = isinstance(item, TrainItem | PriorTrainItem)
        return self.config.crop_frames if learnt and self.config.crop_frames else self._frames(item)

    def _frames(self, item) -> int:
        return len(self._values(item))

    def group(self, item) -> str:
        speaker = item.speaker or item.globals.get("speaker")
        return speaker if isinstance(speaker, str) else ""

    def _train(self, run: Run, dtype=None) -> None:
        import jax

        from blocks.common.jax_nn import Devices
        from blocks.flow._net import training_step

        devices, optimizer = Devices(), self._optimizer()
        room = self._begin(run)
        params, fixed = self.variables["params"], self.variables.get("fixed", {})
        state = run.state(params=params, fixed=fixed, opt=optimizer.init(params))
        for name, part in vars(state).items():
            setattr(state, name, devices.replicate(part))
        step = training_step(self._losses(self._network(dtype)), optimizer)

        def arrays(part: Batch) -> dict:
            size = devices.rows(part.size)
            if self.config.crop_frames:
                made = self._windows(part.items, self._starts(part, run.key(part.step, "windows")), size, room)
            else:
                made = self._padded(part.items, part.frames, size, room)
            made["step"] = np.full(size, part.step, np.float32)
            if not part.share:  # an item of another rank, here only to keep step
                made["lengths"][:] = 0
            return made

        def validate(items: list) -> dict[str, float]:
            self._use({"params": state.params, "fixed": state.fixed})
            return self._score(items)

        for batch in run.batches(validate=validate):
            parts = devices.stack([arrays(part) for part in batch.parts])
            key = jax.random.key(run.key(batch.step), impl="unsafe_rbg")
            state.params, state.opt, numbers = step(state.params, state.opt, state.fixed, parts, key)
            if run.accepts(batch, numbers["loss"]):
                run.report(batch.step, **{name: float(value) for name, value in numbers.items()})
        self._use({"params": state.params, "fixed": state.fixed})

    def _optimizer(self):
        import optax

        rate = schedule.warmup_then_cosine(self.config.lr, self.config.warmup_steps, self.config.max_steps)
        # All weights as one vector: one program for all, which compiles a second faster.
        return optax.flatten(optax.chain(optax.clip_by_global_norm(self.config.clip), optax.adam(rate)))

    def _begin(self, run: Run) -> Callable[[int], int]:
        """First weights, the same on every rank: made from as many items as make a batch, or from `run.init`.

        Gives the padded number of phones for a padded number of frames, which is enough for all items.
        """
        import jax

        self.conditioning, found = self._new_conditioning(), None
        if run.init:
            found, about = weights.read(run.init)
            self.conditioning.read(run.init, about, lenient=True)
        for number, item in enumerate(run.survey()):
            try:
                check_mel(item.log_mel, self.spec)
                self.conditioning.check(item, len(item.log_mel))
                self._check_item(item)
            except BadItem as error:
                raise ValueError(f"item {number} to train on: {error}") from None
            self.conditioning.meet([item])
        most = max(1, int(run.greatest(_phones_of)))
        densest = run.greatest(lambda item: _phones_of(item) / bucket(len(item.log_mel)))

        def room(frames: int) -> int:
            return most if self.config.crop_frames else max(1, int(np.ceil(frames * densest)))

        arrays = self._first(self._some(run, room), run.key(0, "noise"))
        key, inputs = jax.random.key(run.key(0, "weights"), impl="unsafe_rbg"), call_args(arrays)
        if found is None:
            self._use(jax.jit(self._network().init)(key, *inputs))
        else:
            self._take(grown(found, self._shapes(inputs)), inputs, f"{run.init}")
        return room

    def _new_conditioning(self) -> Conditioning:
        return Conditioning(self.config.streams, self.config.globals, pitch=self.config.pitch)

    def _some(self, run: Run, room: Callable[[int], int]) -> dict:
        order, items, longest = np.random.default_rng(run.key(0, "start")).permutation(len(run.items)), [], 0
        for index in order:
            item = run.items[index]
            longest = max(longest, bucket(len(item.log_mel)))
            if items and (longest * (len(items) + 1) > run.config.max_frames or len(items) == run.config.max_items):
                break
            items.append(item)
        return self._padded(items, bucket(max(len(item.log_mel) for item in items)), len(items), room)

    # ---- arrays ----

    def _values(self, item) -> np.ndarray:
        """The frames of an item (T, M)."""
        return item.log_mel

    def _padded(self, items: list, frames: int, size: int, room: Callable[[int], int] | None = None) -> dict:
        """Arrays of `size` items of at least `frames` frames, zeros where there is nothing.

        `x` (B, T, M), `lengths` (B), what `Conditioning` makes, and phones in `room` (of the frames) places where they are needed.
        """
        frames = -(-frames // self.multiple) * self.multiple
        rows = [self._values(item) for item in items]
        made = {"x": padded(rows, frames), "lengths": np.array([len(row) for row in rows], np.int32)}
        made |= self.conditioning.arrays(items, frames)
        if self._needs_phones(items[0]):
            count = room(frames) if room else room_for(max(len(item.phones) for item in items), frames)
            made |= self.conditioning.phone_arrays(items, frames, count)
        return extended(made, size)

    @property
    def _window(self) -> int:
        """Frames of a window, a padded length."""
        return bucket(self.config.crop_frames)

    def _starts(self, part: Batch, key: int) -> np.ndarray:
        """Where the window of each item begins (B): drawn by the step and the item alone."""
        lasts = [max(0, self._frames(item) - self._window) for item in part.items]
        drawn = [np.random.default_rng([key, zlib.crc32(id.encode())]) for id in part.ids]
        return np.array([rng.integers(last + 1) for rng, last in zip(drawn, lasts, strict=True)])

    def _middles(self, items: list) -> np.ndarray:
        return np.array([max(0, self._frames(item) - self._window) // 2 for item in items])

    def _windows(self, items: list, starts: np.ndarray, size: int, room: Callable[[int], int] | None = None) -> dict:
        """As `_padded`, of a window of each item: what counts frames is cut, the melody and the phones are those of the whole."""
        longest = max(map(self._frames, items)) + self._window  # a window of a shorter item ends in its padding
        most = max(len(item.phones or ()) for item in items)
        made = self._padded(items, longest, len(items), room or (lambda frames: max(1, most)))
        at = starts[:, None] + np.arange(self._window)
        rows = np.arange(len(items))[:, None]
        made |= {name: made[name][rows, at] for name in OF_FRAMES if name in made}
        made["lengths"] = np.minimum(made["lengths"] - starts, self._window).astype(np.int32)
        return extended(made, size)

    # ---- the artifact ----

    def save(self, folder: Path) -> None:
        from flax.traverse_util import flatten_dict

        tensors = {name: np.asarray(value) for name, value in flatten_dict(self.variables, sep="/").items()}
        weights.write(folder, tensors, self.conditioning.write(folder))

    def load(self, folder: Path) -> None:
        tensors, about = weights.read(folder)
        tensors = {name.replace("/told/", "/conditions/"): value for name, value in tensors.items()}  # its old name
        self.conditioning = self._new_conditioning()
        self.conditioning.read(folder, about)
        self._take(tensors, self._example(), f"{folder}")

    def _example(self) -> tuple:
        """What the network is called with, one item of few frames and one phone."""
        frames = self.multiple
        made = {"x": np.zeros((1, frames, self.spec.n_mels), np.float32), "lengths": np.full(1, frames, np.int32)}
        if self.conditioning.width:
            made["frames"] = np.zeros((1, frames, self.conditioning.width), np.float32)
        for name, each in self.conditioning.globals.items():
            made[f"globals.{name}"] = np.zeros((1, each.size), np.float32) if each.size else np.zeros(1, np.int32)
        made |= {"phones": np.zeros((1, 1), np.int32), "tokens": np.ones(1, np.int32)}
        made |= {"owners": np.zeros((1, frames), np.int32), "places": np.zeros((1, frames), np.float32)}
        return call_args(made)

    def _shapes(self, inputs: tuple) -> dict:
        import jax
        from flax.traverse_util import flatten_dict

        return flatten_dict(jax.eval_shape(self._network().init, jax.random.key(0), *inputs), sep="/")

    def _take(self, tensors: dict[str, np.ndarray], inputs: tuple, where: str) -> None:
        from flax.traverse_util import unflatten_dict

        wanted = {name: value.shape for name, value in self._shapes(inputs).items()}
        weights.check({name: value.shape for name, value in tensors.items()}, wanted, where)
        self._use(unflatten_dict(tensors, sep="/"))

    def _globals(self) -> tuple[tuple[str, int, int], ...]:
        """As `_net.Whole` wants them."""
        return tuple(
            (name, 0 if each.size else len(self.conditioning.names[name]), each.size or self.config.hidden)
            for name, each in self.conditioning.globals.items()
        )


def _phones_of(item) -> int:
    return 0 if item.phones is None else len(item.phones)


def call_args(arrays: dict) -> tuple:
    """What a network is called with, of arrays of `FlowModel._padded`: x, lengths, and all else by name."""
    return arrays["x"], arrays["lengths"], {name: a for name, a in arrays.items() if name not in ("x", "lengths")}


def extended(arrays: dict, size: int) -> dict:
    """With rows of zeros, as many as make `size` rows."""
    return {name: np.pad(a, [(0, size - len(a))] + [(0, 0)] * (a.ndim - 1)) for name, a in arrays.items()}


def grown(found: dict[str, np.ndarray], wanted: dict) -> dict[str, np.ndarray]:
    """Weights with rows for more phones and names: new ones are the mean of the known."""
    found = dict(found)
    for name, value in wanted.items():
        known = found.get(name)
        if known is not None and name.endswith("/table") and 1 < len(known) < value.shape[0]:
            found[name] = weights.more_rows(known, value.shape[0])
    return found
