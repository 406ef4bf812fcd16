"""What converters share: the settings of their conditioning, how training begins and goes, and the artifact (torch)."""

from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from blocks.base import BadItem, C, Failure
from blocks.common import weights
from blocks.common.conditions import Global, Name, Stream, undeclared
from blocks.common.mel_model import Kernel, MelConfig, MelModel, show
from blocks.common.moments import Moments
from blocks.common.schedule import warmup_cosine
from blocks.converter._conditioning import Conditioning
from blocks.converter.schema import Conversion, Converted, TrainItem
from blocks.training import Run

TABLES = (".table.weight", "phones.weight")  # whose rows are symbols


class ConverterConfig(MelConfig):
    globals: dict[Name, Global] = Field(default_factory=dict)  # of a voice, such as voice: {size: 256} or speaker: {}
    streams: dict[Name, Stream] = Field(default_factory=dict)  # numbers for each frame, by name
    pitch: bool = False  # of each frame: melody and register, and voicing
    phones: bool = False  # and when each is said
    posteriorgram: PositiveInt | None = None  # how many classes it has; none: there is none
    hidden: PositiveInt = 128
    kernel: Kernel = 5  # frames a convolution sees
    dropout: float = Field(0.1, ge=0.0, lt=1.0)
    residual: bool = False  # layers add to what they are given, which learns in fewer steps; not as published
    warmup_steps: PositiveInt = 200
    together: PositiveInt = 8  # items a pass converts at once
    max_steps: PositiveInt = 10000
    max_frames: PositiveInt = 2560
    val_check_interval: PositiveInt = 500
    checkpoint_interval: PositiveInt = 250
    lr: PositiveFloat = 1e-3


class Converter(MelModel[C]):
    """A variant adds `_network` and `_losses`. Its network's `forward(arrays)` is for those; `converted(arrays)` gives a mel (B, T, M)."""

    parallel: ClassVar[bool] = False  # whether it learns from pairs of mels, `target_log_mel` beside `log_mel`
    conditioning: Conditioning

    @classmethod
    def check_wiring(cls, config, wired: dict):
        return undeclared(config, wired)

    # ---- training ----

    def fit(self, run: Run[TrainItem]) -> None:
        import torch

        self._begin(run)
        optimizer = torch.optim.Adam(self.net.parameters(), betas=(0.9, 0.98))
        for _ in self._trained(run, optimizer, self._rate, self._losses, self._show):
            pass

    def _begin(self, run: Run[TrainItem]) -> None:
        """A network with a row for every phone and name of the items; what `run.init` knows comes first."""
        import torch

        found, seen, moments, narrow = {}, set(), Moments(), Moments()
        self.conditioning = Conditioning.of(self.config, self.spec, self.parallel)
        if run.init:
            found, about = weights.read(run.init)
            self.conditioning.read(run.init, about, lenient=True)
        for number, item in enumerate(run.survey()):
            try:
                self.conditioning.meet([item])
            except BadItem as error:
                raise ValueError(f"item {number} to train on: {error}") from None
            seen |= item.streams.keys()
            (moments if self.conditioning.has_full_band(item) else narrow).add(
                item.target_log_mel if self.parallel else item.log_mel
            )
        self.conditioning.streams.all_wired(seen)
        torch.manual_seed(run.key(0, "weights"))
        self.net = self._network()
        if found:
            self._take(grown(found, self.net.state_dict()), f"{run.init}")
            return
        measured = moments if moments.count else narrow  # what lies above a band would count as silence
        self.net.mel_mean.copy_(torch.from_numpy(measured.mean.astype(np.float32)))
        self.net.mel_std.copy_(torch.from_numpy(measured.std.astype(np.float32)))
        self.net.to(self.device)

    def _rate(self, step: int) -> float:
        return warmup_cosine(step, self.config.warmup_steps, self.config.max_steps)

    def _tensors(self, items: list, frames: int) -> dict:
        return {name: self._on_device(value) for name, value in self.conditioning.arrays(items, frames).items()}

    def _against(self, adversary, arrays: dict, real, made, mel, step: int) -> dict:
        """What discriminators say of `made` beside `mel`, both scaled, in the bands that were recorded."""
        if not adversary:
            return {}
        seen = real[..., None] * arrays["band"][:, None]
        found = adversary.losses(mel * seen, made.float() * seen, arrays["lengths"], step)
        return {name: found[name] for name in self.config.discriminator_weights}

    def _show(self, run: Run[TrainItem], step: int, item: TrainItem) -> None:
        """A dev item under its own voice, to look at and to listen to."""
        asked = Conversion(
            **{name: getattr(item, name) for name in Conversion.model_fields if name != "target"}, target=item.source
        )
        (made,) = self.apply([asked])
        if isinstance(made, Failure):  # a phone or a voice of dev rows that no train row has
            return
        show(run, step, made.log_mel, self.spec)

    def length(self, item) -> int:
        return len(item.log_mel)

    # ---- use ----

    def apply(self, items: list[Conversion]) -> list[Converted | Failure]:
        """Raises ValueError where there are no weights."""
        if self.net is None:
            raise ValueError("this converter has no weights yet: fit it, or load what a fit has saved")
        made, good = {}, []
        for index, item in enumerate(items):
            try:
                self.conditioning.can_be_converted(item)
                good.append(index)
            except BadItem as error:
                made[index] = Failure(str(error))
        good.sort(key=lambda index: self.length(items[index]))  # those of a pass are about equally long
        for at in range(0, len(good), self.config.together):
            some = good[at : at + self.config.together]
            made.update(zip(some, self._pass([items[index] for index in some]), strict=True))
        return [made[index] for index in range(len(items))]

    def _pass(self, items: list[Conversion]) -> list[Converted]:
        import torch

        self.net.eval()
        with torch.inference_mode():
            mels = self.net.converted(self._tensors(items, max(map(self.length, items)))).cpu().numpy()
        return [Converted(log_mel=mel[: self.length(item)].copy()) for mel, item in zip(mels, items, strict=True)]

    # ---- the artifact ----

    def save(self, folder: Path) -> None:
        tensors = {name: value.cpu().numpy() for name, value in self.net.state_dict().items()}
        weights.write(folder, tensors, self.conditioning.write(folder))

    def load(self, folder: Path) -> None:
        found, about = weights.read(folder)
        self.conditioning = Conditioning.of(self.config, self.spec, self.parallel)
        self.conditioning.read(folder, about)
        self.net = self._network()
        self._take(found, f"{folder}")
        self.net.eval()


def grown(found: dict[str, np.ndarray], wanted: dict) -> dict[str, np.ndarray]:
    """Weights for more phones and names: new rows of a table are the mean of the known."""
    found = dict(found)
    for name, value in wanted.items():
        known, rows = found.get(name), len(value) if value.ndim else 0
        if known is not None and name.endswith(TABLES) and 1 < len(known) < rows:
            found[name] = weights.more_rows(known, rows)
    return found
