"""What acoustic models share: the settings of what they are given, training with critics of mels, and the artifact (torch).

A distance to the recordings is content with a smooth mean; critics (`blocks.acoustic._critics`) ask for the detail.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import AfterValidator, Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from blocks.acoustic._inputs import Inputs, grown
from blocks.acoustic._voice import Measures, check_controls, of_phones, padded
from blocks.acoustic.schema import Lesson
from blocks.base import BadItem, C, Trainable
from blocks.common import weights
from blocks.common.checks import check_mel
from blocks.common.conditions import Global, Name, Stream
from blocks.training import Batch, FitConfig, Precision, Run


def _odd(size: int) -> int:
    if size < 1 or size % 2 == 0:
        raise ValueError(f"a kernel of {size} has no middle, want an odd number")
    return size


Kernel = Annotated[int, AfterValidator(_odd)]


class AcousticConfig(FitConfig):
    streams: dict[Name, Stream] = Field(default_factory=dict)  # numbers for each phone, by name
    globals: dict[Name, Global] = Field(default_factory=dict)  # names or vectors for the whole, such as speaker: {}
    hidden: PositiveInt = 192  # width of the layers that encode phones and write mels
    wide: PositiveInt = 576  # between the two layers of a convolution's net
    encoder_layers: PositiveInt = 4
    decoder_layers: PositiveInt = 6
    kernel: Kernel = 7  # phones, or frames, a convolution sees
    heads: PositiveInt = 2  # where a layer attends to all phones, or frames
    dropout: float = Field(0.1, ge=0.0, lt=1.0)
    regulation: Literal["gaussian", "hard"] = "gaussian"  # how phones are spread over their frames
    pitch: bool = True  # said of each phone, predicted or given; training wants it wired, and durations
    energy: bool = True
    predictor_kernel: Kernel = 3
    predictor_dropout: float = Field(0.3, ge=0.0, lt=1.0)
    pitch_weight: NonNegativeFloat = 0.1  # of height and of voicing
    energy_weight: NonNegativeFloat = 0.1
    lr: PositiveFloat = 1e-3
    clip: PositiveFloat = 1.0  # norm of the gradient
    precision: Precision = "float32"  # of the layers in training; losses and attention weights stay in float32
    adversarial_from: PositiveInt | None = None  # the first step with critics; none: the distance alone
    adversarial_weight: NonNegativeFloat = 0.1
    feature_weight: NonNegativeFloat = 0.5
    critic_windows: tuple[PositiveInt, ...] = Field((32, 64, 128), min_length=1)  # frames that each critic sees
    critic_width: PositiveInt = 24
    critic_lr: PositiveFloat = 3e-4

    @model_validator(mode="after")
    def _layers_fit(self):
        if self.hidden % (2 * self.heads):
            raise ValueError(
                f"hidden {self.hidden} is not a multiple of 2 heads, want one such as {4 * self.heads * 32}"
            )
        return self

    @model_validator(mode="after")
    def _smoothest_is_not_best(self):
        if self.adversarial_from and self.weights == "best":
            raise ValueError("adversarial_from with weights: best would keep the smoothest mels, want weights: last")
        return self

    @property
    def loss_weights(self) -> dict[str, float]:
        """What each loss that models share counts; critics learn their own in full."""
        prosody = {"pitch": self.pitch_weight, "voicing": self.pitch_weight, "energy": self.energy_weight}
        return prosody | {"adversarial": self.adversarial_weight, "feature": self.feature_weight, "critic": 1.0}


class AcousticModel(Trainable[C]):
    """A variant adds `_network`, `fit`, `validate` and `apply`; its network is an `AcousticNet`."""

    needs = ("torch",)
    extra = "train"
    wants_durations: ClassVar[bool]  # of what it is trained on, also where it is told neither pitch nor energy

    inputs: Inputs
    net = None  # once there are weights

    def _network(self):
        """A new one, with a row for everything in `inputs`. For a variant to write."""
        raise NotImplementedError

    def length(self, item) -> int:
        return len(item.log_mel) if isinstance(item, Lesson) else len(item.phones)

    def group(self, item: Lesson) -> str:
        speaker = item.globals.get("speaker")
        return speaker if isinstance(speaker, str) else ""

    # ---- training ----

    def _begin(self, run: Run[Lesson]) -> None:
        """A network with a row for every phone and name of the items; what `run.init` knows comes first."""
        import torch

        found, seen, measures = {}, set(), Measures()
        self.inputs = Inputs(self.config.streams, self.config.globals)
        if run.init:
            found, about = weights.read(run.init)
            self.inputs.read(run.init, about, lenient=True)
        for number, item in enumerate(run.items):
            try:
                check_mel(item.log_mel, self.spec)
                self.inputs.meet([item])
                measures.add(item, self._targets(item))
            except BadItem as error:
                start = " ".join(item.phones[:8])
                raise ValueError(f"item {number} to train on ({start} ...): {error}") from None
            seen |= item.streams.keys()
        if unwired := sorted(self.config.streams.keys() - seen):
            raise ValueError(
                f"the settings declare {', '.join(unwired)}, which no item to train on has: wire streams.{unwired[0]}, or "
                "leave it out of the settings"
            )
        torch.manual_seed(run.key(0, "weights"))
        self.net = self._network()
        if found:
            self._take(grown(found, self.net.state_dict()), f"{run.init}")
        else:
            measured = measures.buffers()
            for name, buffer in self.net.named_buffers():
                if name in measured:
                    buffer.copy_(torch.as_tensor(measured[name]))

    def _targets(self, item: Lesson) -> dict[str, np.ndarray]:
        """Durations, and pitch and energy of its phones. Raises BadItem where they are missing or do not fit the recording."""
        pitch, energy = self.config.pitch, self.config.energy
        wanted = {"durations": self.wants_durations or pitch or energy, "pitch": pitch, "energy": energy}
        if absent := [name for name, want in wanted.items() if want and getattr(item, name) is None]:
            raise BadItem(
                f"no {' and '.join(absent)}, want them beside the phones: wire them, or set pitch, energy: false"
            )
        if item.durations is not None:
            check_controls(item.durations, len(item.phones), len(item.log_mel))
        return of_phones(item, pitch, energy)

    def _tensors(self, items: list, beside: list[dict[str, np.ndarray]] | None = None) -> dict:
        """What the network is given, and of the numbers for each phone `beside` those that all items have."""
        arrays = self.inputs.arrays(items)
        for name in set.intersection(*map(set, beside or [{}])):
            arrays[name] = padded([each[name] for each in beside], arrays["phones"].shape[1])
        return {name: self._on_device(value) for name, value in arrays.items()}

    def _trained(
        self,
        run: Run[Lesson],
        optimizer,
        share: Callable[[int], float],
        losses: Callable[..., dict],
        show: Callable[[Run, int, Lesson], None],
    ) -> Iterator[Batch[Lesson]]:
        """Train the network, and give each batch once its step is taken.

        `share` of the learning rates counts at a step. `losses` of (model, items, frames, adversary, step) holds ``loss``;
        its adversary is None but from the step on that critics join. Of each validation the first dev item is shown.
        """
        import torch

        config, model = self.config, run.parallel(self.net)
        rates, against, adversary = {optimizer: config.lr}, {}, None
        if config.adversarial_from:
            from blocks.acoustic._critics import Adversary

            adversary = Adversary(config, run)
            rates[adversary.optimizer] = config.critic_lr
            against = {"critics": adversary.critics, "critic_optimizer": adversary.optimizer}
        run.state(model=self.net, optimizer=optimizer, **against)
        step, shown = 0, set()

        def validated(items: list[Lesson]) -> dict[str, float]:
            if not shown:
                run.image(step, "samples/dev/true", items[0].log_mel)
            if step not in shown:  # the first group of dev items
                shown.add(step)
                show(run, step, items[0])
            return self.validate(items)

        def judged(part: Batch[Lesson]) -> dict:
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

    # ---- the artifact ----

    def save(self, folder: Path) -> None:
        tensors = {name: value.cpu().numpy() for name, value in self.net.state_dict().items()}
        weights.write(folder, tensors, self.inputs.write(folder))

    def load(self, folder: Path) -> None:
        found, about = weights.read(folder)
        self.inputs = Inputs(self.config.streams, self.config.globals)
        self.inputs.read(folder, about)
        self.net = self._network()
        self._take(found, f"{folder}, with {len(self.inputs.phones)} phones")
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
