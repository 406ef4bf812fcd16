"""What networks of both kinds are at their ends: phones encoded, their prosody, and a mel written of phones that last so long (torch).

Axes: B batch, N phones, T frames, D width, M mels.
"""

import torch
from torch import nn
from torch.nn import functional

from blocks.acoustic._embed import Embed
from blocks.acoustic._inputs import Inputs
from blocks.acoustic._prosody import Arrays, VarianceAdaptor
from blocks.acoustic._reference_net import ReferenceEncoders
from blocks.common.torch_nn import Stack, gaussian, mask_of, owners, regulate_length, since, within

_NARROWEST = 0.5  # frames a Gaussian reaches at least


class AcousticNet(VarianceAdaptor):
    """A variant says how long phones last. It encodes with attention where there are `heads`, and decodes so with `decoder_heads`."""

    def __init__(self, inputs: Inputs, config, mels: int, heads: int, decoder_heads: int = 0):
        super().__init__(config, mels)
        width = config.hidden
        shape = {"width": width, "wide": config.wide, "kernel": config.kernel, "dropout": config.dropout}
        self.embed = Embed(inputs, width)
        self.encoder = Stack(**shape, layers=config.encoder_layers, heads=heads)
        self.references = ReferenceEncoders(config.references, width)
        self.decoder = Stack(**shape, layers=config.decoder_layers, heads=decoder_heads)
        self.range = nn.Linear(width + 1, 1) if config.regulation == "gaussian" else None
        self.place = nn.Linear(3, width)
        self.sinusoids = nn.Linear(2 * config.sinusoids, width, bias=False) if config.sinusoids else None
        self.mel = nn.Linear(width, mels)

    def encoded(self, arrays: Arrays) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, Arrays]:
        """The phones (B, N, D) in their surroundings, with what references say added, as the mel is written of them and as their prosody
        is predicted; the globals (B, 1, D), where phones are (B, N).

        Last the divergences of the references' bottlenecks, for `prosody_losses`.
        """
        mask_BN = mask_of(arrays["tokens"], arrays["phones"].shape[1])
        x_BND, whole_B1D = self.embed(arrays)
        x_BND = self.encoder(x_BND + whole_B1D, mask_BN) + whole_B1D
        x_BND, manner_BND, divergences = self.references(x_BND, mask_BN, arrays, self.scaled_reference)
        return x_BND, manner_BND, whole_B1D, mask_BN, divergences

    def scaled_reference(self, values: torch.Tensor) -> torch.Tensor:
        """A log-mel as the network sees its own; other numbers as they are."""
        return self.scaled(values) if values.shape[2] == len(self.mel_mean) else values

    def decoded(self, x_BND, whole_B1D, durations_BN, mask_BT: torch.Tensor) -> torch.Tensor:
        """The scaled mel (B, T, M), of phones in order; durations are frames, whole ones or not."""
        frames = mask_BT.shape[1]
        owners_BT = owners(durations_BN, frames)
        places_BT3 = within(durations_BN, owners_BT)
        if self.range is None:
            y_BTD = regulate_length(x_BND, owners_BT)
        else:
            lengths = durations_BN[..., None].float().log1p()
            ranges_BN = functional.softplus(self.range(torch.cat([x_BND, lengths], 2)).float())[..., 0] + _NARROWEST
            y_BTD = gaussian(x_BND, durations_BN, ranges_BN, frames)
        y_BTD = y_BTD + self.place(places_BT3) + whole_B1D
        if self.sinusoids is not None:
            y_BTD = y_BTD + self.sinusoids(since(durations_BN, owners_BT, self.sinusoids.in_features // 2))
        return self.mel(self.decoder(y_BTD, mask_BT))

    def scaled(self, log_mel: torch.Tensor) -> torch.Tensor:
        return (log_mel - self.mel_mean) / self.mel_std

    def unscaled(self, mel: torch.Tensor) -> torch.Tensor:
        return mel.float() * self.mel_std + self.mel_mean
