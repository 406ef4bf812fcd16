"""What models that write log-mels share: their training, alone or with discriminators of mels, and the network that it is about (torch).

A distance to the recordings is content with a smooth mean; discriminators (`blocks.common.discriminators`) ask for the detail.
"""

from collections.abc import Callable, Iterator
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from blocks.base import C, Trainable
from blocks.common import weights
from blocks.common.griffin_lim import griffin_lim
from blocks.spec import AudioSpec
from blocks.training import Batch, FitConfig, Precision, Run


def _odd(size: int) -> int:
    if size < 1 or size % 2 == 0:
        raise ValueError(f"a kernel of {size} has no middle, want an odd number")
    return size


def show(run: Run, step: int, log_mel: np.ndarray, spec: AudioSpec) -> None:
    """What a model makes of a dev item, to look at and, where every value is finite, to listen to."""
    run.image(step, "samples/dev/pred", log_mel)
    if np.isfinite(log_mel).all():
        run.audio(step, "samples/dev/pred", griffin_lim(log_mel, spec, iterations=16))


Kernel = Annotated[int, AfterValidator(_odd)]


class MelConfig(FitConfig):
    lr: PositiveFloat = 1e-3
    clip: PositiveFloat = 1.0  # norm of the gradient
    precision: Precision = "float32"  # of the layers in training; losses and attention weights stay in float32
    adversarial_from: PositiveInt | None = None  # the first step with discriminators; none: the distance alone
    adversarial_weight: NonNegativeFloat = 0.1
    feature_weight: NonNegativeFloat = 0.5
    discriminator_windows: tuple[PositiveInt, ...] = Field(
        (32, 64, 128), min_length=1
    )  # frames that each discriminator sees
    discriminator_width: PositiveInt = 24
    discriminator_lr: PositiveFloat = 3e-4

    @model_validator(mode="after")
    def _smoothest_is_not_best(self):
        if self.adversarial_from and self.weights == "best":
            raise ValueError("adversarial_from with weights: best would keep the smoothest mels, want weights: last")
        return self

    @property
    def discriminator_weights(self) -> dict[str, float]:
        """What the losses with discriminators count; discriminators learn their own in full."""
        return {"adversarial": self.adversarial_weight, "feature": self.feature_weight, "discriminator": 1.0}


class MelModel(Trainable[C]):
    """A kind adds what it is given, a variant `_network`, `_losses`, `fit` and `apply`. Items have a `log_mel`."""

    needs = ("torch",)
    extra = "train"

    net = None  # once there are weights

    def _network(self):
        """A new one, with a row for all symbols that are known. For a variant to write."""
        raise NotImplementedError

    def _losses(self, model, items: list, frames: int, adversary=None, step: int | None = None) -> dict:
        """``loss`` and its parts; `step` is that of a training, none where dev items are judged. For a variant to write."""
        raise NotImplementedError

    def validate(self, items: list) -> dict[str, float]:
        """`_losses` of dev items, with all that they have given."""
        import torch

        self.net.eval()
        with torch.inference_mode():
            numbers = self._losses(self.net, items, max(map(self.length, items)))
        return {name: float(value) for name, value in numbers.items()}

    def _trained(
        self,
        run: Run,
        optimizer,
        share: Callable[[int], float],
        losses: Callable[..., dict],
        show: Callable[[Run, int, object], None],
    ) -> Iterator[Batch]:
        """Train the network, and give each batch once its step is taken.

        `share` of the learning rates counts at a step. `losses` of (model, items, frames, adversary, step) holds ``loss``;
        its adversary is None but from the step on that discriminators join. Of each validation the first dev item is shown.
        """
        import torch

        config, model = self.config, run.parallel(self.net)
        rates, against, adversary = {optimizer: config.lr}, {}, None
        if config.adversarial_from:
            from blocks.common.discriminators import Adversary

            adversary = Adversary(config, run)
            rates[adversary.optimizer] = config.discriminator_lr
            against = {"discriminators": adversary.discriminators, "discriminator_optimizer": adversary.optimizer}
        run.state(model=self.net, optimizer=optimizer, **against)
        step, shown = 0, set()

        def validated(items: list) -> dict[str, float]:
            if not shown:
                run.image(step, "samples/dev/true", items[0].log_mel)
            if step not in shown:  # the first group of dev items
                shown.add(step)
                show(run, step, items[0])
            return self.validate(items)

        def judged(part: Batch) -> dict:
            late = adversary and part.step >= config.adversarial_from
            return losses(model, part.items, part.frames, adversary if late else None, part.step)

        for batch in run.batches(validate=validated):
            step = batch.step
            for each, lr in rates.items():
                each.zero_grad()
                for group in each.param_groups:
                    group["lr"] = lr * share(step)
            self.net.train()
            numbers = run.backward(batch, judged)
            if run.accepts(batch, numbers["loss"]):
                norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), config.clip)
                for each in rates:
                    each.step()
                run.report(step, **numbers, lr=config.lr * share(step), grad_norm=norm)
            yield batch
        self.net.eval()

    def _take(self, found: dict[str, np.ndarray], where: str) -> None:
        import torch

        wanted = {name: tuple(value.shape) for name, value in self.net.state_dict().items()}
        weights.check({name: value.shape for name, value in found.items()}, wanted, where)
        self.net.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in found.items()})
        self.net.to(self.device)

    def _on_device(self, value):
        import torch

        return torch.as_tensor(value).to(next(self.net.parameters()).device)
