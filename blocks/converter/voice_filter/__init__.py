"""Voice Filter: one voice's mel made another's, learnt from pairs that are parallel frame by frame.

A model of speech that obeys durations says what a recording says, frame for frame with it; its mel is `log_mel`, the recording's is
`target_log_mel`. Convolutions 1-3 see the mel, 4-6 also the target's voice and the log-F0 of the conversion; an LSTM that runs forward alone
and a dense layer write the mel. Trained on many voices it is a background filter; a training that starts from that one (`init:`), on a
minute of a new voice under one constant vector (its centroid), is the filter of that voice alone. In such a training batch norms
keep their statistics (`keep_statistics`): a minute has too few of its own. Dev rows, an utterance at least, choose its best step.
Loss is L1 on mels, over the mels that a recording has (`band_hz`). The pitch of training is the recording's, in use the melody of the
synthetic voice in the target's register (`features.moved_pitch`).
Left open by the paper, and ours: ReLU; a recurrent layer twice as wide as the convolutions (1,024 beside 512, as published);
log-F0 interpolated where unvoiced, with voicing beside it; a learnt layer between the voice's vector and the join, which convolution 4
could do as well. With `harmonics` it need not draw them from a number: convolution 4 and the dense layer see the log-mel of a
pulse train of that pitch, as the source of a source-filter model (Wang et al. 2019, neural source-filter). Batch norms count real frames alone. Learning rates of short trainings fall (`cosine_decay`); the paper's are constant.
Axes: B batch, T frames, D width, M mels.
"""

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from blocks.common.conditions import Global, Stream
from blocks.converter._model import Converter, ConverterConfig
from blocks.converter.schema import TrainItem
from blocks.training import Run


class Config(ConverterConfig):
    pitch: bool = True
    phones: Literal[False] = False
    posteriorgram: None = None
    recurrent: PositiveInt | None = None  # width of the LSTM; none: twice that of the convolutions
    dropout: float = Field(0.0, ge=0.0, lt=1.0)
    keep_statistics: bool = True  # of batch norms, in a training that starts from another
    harmonics: bool = (
        False  # of the pitch, as a log-mel, joins with the voice and before the dense layer; not as published
    )
    # Width of a bottleneck behind each convolution (Houlsby et al. 2019): these alone learn in a training that starts from another, and are new there.
    adapters: PositiveInt | None = None
    cosine_decay: bool = False  # the learning rate, along a cosine after `warmup_steps`; not as published
    max_steps: PositiveInt = 1000000

    @model_validator(mode="after")
    def _harmonics_are_of_a_pitch(self):
        if self.harmonics and not self.pitch:
            raise ValueError("harmonics without pitch: there is nothing to make them of, want pitch: true")
        return self


class VoiceFilter(Converter[Config]):
    tiny = Config(
        hidden=12, recurrent=8, globals={"a": Global(), "b": Global()}, streams={"a": Stream(), "b": Stream(classes=3)}, max_steps=4, max_frames=400, warmup_steps=2,
        adversarial_from=3, weights="last", discriminator_windows=(8, 16), discriminator_width=2, val_check_interval=2, checkpoint_interval=2,
    )  # fmt: skip
    paper = "Gabrys et al. 2022 (Voice Filter: Few-shot text-to-speech speaker adaptation using voice conversion as a post-processing module)"
    parallel = True
    limits = (
        "It makes the mel of one synthetic voice another's, and knows no other source. Speaking rate and pauses stay the source's; mels "
        "are smoother than those of recordings. A background filter says voices that it was not trained on as their neighbours."
    )

    def fit(self, run: Run[TrainItem]) -> None:
        import torch

        self._begin(run)
        if run.init:
            self._freeze()
        optimizer = torch.optim.Adam(self.net.parameters())
        for _ in self._trained(run, optimizer, self._rate, self._losses, self._show):
            pass

    def _freeze(self) -> None:
        """What a training that starts from another does not change."""
        if self.config.keep_statistics:
            self.net.keep_statistics()
        if self.config.adapters:
            for name, weight in self.net.named_parameters():
                weight.requires_grad_(".adapters." in name)

    def _take(self, found: dict, where: str) -> None:
        new = {name: value.numpy() for name, value in self.net.state_dict().items() if ".adapters." in name}
        super()._take(new | found, where)

    def _rate(self, step: int) -> float:
        return super()._rate(step) if self.config.cosine_decay else 1.0

    def _network(self):
        from blocks.converter.voice_filter.net import Network

        return Network(self.conditioning, self.config, self.spec.n_mels)

    def _losses(self, model, items: list[TrainItem], frames: int, adversary=None, step: int | None = None) -> dict:
        from blocks.common.torch_nn import mask_of
        from blocks.converter._net import over_band

        arrays = self._tensors(items, frames)
        real, target_log_mel = mask_of(arrays["lengths"], frames), self.net.scaled(arrays["target_log_mel"])
        made = model(arrays)
        parts = {"mel": over_band((made.float() - target_log_mel).abs(), arrays["band"], real)}
        adversarial = self._against(adversary, arrays, real, made, target_log_mel, step or 0)
        weight = self.config.discriminator_weights | {"mel": 1.0}
        loss = sum(weight[name] * value for name, value in (parts | adversarial).items())
        return {"loss": loss} | {f"loss_{name}": value for name, value in (parts | adversarial).items()}
