"""AutoVC: what is said comes through a bottleneck that is too narrow for the voice, who says it from the target. No text is known.

An encoder hears the mel and the source's voice and leaves a code of `codes` numbers each way for every `every` frames; a decoder
makes the mel of the codes and the target's voice, a postnet adds detail. The size of the code is all that keeps the voice out.
Training is the squared distance of the mel, before and after the postnet, and how far the code of what was made is from the
code of the recording. Ours: layer norm in the place of batch norm, so that no item's result hangs on its neighbours; the bottleneck
of Merritt et al. 2022 (8 numbers, 16 frames; first published: 32, 32).
Axes: B batch, T frames, M mels.
"""

from typing import Literal

from pydantic import NonNegativeFloat, PositiveInt

from blocks.common.conditions import Global, Stream
from blocks.converter._model import Converter, ConverterConfig
from blocks.converter.schema import TrainItem


class Config(ConverterConfig):
    phones: Literal[False] = False
    codes: PositiveInt = 8  # numbers each way in a code
    every: PositiveInt = 16  # frames a code stands for
    recurrent: PositiveInt = 256  # width of the decoder's recurrent layers
    code_weight: NonNegativeFloat = 1.0  # of the distance between codes


class Autovc(Converter[Config]):
    tiny = Config(
        hidden=12, recurrent=8, codes=2, every=4, globals={"a": Global(), "b": Global()}, streams={"a": Stream(), "b": Stream(classes=3)}, dropout=0.0, max_steps=4, max_frames=400, warmup_steps=2,
        adversarial_from=3, weights="last", discriminator_windows=(8, 16), discriminator_width=2, val_check_interval=2, checkpoint_interval=2,
    )  # fmt: skip
    paper = "Qian et al. 2019 (AutoVC); Merritt et al. 2022 (the bottleneck)"
    limits = "Words are lost where the bottleneck is narrow, the source's voice is left where it is wide."

    def _network(self):
        from blocks.converter.autovc.net import Network

        return Network(self.conditioning, self.config, self.spec.n_mels)

    def _losses(self, model, items: list[TrainItem], frames: int, adversary=None, step: int | None = None) -> dict:
        from blocks.common.torch_nn import mask_of
        from blocks.converter._net import over_band

        arrays = self._tensors(items, frames)
        real, mel, band = mask_of(arrays["lengths"], frames), self.net.scaled(arrays["mel"]), arrays["band"]
        coarse, made, code, again = model(arrays)
        parts = {
            "mel": over_band((made.float() - mel).square(), band, real),
            "coarse": over_band((coarse.float() - mel).square(), band, real),
            # A code stands for its stretch of frames: the mean over frames, however a batch is split.
            "code": ((again - code).float().abs().mean(2) * real).sum() / real.sum(),
        }
        adversarial = self._against(adversary, arrays, real, made, mel, step or 0)
        weight = self.config.discriminator_weights | {"mel": 1.0, "coarse": 1.0, "code": self.config.code_weight}
        loss = sum(weight[name] * value for name, value in (parts | adversarial).items())
        return {"loss": loss} | {f"loss_{name}": value for name, value in (parts | adversarial).items()}
