"""The network of `acoustic.parallel`: phones to frames in one pass (torch).

Axes: B batch, N phones, T frames, D width, M mels.
"""

import torch
from torch import nn

from blocks.acoustic._inputs import Inputs
from blocks.acoustic._net import AcousticNet
from blocks.common.torch_nn import Stack, VariancePredictor, mask_of


class Network(AcousticNet):
    """Says arrays of `Inputs.arrays`."""

    def __init__(self, inputs: Inputs, config, mels: int):
        heads = config.heads if config.attention != "none" else 0
        super().__init__(inputs, config, mels, heads, config.heads if config.attention == "both" else 0)
        width = config.hidden
        shape = {"width": width, "wide": config.wide, "kernel": config.kernel, "dropout": config.dropout}
        self.duration = VariancePredictor(width, config.predictor_kernel, config.predictor_dropout)
        self.postnet = Stack(**shape, layers=config.postnet_layers) if config.postnet_layers else None
        self.post_in = nn.Linear(mels, width) if config.postnet_layers else None
        self.post_out = nn.Linear(width, mels) if config.postnet_layers else None
        self.register_buffer("longest", torch.ones(1))  # phone that was trained on, in frames

    def forward(self, arrays: dict[str, torch.Tensor], frames: int) -> dict[str, torch.Tensor]:
        """With all that training knows: durations, pitch and energy of the phones. Gives what `loss` compares."""
        x, manner, whole, mask_BN, divergences = self.encoded(arrays)
        made = {"duration": self.duration(manner, mask_BN)[..., 0]} | divergences
        x, prosody = self.with_targets(x, manner, mask_BN, arrays)
        return made | prosody | {"mels": self.written(x, whole, arrays["durations"], frames)}

    def written(self, x_BND, whole_B1D, durations_BN, frames: int) -> list[torch.Tensor]:
        """Scaled mels (B, frames, M); the last is the one to use, that of the postnet where there is one."""
        mask_BT = mask_of(durations_BN.sum(1), frames)
        mels = [self.decoded(x_BND, whole_B1D, durations_BN, mask_BT)]
        if self.postnet is not None:
            mels.append(mels[0] + self.post_out(self.postnet(self.post_in(mels[0]), mask_BT)))
        return mels

    def infer(self, arrays: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What apply gives out, of arrays of `controls.arrays` too.

        Given `durations`, `pitch` and `energy` are kept to where they are not negative or NaN; `rates` and `shift` change
        what is predicted.
        """
        x, manner, whole, mask_BN, _ = self.encoded(arrays)
        durations = self.durations(manner, mask_BN, arrays["rates"])
        durations = torch.where(arrays["durations"] >= 0, arrays["durations"], durations) * mask_BN
        x, prosody = self.with_predictions(x, manner, mask_BN, arrays)
        mels = self.written(x, whole, durations, int(durations.sum(1).max()))
        return prosody | {"durations": durations, "mel": self.unscaled(mels[-1])}

    def durations(self, x_BND, mask_BN, rates_BN: torch.Tensor) -> torch.Tensor:
        """int64 (B, N): predicted frames, at least one each. Ends are rounded, so that a rate holds for the whole."""
        logs_BN = self.duration(x_BND, mask_BN)[..., 0].double()
        lengths_BN = torch.expm1(logs_BN.clamp(max=float(self.longest.log1p())))
        ends_BN = ((lengths_BN / rates_BN.where(mask_BN, 1.0)).clamp(min=1.0) * mask_BN).cumsum(1)
        ends_BN = torch.floor(ends_BN + 0.5).long()
        return ends_BN.diff(dim=1, prepend=torch.zeros_like(ends_BN[:, :1])).clamp(min=1)

    # ---- training ----

    def losses(self, made: dict[str, torch.Tensor], arrays: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Each a mean over the frames of the batch: what is said of phones counts as if of their mean length."""
        frames = arrays["durations"].sum()
        mask_BN = mask_of(arrays["tokens"], arrays["phones"].shape[1])
        mask_BT = mask_of(arrays["durations"].sum(1), arrays["mel"].shape[1])
        wanted = self.scaled(arrays["mel"])
        mels = [((mel.float() - wanted).abs().mean(2) * mask_BT).sum() / frames for mel in made["mels"]]
        said_BN, wanted_BN = made["duration"].float(), arrays["durations"].float().log1p()
        late_BN = (said_BN - wanted_BN).square()
        found = {"mel": torch.stack(mels).mean(), "duration": self.mean_of_phones(late_BN, mask_BN, frames)}
        if self.spreads:
            found["duration_spread"] = self.spread_loss(said_BN, wanted_BN, mask_BN, frames)
        return found | self.prosody_losses(made, arrays, frames)
