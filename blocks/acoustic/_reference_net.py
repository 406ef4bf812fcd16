"""Encoders of references, and how phones are told what these say (torch).

Encodings are joined to what the phones' encoder gives, as Klimkov et al. 2019 do: they concatenate both, of which the next
linear layer makes a sum; here it is a sum at once, of nothing at first, so that a voice that knows no reference can go on to learn one.
Axes: B batch, N phones, L phones or frames of a reference, C numbers of each, W width of an encoder, D width of the phones, Z latent.
"""

import torch
from torch import nn

from blocks.common.torch_nn import Predictor, mask_of

_PLACES = 16  # sines and cosines that tell how far along a phone or a frame is


class ReferenceEncoders(nn.Module):
    def __init__(self, declared: dict, width: int):
        super().__init__()
        self.encoders = nn.ModuleDict({f"of_{name}": ReferenceEncoder(each, width) for name, each in declared.items()})

    def forward(self, x_BND: torch.Tensor, mask_BN: torch.Tensor, arrays: dict) -> tuple[torch.Tensor, dict]:
        """The phones, told; and of each bottleneck as `kl_NAME` (B, N) its divergence in nats, a whole one's in equal parts."""
        told_BND, found = x_BND, {}
        for name, encoder in self.encoders.items():
            name = name[3:]
            said, divergence_BN = encoder(
                x_BND, mask_BN, arrays[f"references.{name}"], arrays[f"reference_lengths.{name}"]
            )
            told_BND = told_BND + said
            if divergence_BN is not None:
                found[f"kl_{name}"] = divergence_BN
        return told_BND, found


class ReferenceEncoder(nn.Module):
    def __init__(self, config, width: int):
        super().__init__()
        self.kind, self.latent = config.kind, config.latent
        self.into = nn.Linear(config.size, config.width)
        self.layers = Predictor(config.width, config.kernel, 0.0, out=config.width)
        self.attention = SecondAttention(width, config.width) if config.kind == "second_attention" else None
        self.code = nn.Linear(config.width, 2 * config.latent) if config.latent else None
        self.join = nn.Linear(config.latent or config.width, width, bias=False)
        nn.init.zeros_(self.join.weight)

    def forward(self, x_BND, mask_BN, values_BLC, lengths_B) -> tuple[torch.Tensor, torch.Tensor | None]:
        there_BL = mask_of(lengths_B, values_BLC.shape[1])
        h = self.layers(self.into(values_BLC), there_BL) * there_BL[..., None]  # (B, L, W)
        if self.attention is not None:
            h = self.attention(x_BND, mask_BN, h, lengths_B)  # (B, N, W)
        elif self.kind == "utterance":
            h = (h.sum(1) / lengths_B.clamp(min=1)[:, None])[:, None]  # (B, 1, W)
        divergence_BN = None
        if self.code is not None:
            mean, log_std = self.code(h).float().chunk(2, dim=2)
            log_std = log_std.clamp(-6, 3)
            divergence = (0.5 * (mean.square() + torch.expm1(2 * log_std)) - log_std).sum(2)  # (B, N or 1)
            if self.kind == "utterance":
                divergence = divergence / mask_BN.sum(1, keepdim=True)
            divergence_BN = divergence * mask_BN * (lengths_B > 0)[:, None]
            h = mean + torch.randn_like(mean) * log_std.exp() if self.training else mean
        return self.join(h) * (lengths_B > 0)[:, None, None], divergence_BN


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
