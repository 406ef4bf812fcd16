"""Means of a flow's prior, learnt on the task of speech synthesis (Flax): of each phone as many numbers as there are mels.

A variational encoder of phones says a mean and a log-deviation for each; a sample of them, repeated over the phone's frames,
is all that a decoder knows of the text. It is conditioned on the melody, streams and globals as a flow is, above all who
speaks, so that the means are left with the phone. Trained on L1 of mels and the KL divergence from N(0, I), whose weight grows
from 0. `apply` gives the means, repeated over the frames: what `flow.affine` with ``prior: given`` is trained against.

Departures from the paper: its decoder and its schedule of the KL are those of Shah et al. 2021, which prints no weight; here
the decoder is of gated convolutions, conditioned on where in its phone a frame lies.
"""

from collections.abc import Callable
from functools import cached_property, partial

import numpy as np
from pydantic import NonNegativeFloat, PositiveInt, model_validator

from blocks.base import BadItem, Failure
from blocks.common.checks import check_durations
from blocks.common.conditions import Global, Stream
from blocks.flow._conditioning import room_for
from blocks.flow._model import FlowConfig, FlowModel
from blocks.flow.schema import Prior, PriorRequest, PriorTrainItem
from blocks.training import Run, bucket


class Config(FlowConfig):
    hidden: PositiveInt = 96
    layers: PositiveInt = 5  # gated convolutions of the decoder
    kl_weight: NonNegativeFloat = (
        0.02  # of the mean over phones and dimensions, beside the mean L1 of a standardised mel
    )
    kl_steps: PositiveInt = 500  # in which it grows to that

    @model_validator(mode="after")
    def _odd(self):
        for name in ("kernel", "encoder_kernel"):
            if (kernel := getattr(self, name)) % 2 == 0:
                raise ValueError(f"{name} {kernel} has no middle, want an odd number such as {kernel + 1}")
        return self


class PhonePrior(FlowModel[Config]):
    tiny = Config(
        hidden=8, layers=1, kernel=3, encoder_layers=1, encoder_kernel=3,
        streams={"a": Stream(), "b": Stream(classes=3)}, globals={"a": Global(), "b": Global()}, max_steps=4, max_frames=600, warmup_steps=2,
    )  # fmt: skip
    paper = "Merritt et al. 2022 (the variational phone encoder); Shah et al. 2021 (synthesis without attention)"

    # ---- training ----

    def fit(self, run: Run[PriorTrainItem]) -> None:
        self._train(run)

    def _losses(self, network) -> Callable:
        from blocks.flow.phone_prior.net import losses

        return partial(losses, network, self.config.kl_weight, self.config.kl_steps)

    def _score(self, items: list[PriorTrainItem]) -> dict[str, float]:
        """Without sampling, and with the whole weight of the KL."""
        if self.config.crop_frames:
            arrays = self._windows(items, self._middles(items), len(items))
        else:
            arrays = self._padded(items, bucket(max(map(self._frames, items))), len(items))
        loss, numbers = self._scored(self.variables, arrays)
        return {"loss": float(loss)} | {name: float(value) for name, value in numbers.items()}

    @cached_property
    def _scored(self):
        import jax

        losses = self._losses(self._network())
        return jax.jit(lambda variables, arrays: losses(variables["params"], variables["fixed"], arrays))

    def _check_item(self, item: PriorTrainItem) -> None:
        check_durations(item.phones, item.durations, len(item.log_mel))

    def _network(self, dtype=None):
        from blocks.flow.phone_prior.net import Network

        taken = ("hidden", "layers", "kernel", "encoder_layers", "encoder_kernel", "dropout")
        settings = {name: getattr(self.config, name) for name in taken}
        return Network(**settings, globals=self._globals(), mels=self.spec.n_mels, rows=len(self.conditioning.phones))

    def _needs_phones(self, item) -> bool:
        return True

    # ---- use ----

    def _frames(self, item: PriorRequest | PriorTrainItem) -> int:
        return len(item.log_mel) if isinstance(item, PriorTrainItem) else int(item.durations.sum())

    def warm(self, items: list[PriorRequest]) -> None:
        self.apply(items)

    def apply(self, items: list[PriorRequest]) -> list[Prior | Failure]:
        """The prior's means. Raises ValueError where there are no weights."""
        if self.conditioning is None:
            raise ValueError("this prior has no weights yet: fit it, or load what a fit has saved")
        return [self._one(item) for item in items]

    def _one(self, item: PriorRequest) -> Prior | Failure:
        frames = int(item.durations.sum())
        try:
            check_durations(item.phones, item.durations, frames)
            if not frames:
                raise BadItem("phones of no frame, want one at least")
        except BadItem as error:
            return Failure(str(error))
        size = bucket(frames)
        arrays = self.conditioning.phone_arrays([item], size, room_for(len(item.phones), size))
        return Prior(prior_mean=np.asarray(self._means(self.variables, arrays))[0, :frames])

    @cached_property
    def _means(self):
        import jax

        network = self._network()
        return jax.jit(lambda variables, arrays: network.means(variables, arrays))
