"""Flow over log-mels (Flax): activation norm, invertible mix of channels, affine coupling, step after step.

`apply` encodes: a log-mel to a latent of the same size, which is as the prior says where the model fits, and the negative
log-likelihood in nats a dimension (over log 2: bits). `decode` is its exact inverse, under the same conditions or
others: encoded under its own speaker and decoded under another, with the same melody and voicing, a recording is
converted. Frames are taken in groups of `squeeze`; after every `split_every` steps `split` channels of a group go no further. What
remains at the end of an odd length goes through the first norm alone, so that nothing is lost. Padding never reaches a real frame.

Couplings are conditioned on what the settings declare: the melody (interpolated log-F0 minus its mean over the sentence, so that the
speaker's register is in the speaker's vector alone) and voicing, streams, globals, and phones in their surroundings (`phones`: text-conditioned).
The prior is N(mean, I): of mean 0 (`standard`), of means learnt from phones together with the flow (`phones`), or of means
that are given (`given`), such as those of `flow.phone_prior`. Such a flow is text-free: phones and means are of use in training,
and later for the likelihood alone.
Training adds a little noise to the mel: at the floor of the logarithm, where nothing varies, the likelihood has no bound.

Departures from the paper, which leaves widths open: couplings are WaveNet-like as in Glow-TTS, the mix is one LU matrix of
all channels, log-scales are bounded, the phone encoder is three residual convolutions, the mean of the melody is over voiced frames.
"""

from collections.abc import Callable
from functools import cached_property, partial
from typing import Literal

import numpy as np
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from blocks.base import BadItem, Failure
from blocks.common.checks import check_numbers
from blocks.common.conditions import Global, Stream
from blocks.common.items import padded
from blocks.flow._model import FlowConfig, FlowModel, call_args
from blocks.flow.schema import Coded, Conditions, Decoded, Latents, Spectral, TrainItem
from blocks.training import Precision, Run, bucket


class Config(FlowConfig):
    blocks: PositiveInt = 6  # steps of the flow
    layers: PositiveInt = 3  # convolutions of each coupling
    squeeze: Literal[1, 2, 4, 8] = 2  # frames to a group
    split: NonNegativeInt = 16  # channels of a group that go no further, each time
    split_every: PositiveInt = 4
    phones: bool = False  # condition the couplings
    prior: Literal["standard", "phones", "given"] = "standard"
    snac: bool = False  # normalise by what the globals say instead of telling them (Choi et al. 2022)
    # Share of the L1 of what is decoded of a sampled latent in the loss; AE-Flow has 0.99 (Mosinski et al. 2023).
    reconstruction: float = Field(0.0, ge=0.0, lt=1.0)
    # Share of the items that training tells no names (who speaks): a recording of a voice that is not known can then be
    # encoded, without one.
    speaker_dropout: float = Field(0.0, ge=0.0, lt=1.0)
    noise: NonNegativeFloat = 0.05  # standard deviation of what training adds to the mel, in its own unit
    precision: Precision = "float32"  # of the coupling nets in training
    unroll: PositiveInt = 1  # steps of the flow to a turn of training's loop; more compiles longer
    together: PositiveInt = 1  # items a compiled call takes; on a CPU more gain nothing

    @model_validator(mode="after")
    def _fits(self):
        for name in ("kernel", "encoder_kernel"):
            if (kernel := getattr(self, name)) % 2 == 0:
                raise ValueError(f"{name} {kernel} has no middle, want an odd number such as {kernel + 1}")
        if self.split % 2:
            raise ValueError(f"split {self.split} leaves an odd number of channels, want an even one")
        if self.snac and not self.globals:
            raise ValueError("snac normalises by what the globals say: declare one, such as globals: {speaker: {}}")
        return self


class Affine(FlowModel[Config]):
    tiny = Config(
        blocks=3, hidden=8, layers=2, kernel=3, split=8, split_every=2, encoder_layers=1, encoder_kernel=3,
        streams={"a": Stream(), "b": Stream(classes=3)}, globals={"a": Global(), "b": Global()}, phones=True, max_steps=4, max_frames=600, warmup_steps=2,
    )  # fmt: skip
    paper = (
        "Merritt et al. 2022 (the system); Kingma and Dhariwal 2018 (Glow); Kim et al. 2020 (Glow-TTS); "
        "Miao et al. 2020 (Flow-TTS); Mosinski et al. 2023 (AE-Flow); Choi et al. 2022 (SNAC)"
    )
    limits = (
        "Likelihood alone leaves part of the voice in the latent: what is converted stays between source and target."
    )

    # ---- training ----

    def fit(self, run: Run[TrainItem]) -> None:
        from blocks.common.jax_nn import PRECISIONS

        mels, config = self.spec.n_mels * self.config.squeeze, self.config
        if (left := mels - (config.blocks - 1) // config.split_every * config.split) < 2:
            raise ValueError(
                f"split {config.split} after every {config.split_every} of {config.blocks} blocks leaves {left} of {mels} "
                "channels, want a smaller split"
            )
        self._train(run, PRECISIONS[self.config.precision])

    def _losses(self, network):
        import jax

        from blocks.flow.affine import net

        def losses(params, fixed, part, key, frames):
            variables = {"params": params, "fixed": fixed}
            part = net.without_names(part, self.config.speaker_dropout, jax.random.fold_in(key, 1))
            return net.losses(network, variables, part, self.config.noise, key, frames, self.config.reconstruction)

        return losses

    def _check_item(self, item: TrainItem) -> None:
        if item.phones is None and (self.config.phones or self.config.prior == "phones"):
            raise BadItem(
                "no phones, want them and their durations beside the mel: wire them, or leave out phones and prior"
            )
        if item.prior_mean is None and self.config.prior == "given":
            raise BadItem("no prior_mean, want one beside the mel, as prior: given says: that of flow.phone_prior fits")

    def _first(self, arrays: dict, key: int) -> dict:
        noise = np.random.default_rng(key).standard_normal(arrays["x"].shape, np.float32)
        return arrays | {"x": arrays["x"] + self.config.noise * noise}

    def _score(self, items: list[TrainItem]) -> dict[str, float]:
        if self.config.crop_frames:
            return self._score_of_windows(items)
        lengths = [self._frames(item) for item in items]
        coded = [self._coded(*made) for made in self._through("encode", items)]
        return {"loss": float(np.average([each.nll for each in coded], weights=lengths))}

    def _score_of_windows(self, items: list[TrainItem]) -> dict[str, float]:
        """Of the middle of each item, all in one call."""
        from blocks.flow.affine.net import nll

        arrays = self._windows(items, self._middles(items), len(items))
        z, mean, logdet = self._compiled["encode"](self._folded, *call_args(arrays))
        lengths = arrays["lengths"]
        return {"loss": float(nll(z, mean, logdet, lengths).sum() / (lengths.sum() * z.shape[-1]))}

    def warm(self, items: list) -> None:
        (self.decode if isinstance(next(iter(items), None), Latents) else self.apply)(items)

    # ---- weights ----

    def _use(self, variables: dict) -> None:
        """Take these weights, and fold them for use."""
        from blocks.flow.affine.net import fold

        self.variables, self._folded = variables, fold(variables["params"], variables["fixed"])

    def _network(self, dtype=None):
        from blocks.flow.affine.net import Flow

        taken = ("blocks", "hidden", "layers", "kernel", "squeeze", "split", "split_every", "dropout", "snac", "unroll")
        return Flow(
            **{name: getattr(self.config, name) for name in (*taken, "encoder_layers", "encoder_kernel")},
            dtype=dtype,
            globals=self._globals(),
            encode_phones=self.config.phones,
            phone_prior=self.config.prior == "phones",
            mels=self.spec.n_mels,
            rows=len(self.conditioning.phones),
        )

    # ---- use ----

    def apply(self, items: list[Spectral]) -> list[Coded | Failure]:
        """Encode. Raises ValueError where there are no weights."""
        return self._each("encode", items, self._coded)

    def decode(self, items: list[Latents]) -> list[Decoded | Failure]:
        """The inverse of `apply`, under the conditions given now. Raises ValueError as `apply` does."""
        return self._each("decode", items, lambda log_mel: Decoded(log_mel=log_mel))

    def _each(self, way: str, items: list[Conditions], of: Callable) -> list:
        """What becomes of each item, or why nothing does."""
        if self.conditioning is None:
            raise ValueError("this flow has no weights yet: fit it, or load what a fit has saved")
        results, items = {}, list(map(self._named, items))
        for index, item in enumerate(items):
            try:
                self._check(item)
            except BadItem as error:
                results[index] = Failure(str(error))
        left = [index for index in range(len(items)) if index not in results]
        for index, made in zip(left, self._through(way, [items[index] for index in left]), strict=True):
            results[index] = of(*made).model_copy(update={"remark": self.conditioning.remark(items[index])})
        return [results[index] for index in range(len(items))]

    def _named(self, item: Conditions) -> Conditions:
        """With an empty name in the place of one that is not given, where the model can do without."""
        absent = (
            [name for name in self.conditioning.names if name not in item.globals]
            if self.config.speaker_dropout
            else []
        )
        return item.model_copy(update={"globals": dict.fromkeys(absent, "") | item.globals}) if absent else item

    def _check(self, item: Conditions) -> None:
        """Raise BadItem for what cannot go through."""
        values = self._values(item)
        if len(values) == 0:
            raise BadItem("no frames, want at least one")
        check_numbers(values, "what is to be coded")
        self.conditioning.check(item, len(values))
        if self.config.phones and item.phones is None:
            raise BadItem("no phones, but this flow is text-conditioned: wire them and their durations")
        self.conditioning.check_known(item, nameless=self.config.speaker_dropout > 0)

    def _coded(self, latent: np.ndarray, mean: np.ndarray | None, logdet: np.ndarray) -> Coded:
        if mean is None:
            return Coded(latent=latent)
        squares = 0.5 * np.square(latent - mean, dtype=np.float64).sum()
        return Coded(latent=latent, nll=(squares - float(logdet)) / latent.size + 0.5 * np.log(2 * np.pi))

    def _through(self, way: str, items: list[Conditions]) -> list[tuple]:
        """Of each item what the compiled function makes; that meets few shapes.

        To encode makes the latent, the prior's means (None where they are not known) and the log-determinant.
        """
        alike: dict[tuple, list[int]] = {}
        for index, item in enumerate(items):
            there = self._needs_phones(item), self._has_mean(item)
            alike.setdefault((bucket(self._frames(item)), *there), []).append(index)
        made, size = {}, self.config.together
        for (frames, phones, mean), found in alike.items():
            known = {"standard": True, "phones": phones, "given": mean}[self.config.prior]
            for at in range(0, len(found), size):
                some = found[at : at + size]
                arrays = self._padded([items[index] for index in some], frames, size)
                whole = [np.asarray(a) for a in self._compiled[way](self._folded, *call_args(arrays))]
                for row, index in enumerate(some):
                    length = self._frames(items[index])
                    cut = [a[row, :length] if a.ndim == 3 else a[row] if a.ndim else a for a in whole]
                    if way == "encode" and not known:
                        cut[1] = None
                    made[index] = tuple(cut)
        return [made[index] for index in range(len(items))]

    @cached_property
    def _compiled(self) -> dict:
        import jax

        from blocks.flow.affine import net

        flow = self._network()
        return {
            "encode": jax.jit(partial(net.encode, flow)),
            "decode": jax.jit(lambda *given: (net.decode(flow, *given),)),
        }

    # ---- arrays ----

    @property
    def multiple(self) -> int:
        return self.config.squeeze

    def _values(self, item: Conditions) -> np.ndarray:
        return item.latent if isinstance(item, Latents) else item.log_mel

    def _needs_phones(self, item: Conditions) -> bool:
        """For the couplings, or for the prior of what is encoded."""
        wanted = self.config.phones or (self.config.prior == "phones" and not isinstance(item, Latents))
        return wanted and item.phones is not None

    def _has_mean(self, item: Conditions) -> bool:
        return self.config.prior == "given" and getattr(item, "prior_mean", None) is not None

    def _padded(self, items: list, frames: int, size: int, room=None) -> dict:
        made = super()._padded(items, frames, size, room)
        if self._has_mean(items[0]):
            made["prior_mean"] = np.zeros_like(made["x"])
            made["prior_mean"][: len(items)] = padded([item.prior_mean for item in items], made["x"].shape[1])
        return made
