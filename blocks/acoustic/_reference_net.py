"""Encoders of references, whose codes are added to those of phones (torch).

Encodings are joined to what the phones' encoder gives, as Klimkov et al. 2019 do: they concatenate both, of which the next
linear layer makes a sum; here it is a sum at once, of nothing at first, so that a voice that knows no reference can go on to learn one.
Axes: B batch, N phones, L phones or frames of a reference, C numbers of each, W width of an encoder, D width of the phones, Z latent,
K channels of a picture.
"""

import torch
from torch import nn
from torch.nn import functional

from blocks.common.torch_nn import VariancePredictor, mask_of

_PLACES = 16  # sines and cosines that tell how far along a phone or a frame is
_FIRST_LOG_STD = -2.0


class ReferenceEncoders(nn.Module):
    def __init__(self, declared: dict, width: int):
        super().__init__()
        self.encoders = nn.ModuleDict({f"of_{name}": ReferenceEncoder(each, width) for name, each in declared.items()})

    def forward(
        self, x_BND: torch.Tensor, mask_BN: torch.Tensor, arrays: dict, scaled
    ) -> tuple[torch.Tensor, torch.Tensor, dict]:
        """The phones with it added; with what conditions their prosody alone, too; and of each bottleneck as `kl_NAME` (B, N) its divergence in nats, a whole one's in equal parts.

        `scaled` brings log-mels near -1..1, for those that hear them as they are.
        """
        x_out_BND, manner_BND, found = x_BND, x_BND, {}
        for name, encoder in self.encoders.items():
            name = name[3:]
            values_BLC, lengths_B = arrays[f"references.{name}"], arrays[f"reference_lengths.{name}"]
            latents_BZ = arrays.get(f"reference_latents.{name}")
            added, divergence_BN = encoder(x_BND, mask_BN, values_BLC, lengths_B, scaled, latents_BZ)
            manner_BND = manner_BND + added
            if encoder.of_phones:
                x_out_BND = x_out_BND + added
            if divergence_BN is not None:
                found[f"kl_{name}"] = divergence_BN
        return x_out_BND, manner_BND, found


class ReferenceEncoder(nn.Module):
    def __init__(self, config, width: int):
        super().__init__()
        self.kind, self.of_whole, self.latent = config.kind, config.of_whole, config.latent
        self.of_phones = config.conditions == "phones"
        if config.kind == "utterance_conv":
            self.strided = StridedEncoder(config.size, config.width, config.kernel)
        else:
            self.into = nn.Linear(config.size, config.width)
            self.layers = VariancePredictor(config.width, config.kernel, 0.0, out=config.width)
        self.attention = SecondAttention(width, config.width) if config.kind == "second_attention" else None
        self.code = nn.Linear(config.width, 2 * config.latent) if config.latent else None
        if config.kind == "utterance_conv" and config.latent:  # a mean that is not yet lost in what is drawn around it
            nn.init.constant_(self.code.bias[config.latent :], _FIRST_LOG_STD)
        self.join = nn.Linear(config.latent or config.width, width, bias=False)
        nn.init.zeros_(self.join.weight)

    def forward(
        self, x_BND, mask_BN, values_BLC, lengths_B, scaled=None, latents_BZ=None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        h = self.encode(x_BND, mask_BN, values_BLC, lengths_B, scaled)
        there_B, divergence_BN = lengths_B > 0, None
        if self.code is not None:
            mean, log_std = self.code(h).float().chunk(2, dim=2)
            log_std = log_std.clamp(-6, 3)
            divergence = (0.5 * (mean.square() + torch.expm1(2 * log_std)) - log_std).sum(2)  # (B, N or 1)
            if self.of_whole:
                divergence = divergence / mask_BN.sum(1, keepdim=True)
            divergence_BN = divergence * mask_BN * there_B[:, None]
            h = mean + torch.randn_like(mean) * log_std.exp() if self.training else mean
        if latents_BZ is not None:
            given_B = ~latents_BZ.isnan().any(1)
            h = torch.where(given_B[:, None, None], latents_BZ.nan_to_num()[:, None].to(h.dtype), h)
            there_B = there_B | given_B
        return self.join(h) * there_B[:, None, None], divergence_BN

    def encode(self, x_BND, mask_BN, values_BLC, lengths_B, scaled=None) -> torch.Tensor:
        """(B, N, W), or (B, 1, W) of a whole recording: what lies before the bottleneck."""
        if self.kind == "utterance_conv":
            return self.strided(values_BLC if scaled is None else scaled(values_BLC), lengths_B)[:, None]
        there_BL = mask_of(lengths_B, values_BLC.shape[1])
        h = self.layers(self.into(values_BLC), there_BL) * there_BL[..., None]  # (B, L, W)
        if self.attention is not None:
            return self.attention(x_BND, mask_BN, h, lengths_B)
        return (h.sum(1) / lengths_B.clamp(min=1)[:, None])[:, None] if self.of_whole else h

    def mean(self, values_BLC, lengths_B, scaled=None) -> torch.Tensor:
        """(B, Z): of what a bottleneck hears in whole recordings."""
        return self.code(self.encode(None, None, values_BLC, lengths_B, scaled))[:, 0, : self.latent].float()


class StridedEncoder(nn.Module):
    """Six convolutions over time and channels, each of which halves both, and the last state of a GRU (Skerry-Ryan et al. 2018).

    32, 32, 64, 64, 128, 128 filters and a GRU of 128 as published, for a width of 128. A norm of the filters of each place stands
    for batch norm, so that no item's result hangs on its neighbours; what lies beyond the end of an item reaches none of it.
    """

    def __init__(self, size: int, width: int, kernel: int):
        super().__init__()
        filters = [max(1, width // share) for share in (4, 4, 2, 2, 1, 1)]
        self.filters = nn.ModuleList(
            nn.Conv2d(before, after, kernel, stride=2, padding=kernel // 2)
            for before, after in zip([1, *filters], filters)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(each) for each in filters)
        for _ in filters:
            size = (size + 1) // 2
        self.recurrent = nn.GRU(filters[-1] * size, width, batch_first=True)

    def forward(self, values_BLC: torch.Tensor, lengths_B: torch.Tensor) -> torch.Tensor:
        """(B, W)."""
        x_BKLC = values_BLC[:, None]
        for filter, norm in zip(self.filters, self.norms, strict=True):
            y_BKLC = filter(x_BKLC * mask_of(lengths_B, x_BKLC.shape[2])[:, None, :, None])
            x_BKLC = functional.relu(norm(y_BKLC.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
            lengths_B = (lengths_B + 1) // 2
        steps_BLW = x_BKLC.transpose(1, 2).flatten(2)
        with torch.autocast(steps_BLW.device.type, enabled=False):
            states_BLW, _ = self.recurrent(steps_BLW.float())
        last_B11 = (lengths_B - 1).clamp(min=0)[:, None, None]
        return states_BLW.gather(1, last_B11.expand(-1, -1, states_BLW.shape[2]))[:, 0]


class SecondAttention(nn.Module):
    """Each phone looks for its own frames, by what it is and how far along both are.

    In Klimkov et al. 2019 (after Lee and Kim 2019) the decoder's state asks; here, where there is none, the phones do.
    """

    def __init__(self, width: int, own: int):
        super().__init__()
        self.asks, self.answers = nn.Linear(width + _PLACES, own), nn.Linear(own + _PLACES, own)

    def forward(self, x_BND, mask_BN, h_BLW, lengths_B) -> torch.Tensor:
        """(B, N, W)."""
        asks_BNW = self.asks(torch.cat([x_BND, places(mask_BN.sum(1), x_BND.shape[1]).to(x_BND)], 2))
        answers_BLW = self.answers(torch.cat([h_BLW, places(lengths_B, h_BLW.shape[1]).to(h_BLW)], 2))
        scores_BNL = asks_BNW @ answers_BLW.transpose(1, 2) / answers_BLW.shape[2] ** 0.5
        there_BL = mask_of(lengths_B.clamp(min=1), h_BLW.shape[1])
        return scores_BNL.float().masked_fill(~there_BL[:, None], -1e9).softmax(2).to(h_BLW.dtype) @ h_BLW


def places(lengths_B: torch.Tensor, size: int) -> torch.Tensor:
    """(B, size, P): where each position lies between the ends of its item, as sines and cosines of one to many turns."""
    share_BL = (torch.arange(size, device=lengths_B.device) + 0.5) / lengths_B.clamp(min=1)[:, None]
    turns_P = torch.pi * 2.0 ** torch.arange(_PLACES // 2, device=lengths_B.device)
    angles_BLP = share_BL[..., None] * turns_P
    return torch.cat([angles_BLP.sin(), angles_BLP.cos()], 2)
