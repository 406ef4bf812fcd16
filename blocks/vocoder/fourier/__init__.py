"""Vocos-type vocoder (Flax): a ConvNeXt at frame rate tells what a source is like, an inverse Fourier transform speaks.

The network hears in the log-mel how high a voice is, where it is voiced and how noisy; harmonics and noise of that kind are brought
to the very mel that was given, by a filter of minimum phase. How far phases are from these the network tells as well; `rounds` of
Griffin-Lim then make neighbouring frames agree. One network pass a frame and no loop over samples, so it runs many times faster than real time
on a CPU. It is trained on pitch and on log-mel distances at several resolutions, then also against critics of folded waves and
of complex spectra. A head for magnitudes is left out: what it learned from distances filled the valleys between harmonics.
A sample depends on `lookahead` frames to either side: `stream` says the same as `apply` that much later.
Axes: B items, T frames, M mels, S samples.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from blocks.base import Trainable
from blocks.common import weights
from blocks.common.checks import check_mel
from blocks.common.mel import deemphasis, log_mel, preemphasis
from blocks.training import FitConfig, Run, bucket
from blocks.vocoder.schema import Lesson, Spectral, Voiced

LONGEST = 1000  # frames spoken at once: longer mels go piece by piece, in flat memory and in no new shape


class Config(FitConfig):
    hidden: PositiveInt = 256
    wide: PositiveInt = 768
    layers: PositiveInt = 8
    rounds: NonNegativeInt = 16  # in which frames come to agree on phases, when it speaks
    training_rounds: NonNegativeInt = 2  # the same, when it learns
    crop: PositiveInt = Field(64, multiple_of=8)  # frames of an item that a step sees
    lr: PositiveFloat = 5e-4
    betas: tuple[float, float] = (0.8, 0.99)
    warmup_steps: PositiveInt = 200
    clip: PositiveFloat = 5.0  # norm of the gradient
    ema: float = Field(0.999, ge=0.0, lt=1.0)  # decay of the averaged weights, which are those used
    adversarial_from: PositiveInt | None = None  # the first step with critics; none: spectra alone
    critic_width: PositiveInt = 16
    periods: tuple[PositiveInt, ...] = (2, 3, 5, 7, 11)  # samples that a critic of waves folds at
    resolutions: tuple[PositiveInt, ...] = (512, 1024, 2048)  # samples of the windows of a critic of spectra
    critic_lr: PositiveFloat = 2e-4
    pitch_weight: NonNegativeFloat = 0.1  # of pitch and voicing, beside the spectral distance
    spectral_weight: NonNegativeFloat = 30.0  # of both, beside the critics
    feature_weight: NonNegativeFloat = 5.0


class Fourier(Trainable[Config]):
    tiny = Config(
        hidden=8, wide=16, layers=2, rounds=2, training_rounds=1, crop=16, max_steps=4, max_frames=160, adversarial_from=3, critic_width=2,
        periods=(2,), resolutions=(512,),
        warmup_steps=2, checkpoint_interval=2, val_check_interval=2, ema=0.5,
    )  # fmt: skip
    paper = "Siuzdak 2024 (Vocos); Li et al. 2023 (HiFTNet, harmonics and noise); Kong et al. 2020 (HiFi-GAN); Jang et al. 2021 (UnivNet)"
    needs = ("flax", "jax", "optax")
    extra = "jax"
    limits = (
        "It knows speech at the sample rate of its spec, mostly clean. Two voices at once, music and strong noise are "
        "outside of what it heard; sung and whispered voices are judged, not trained on."
    )

    _params: dict | None = None  # to speak with
    _trained: dict | None = None  # to train on from: the last weights, and the critics

    # ---- training ----

    def fit(self, run: Run[Lesson]) -> None:
        from blocks.common.jax_nn import Devices
        from blocks.vocoder.fourier.training import Steps

        config, devices = self.config, Devices()
        optimizer, critic_optimizer = self._optimizer(config.lr), self._optimizer(config.critic_lr)
        for number, item in enumerate(run.items):
            if item.pitch is None or len(item.pitch) != len(item.log_mel):
                found = (
                    "no pitch" if item.pitch is None else f"{len(item.pitch)} frames of pitch for {len(item.log_mel)}"
                )
                raise ValueError(f"item {number} to train on has {found}, want that of features.pitch: wire pitch")
        first = {**self._first(run), "step": np.zeros((), np.int32)}
        first["opt"], first["critic_opt"] = optimizer.init(first["params"]), critic_optimizer.init(first["critics"])
        state = run.state(train=first, scale=self._scale)
        self._scale, state.train = np.asarray(state.scale), devices.replicate(state.train)
        steps = Steps(
            self._generator, optimizer, self._sound, config.training_rounds, config.ema,
            self._critics(), critic_optimizer,
            config.pitch_weight, config.spectral_weight, config.feature_weight,
        )  # fmt: skip
        on_spectra, on_critics = steps.on_spectra(), steps.on_critics()

        def validate(items: list[Lesson]) -> dict[str, float]:
            self._take(state.train)
            return {"loss": self._distance(items)}

        for batch in run.batches(validate=validate):
            rng = np.random.default_rng(run.key(batch.step, f"crop/{run.rank}"))
            parts = [
                self._cropped(part.items if part.share else [], devices.rows(part.size), rng) for part in batch.parts
            ]
            critical = config.adversarial_from is not None and batch.step >= config.adversarial_from
            state.train, numbers = (on_critics if critical else on_spectra)(state.train, devices.stack(parts))
            if run.accepts(batch, numbers["loss"]):
                run.report(batch.step, **{name: float(value) for name, value in numbers.items()})
            if batch.step % config.val_check_interval == 0:
                self._take(state.train)
                self._show(run, batch.step, batch.ids[0], batch.items[0])
        self._take(state.train)

    def _show(self, run: Run[Lesson], step: int, name: str, item: Lesson) -> None:
        """One of the step's items, for those who watch: as recorded, and as spoken now."""
        said = self._spoken(item.log_mel[:LONGEST])
        for what, wave in {"true": item.wave[: len(said)], "pred": said}.items():
            run.audio(step, f"samples/{name}/{what}", wave)
            run.image(step, f"samples/{name}/{what}", log_mel(wave, self.spec))

    def _take(self, train: dict) -> None:
        """Speak with these weights; the average of all steps sounds better than the last."""
        import jax

        self._params = jax.tree.map(np.asarray, train["ema"])
        self._trained = {name: jax.tree.map(np.asarray, train[name]) for name in ("params", "critics")}

    def length(self, item: Lesson) -> int:
        """Every item is cut or padded to one crop."""
        return self.config.crop

    def _optimizer(self, lr: float):
        import optax

        config = self.config
        rate = optax.warmup_cosine_decay_schedule(
            0.0, lr, config.warmup_steps, max(config.max_steps, config.warmup_steps + 1), lr / 20
        )
        first, second = config.betas
        return optax.chain(
            optax.clip_by_global_norm(config.clip), optax.adamw(rate, b1=first, b2=second, weight_decay=0.01)
        )

    def _first(self, run: Run[Lesson]) -> dict:
        """First weights, the same on every rank: of the training it starts from, where there is one."""
        import jax

        critics = self._init_critics(run) if self.config.adversarial_from else {}
        if run.init:
            self.load(run.init)
            known = (self._trained or {}).get("critics")
            if critics and known:
                weights.check(_shapes(known), _shapes(critics), f"{run.init}, critics")
                critics = known
            return {
                "params": (self._trained or {}).get("params", self._params),
                "critics": critics,
                "ema": self._params,
            }
        order = np.random.default_rng(run.key(0, "scale")).permutation(len(run.items))[:64]
        values = np.concatenate([run.items[index].log_mel.ravel() for index in order])
        self._scale = np.array([values.mean(dtype=np.float64), max(values.std(dtype=np.float64), 1e-3)], np.float32)
        given = (np.zeros(part.shape, np.float32) for part in self._shapes_in)
        params = jax.jit(self._generator.init)(jax.random.key(run.key(0, "weights")), *given)["params"]
        return {"params": params, "critics": critics, "ema": jax.tree.map(np.array, params)}

    def _init_critics(self, run: Run[Lesson]) -> dict:
        import jax

        wave = np.zeros((1, self.config.crop * self.spec.hop_length), np.float32)
        return jax.jit(self._critics().init)(jax.random.key(run.key(0, "critics")), wave)["params"]

    def _critics(self):
        from blocks.vocoder.fourier.critics import Critics

        return Critics(self.config.periods, self.config.resolutions, self.config.critic_width)

    def _cropped(self, items: list[Lesson], size: int, rng=None) -> dict[str, np.ndarray]:
        """A crop of each item, anywhere, or in the middle where there is no `rng`; zeros behind a short one."""
        from blocks.vocoder.fourier.source import NOISE, Start

        T, hop = self.config.crop, self.spec.hop_length
        arrays = {
            "mel": np.zeros((size, T, self.spec.n_mels), np.float32),
            "wave": np.zeros((size, T * hop), np.float32),
            "pitch": np.zeros((size, T), np.float32),
            "lengths": np.zeros(size, np.int32),
            "start": tuple(Start.zero(size)),
        }
        if rng:  # no crop is to know its noise
            arrays["start"][0][:] = rng.integers(NOISE, size=size)
            arrays["start"][2][:] = rng.integers(2**32, size=size, dtype=np.uint32)
        for row, item in enumerate(items):
            spare = max(0, len(item.log_mel) - T)
            start = int(rng.integers(spare + 1)) if rng else spare // 2
            mel = item.log_mel[start : start + T]
            arrays["mel"][row, : len(mel)], arrays["lengths"][row] = mel, len(mel)
            if item.pitch is not None:
                arrays["pitch"][row, : len(mel)] = item.pitch[start : start + T]
            first = start * hop + self._offset
            wave = preemphasis(item.wave, self.spec)[max(0, first) : first + len(mel) * hop]
            at = max(0, -first)
            arrays["wave"][row, at : at + len(wave)] = wave
        return arrays

    def _distance(self, items: list[Lesson]) -> float:
        """The spectral loss of the middle of each item."""
        from blocks.vocoder.fourier.source import Start

        distances, size = [], 8
        for at in range(0, len(items), size):
            some = items[at : at + size]
            arrays = self._cropped(some, size)
            heard, _ = self._compiled(self._params, arrays["mel"], arrays["lengths"], Start(*arrays["start"]))
            distances.append(np.asarray(self._compared(heard, arrays["wave"]))[: len(some)])
        return float(np.concatenate(distances).mean())

    # ---- weights ----

    def save(self, folder: Path) -> None:
        """The averaged weights to speak with; beside them the last ones and the critics, to train on from."""
        weights.write(folder, {**_flat(self._params), "scale": self._scale})
        weights.write(folder, _flat(self._trained), name="training.safetensors")

    def load(self, folder: Path) -> None:
        tensors, _ = weights.read(folder)
        wanted = _shapes(self._wanted) | {"scale": (2,)}
        weights.check(_shapes(tensors), wanted, f"{folder}")
        self._scale = tensors.pop("scale")
        self._params = _tree(tensors)
        self._trained = None
        if (Path(folder) / "training.safetensors").is_file():
            self._trained = _tree(weights.read(folder, "training.safetensors")[0])

    @property
    def _wanted(self) -> dict:
        import jax

        return jax.eval_shape(self._generator.init, jax.random.key(0), *self._shapes_in)["params"]

    @property
    def _shapes_in(self) -> list:
        """Of what the network takes."""
        import jax

        from blocks.vocoder.fourier.sound import PITCHES

        return [jax.ShapeDtypeStruct((1, 8, size), np.float32) for size in (self.spec.n_mels, PITCHES, 1)]

    # ---- use ----

    def apply(self, items: list[Spectral]) -> list[Voiced]:
        """Raises ValueError where there are no weights."""
        if self._params is None:
            raise ValueError("this vocoder has no weights yet: fit it, or load what a fit has saved")
        return [Voiced(wave=self._spoken(item.log_mel)) for item in items]

    def warm(self, items: list) -> None:
        self.apply(items)

    @property
    def lookahead(self) -> int:
        """Frames after a sample that it depends on, and as many before it."""
        return sum(self._reach)

    @property
    def _reach(self) -> tuple[int, int]:
        from blocks.vocoder.fourier.net import reach

        return reach(self.config.layers, self.spec.hop_length, self._size, self.config.rounds)

    def stream(self, mels: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Waves of log-mels (any number of frames, mels) as they come; together they are what `apply` makes of all.

        What is given out lags `lookahead` frames behind what came in. Raises BadItem as `apply`.
        """
        end = np.zeros((0, self.spec.n_mels), np.float32)
        pieces = ((mel[at : at + LONGEST], False) for mel in mels for at in range(0, len(mel), LONGEST))
        return self._placed(self._cells(chain(pieces, [(end, True)])))

    def _spoken(self, mel: np.ndarray) -> np.ndarray:
        check_mel(mel, self.spec)
        pieces = ((mel[at : at + LONGEST], at + LONGEST >= len(mel)) for at in range(0, len(mel), LONGEST))
        return np.concatenate(list(self._placed(self._cells(pieces))))

    def _cells(self, pieces: Iterable[tuple[np.ndarray, bool]]) -> Iterator[np.ndarray]:
        """The samples of every frame's own hop, as soon as all frames that they depend on are there."""
        from blocks.vocoder.fourier.source import Start

        (_, sounding), around = self._reach, self.lookahead
        kept = np.zeros((0, self.spec.n_mels), np.float32)
        first = done = anchor = 0  # frame of kept[0]; up to which frame all is said; whose phase is known
        phase = np.uint32(0)
        for mel, last in pieces:
            if len(mel):
                check_mel(mel, self.spec)
            kept = np.concatenate([kept, mel])
            upto = first + len(kept) - (0 if last else around)
            if upto > done:
                arrays = np.zeros((1, bucket(len(kept)), self.spec.n_mels), np.float32)
                arrays[0, : len(kept)] = kept
                start = Start(*np.array([[first], [anchor - first]], np.int32), phase[None])
                made = self._compiled(self._params, arrays, np.array([len(kept)], np.int32), start)
                wave, begins = (np.asarray(one)[0] for one in made)
                yield wave[(done - first) * self.spec.hop_length : (upto - first) * self.spec.hop_length]
                done, anchor = upto, max(0, upto - sounding)
                phase = begins[anchor - first]
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

    @property
    def _sound(self):
        from blocks.vocoder.fourier.sound import Sound

        return Sound(self.spec, self._size, *map(float, self._scale))

    @cached_property
    def _generator(self):
        from blocks.vocoder.fourier.net import Generator

        config = self.config
        return Generator(config.hidden, config.wide, config.layers, self._size // 2 + 1)

    @cached_property
    def _compared(self):
        """Compiled (wave, wave) -> spectral distance of each item."""
        import jax

        from blocks.vocoder.fourier.losses import spectral

        return jax.jit(lambda heard, meant: spectral(heard, meant, self.spec.sample_rate))

    @cached_property
    def _compiled(self):
        """Compiled (params, mel, lengths, start) -> wave and phases; the compiler meets one shape for each padded length."""
        import jax

        from blocks.vocoder.fourier.net import speak

        how = self._sound, self.config.rounds
        return jax.jit(lambda params, *given: speak(self._generator, {"params": params}, *given, *how))


def _flat(tree: dict) -> dict:
    from flax.traverse_util import flatten_dict

    return flatten_dict(tree, sep="/")


def _tree(tensors: dict[str, np.ndarray]) -> dict:
    from flax.traverse_util import unflatten_dict

    return unflatten_dict(tensors, sep="/")


def _shapes(tree: dict) -> dict[str, tuple[int, ...]]:
    return {name: value.shape for name, value in _flat(tree).items()}
