"""CopyCat: what is said comes from phones, how it is said from a narrow code of the recording, who says it from the target.

A phone encoder runs on phones already repeated to frames, by the third of a phone that a frame is in; a reference encoder hears the
mel, without each channel's level and spread, and leaves one code of a few numbers for every `every` frames, a variational one;
a decoder makes the mel of both, the target's voice and the source's pitch. In conversion both encoders are conditioned on the source's
voice, the decoder the target's. The pitch given is that of the conversion: moved to the target's mean beforehand (`features.moved_pitch`).
Training is L1 and the KL divergence of the codes, which counts in full from `kl_steps` on: with both divided by the mel's size,
their sum is the bound of a Laplace likelihood. Discriminators of mels may join (`adversarial_from`); a training on the target alone,
from these weights (`init:`), comes last. A KL of a dimension near 0 (`kl_00` and on, of validation) is one that carries nothing.
Widths are unknown from the papers. Ours: layer norm in the place of batch norm, so that no item's result hangs on its
neighbours; codes sampled at their own rate; least-squares discriminators at several lengths for the paper's one with hinge loss.
Axes: B batch, T frames, S codes, D width, M mels.
"""

from typing import Literal

from pydantic import NonNegativeFloat, PositiveInt

from blocks.arrays import FrameVectors
from blocks.base import BadItem, Failure, Schema
from blocks.common.conditions import Global, Stream
from blocks.common.schedule import ramp
from blocks.converter._model import Converter, ConverterConfig
from blocks.converter.schema import Recorded, TrainItem


class Config(ConverterConfig):
    pitch: bool = True
    phones: bool = True
    codes: PositiveInt = 8  # numbers each way in a code; too few lose prosody, too many keep the speaker
    every: PositiveInt = 16  # frames a code stands for
    kl_weight: NonNegativeFloat = 1.0
    kl_steps: PositiveInt = 2000  # until the KL counts in full
    phone_voice: Literal["source", "target", "none"] = (
        "source"  # which the encoder of the decoder's phones is conditioned on
    )


class Codes(Schema):
    frame_vectors: FrameVectors  # (S, 2 x codes), a row for every `every` frames


class Copycat(Converter[Config]):
    tiny = Config(
        hidden=12, codes=2, every=4, globals={"a": Global(), "b": Global()}, streams={"a": Stream(), "b": Stream(classes=3)}, dropout=0.0, max_steps=4, max_frames=400, warmup_steps=2, kl_steps=2,
        adversarial_from=3, weights="last", discriminator_windows=(8, 16), discriminator_width=2, val_check_interval=2, checkpoint_interval=2,
    )  # fmt: skip
    paper = "Karlapati et al. 2020 (CopyCat); Huybrechts et al. 2021, Ribeiro et al. 2022 (source F0, voice at both encoders)"
    limits = "Voices unlike all of the training data come out as their neighbours; mels are smoother than recordings."

    def _network(self):
        from blocks.converter.copycat.net import Network

        return Network(self.conditioning, self.config, self.spec.n_mels)

    def _losses(self, model, items: list[TrainItem], frames: int, adversary=None, step: int | None = None) -> dict:
        from blocks.common.torch_nn import mask_of
        from blocks.converter._net import over_band

        arrays = self._tensors(items, frames)
        real, mel = mask_of(arrays["lengths"], frames), self.net.scaled(arrays["mel"])
        made, kl_BSD = model(arrays)
        parts = {"mel": over_band((made.float() - mel).abs(), arrays["band"], real)}
        each_D = kl_BSD.sum((0, 1)) / real.sum()  # nats a frame
        parts["kl"] = each_D.sum() / mel.shape[2]
        adversarial = self._against(adversary, arrays, real, made, mel, step or 0)
        weight = self.config.discriminator_weights | {"mel": 1.0, "kl": self.config.kl_weight * self._annealed(step)}
        loss = sum(weight[name] * value for name, value in (parts | adversarial).items())
        numbers = {"loss": loss} | {f"loss_{name}": value for name, value in (parts | adversarial).items()}
        if step is None:  # nats a code, of each dimension: a probe of what the codes carry
            numbers |= {f"kl_{number:02d}": value * self.config.every for number, value in enumerate(each_D)}
        return numbers

    def encode(self, items: list[Recorded]) -> list[Codes | Failure]:
        """The means of a recording's codes: how it is said, as the decoder is told it. Raises ValueError where there are no weights."""
        import torch

        if self.net is None:
            raise ValueError("this converter has no weights yet: fit it, or load what a fit has saved")
        made = []
        for item in items:
            try:
                self.conditioning.can_be_converted(item)
            except BadItem as error:
                made.append(Failure(str(error)))
                continue
            self.net.eval()
            with torch.inference_mode():
                (codes_SC,) = self.net.codes(self._tensors([item], len(item.log_mel)))[0].cpu().numpy()
            made.append(Codes(frame_vectors=codes_SC))
        return made

    def _annealed(self, step: int | None) -> float:
        return 1.0 if step is None else ramp(step, 0, self.config.kl_steps)
