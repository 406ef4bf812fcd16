"""Parallel acoustic model (torch): phones to durations, pitch and energy, and from these to a log-mel, in one pass.

An encoder sees all phones; three predictors say how long each lasts, how high and how loud it is; phones are then spread
over their frames, as they are or as a mixture of neighbours (`regulation`), and a decoder makes the mel. Durations, pitch and
energy that are given are obeyed, durations to the frame. Streams and globals are declared in the settings: a tag, a note,
a speaker. Layers are ConvNeXt's, with attention before them in the encoder, the decoder or neither.
Where nothing is given, phones are said as fast as `speaking_rate` and `phone_rate` ask together, pauses last as long as
`phone_pause` asks, to the frame, and voiced pitch is moved by `phone_shift`, as far as the voice reaches. Requests of more than 300 phones are said in pieces
that end at silences, full stops where it can be: memory does not grow with a text that has some.
A phone that was not in the training data with this stress is said as the same with another, a silence as another, and some as what is
nearest to them (ʒ as d͡ʒ); other unknown ones are refused. A training that starts from another may bring new phones,
speakers, streams and globals: those begin as the mean of the known, or at zero. Mels learned by L1 alone are smooth, as it is
content with a mean: discriminators of mels, from the step `adversarial_from` on, ask for the detail of recordings.
Axes: B batch, N phones, T frames, M mels.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt

from blocks.acoustic._model import AcousticConfig, AcousticModel
from blocks.acoustic._references import Reference
from blocks.acoustic.parallel import controls
from blocks.acoustic.schema import Controllable, Controlled, TrainItem
from blocks.base import BadItem, Failure
from blocks.common.conditions import Global, Stream
from blocks.common.items import padded
from blocks.common.mel_model import show
from blocks.common.schedule import warmup_cosine
from blocks.training import Run


class Config(AcousticConfig):
    attention: Literal["none", "encoder", "both"] = "encoder"
    postnet_layers: NonNegativeInt = 0
    duration_weight: NonNegativeFloat = 0.3
    warmup_steps: PositiveInt = 200
    weight_decay: NonNegativeFloat = 0.01
    together: PositiveInt = 1  # items a pass says at once; on a CPU more gain little
    max_steps: PositiveInt = 20000
    max_frames: PositiveInt = 6000
    val_check_interval: PositiveInt = 500
    checkpoint_interval: PositiveInt = 500


class Parallel(AcousticModel[Config]):
    tiny = Config(
        hidden=16, wide=32, encoder_layers=1, decoder_layers=1, kernel=3, postnet_layers=1, attention="both",
        streams={"a": Stream(), "b": Stream(classes=3)}, globals={"a": Global(), "b": Global()}, dropout=0.0,
        references={"a": Reference(width=4), "b": Reference(kind="utterance_conv", size=16, width=4, latent=10, kl_until=2, kl_every=2)},
        max_steps=4, max_frames=600, warmup_steps=2, val_check_interval=2, checkpoint_interval=2,
        adversarial_from=3, weights="last", discriminator_windows=(8, 16), discriminator_width=2,
    )  # fmt: skip
    paper = (
        "Ren et al. 2021 (FastSpeech 2); Shen et al. 2020 (Gaussian upsampling); Liu et al. 2022 (the layers); "
        "Yang et al. 2021 (GANSpeech)"
    )
    wants_durations = True
    limits = "Mels are smoother than those of recordings, most of all without discriminators; what is rare in the training data is said poorly."

    # ---- training ----

    def fit(self, run: Run[TrainItem]) -> None:
        import torch

        self._begin(run)
        optimizer = torch.optim.AdamW(self.net.parameters(), betas=(0.9, 0.98), weight_decay=self.config.weight_decay)
        for _ in self._trained(run, optimizer, self._rate, self._losses, self._show):
            pass

    def _losses(self, model, items: list[TrainItem], frames: int, adversary=None, step: int | None = None) -> dict:
        from blocks.common.torch_nn import mask_of

        items, frames = self._at_step(items, frames, step)
        arrays = self._tensors(items, [self._targets(item) for item in items])
        arrays["mel"] = self._on_device(padded([item.log_mel for item in items], frames))
        made = model(arrays, frames)
        parts = self.net.losses(made, arrays)
        if adversary:
            lengths = arrays["durations"].sum(1)
            real = mask_of(lengths, frames)[..., None]
            target = self.net.scaled(arrays["mel"])
            parts |= adversary.losses(target * real, made["mels"][-1] * real, lengths, step)
        weight = self._weights(step)
        loss = sum(weight[name] * value for name, value in parts.items())
        return {"loss": loss} | {f"loss_{name}": value for name, value in parts.items()}

    def _weights(self, step: int | None) -> dict[str, float]:
        return {"mel": 1.0, "duration": self.config.duration_weight} | self.config.weights_at(step)

    def _rate(self, step: int) -> float:
        return warmup_cosine(step, self.config.warmup_steps, self.config.max_steps)

    def _show(self, run: Run[TrainItem], step: int, item: TrainItem) -> None:
        """What the model makes of a dev item's phones, to look at and to listen to."""
        self.net.eval()
        asked = Controlled(phones=item.phones, streams=item.streams, globals=item.globals, references=item.references)
        try:
            self._check_request(asked)
        except BadItem:  # a phone or a voice of dev rows that no train row has
            return
        mel = self._one_pass([asked])[0].log_mel
        show(run, step, mel, self.spec)

    def _network(self):
        from blocks.acoustic.parallel.net import Network

        return Network(self.inputs, self.config, self.spec.n_mels)

    # ---- use ----

    def apply(self, items: list[Controlled]) -> list[Controllable | Failure]:
        """Say the phones. Raises ValueError where there are no weights."""
        if self.net is None:
            raise ValueError("this acoustic model has no weights yet: fit it, or load what a fit has saved")
        made, asked = {}, {}
        for index, item in enumerate(items):
            try:
                self._check_request(item)
                asked[index] = controls.pieces(item, references=self.inputs.references)
            except BadItem as error:
                made[index] = Failure(str(error))
        predictions = self._predict([piece.item for parts in asked.values() for piece in parts])
        for index, parts in asked.items():
            whole = controls.joined(parts, [next(predictions) for _ in parts])
            made[index] = self._reached(items[index], whole)
        return [made[index] for index in range(len(items))]

    def _reached(self, item: Controlled, made: Controllable) -> Controllable | Failure:
        """What was made, with its remark; a failure where it was asked for higher or lower than the voice reaches."""
        try:
            if item.phone_shift is not None and made.phone_pitch is not None:
                controls.check_reach(item.phone_shift, made.phone_pitch, *self.net.reach())
        except BadItem as error:
            return Failure(str(error))
        return made.model_copy(update={"substituted": self.inputs.substituted(item)})

    def _predict(self, items: list[Controlled]) -> Iterator[Controllable]:
        for at in range(0, len(items), self.config.together):
            yield from self._one_pass(items[at : at + self.config.together])

    def _one_pass(self, items: list[Controlled]) -> list[Controllable]:
        import torch

        with torch.inference_mode():
            arrays = self._tensors(items, [controls.arrays(item, self.spec.frame_rate) for item in items])
            made = self.net.infer(arrays)
        made = {name: value.cpu().numpy() for name, value in made.items()}
        return [self._result({name: value[row] for name, value in made.items()}, len(item.phones))
                for row, item in enumerate(items)]  # fmt: skip

    def _result(self, made: dict[str, np.ndarray], phones: int) -> Controllable:
        durations = made["durations"][:phones].astype(np.int32)
        of_each = {f"phone_{name}": made[name][:phones].copy() for name in ("pitch", "energy") if name in made}
        return Controllable(log_mel=made["mel"][: durations.sum()].copy(), durations=durations, **of_each)

    def _check_request(self, item: Controlled) -> None:
        self.inputs.check_request(item)
        controls.check(item, self.spec.frame_rate, self.config.pitch, self.config.energy)
