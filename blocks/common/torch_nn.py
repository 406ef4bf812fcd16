"""Layers that torch models over phones and frames share. Padding, told by masks, never reaches what is real.

Axes: B batch, N phones, T frames or any positions, D channels, H heads.
"""

import math

import torch
from torch import nn
from torch.nn import functional


def mask_of(lengths_B: torch.Tensor, size: int) -> torch.Tensor:
    """bool (B, size): true where an item has something."""
    return torch.arange(size, device=lengths_B.device) < lengths_B[:, None]


def rotate(x_BHTD: torch.Tensor) -> torch.Tensor:
    """Turn pairs of channels by angles that grow with the position: products of two then tell how far apart they are (Su 2021)."""
    half = x_BHTD.shape[-1] // 2
    speeds = 10000.0 ** (-torch.arange(half, device=x_BHTD.device) / half)
    angles = torch.arange(x_BHTD.shape[2], device=x_BHTD.device)[:, None] * speeds
    cos, sin = angles.cos(), angles.sin()
    a, b = x_BHTD[..., :half], x_BHTD[..., half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class Dropout(nn.Module):
    """Zero a share of the values while training, and make up for them by the others (Srivastava 2014).

    On a CPU it draws a byte for each value, eight to a draw, where PyTorch's own draws a double, which takes a fifth of a
    training step; the share is then one in 256ths, and what makes up for it the inverse of that very share.
    """

    def __init__(self, share: float):
        super().__init__()
        self.share = share

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or not self.share or x.device.type != "cpu":
            return functional.dropout(x, self.share, self.training)
        dropped = min(255, max(1, round(256 * self.share)))
        draws = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        kept = (draws.view(torch.uint8)[: x.numel()] >= dropped).view(x.shape)
        return x * kept.to(x.dtype).mul_(256 / (256 - dropped))


class Attention(nn.Module):
    """Each position looks at all others of its item (Vaswani 2017), at distances told by rotation."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.taken, self.given = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x_BTD: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
        B, T, D = x_BTD.shape
        q, k, v = self.taken(x_BTD).view(B, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        y_BHTD = functional.scaled_dot_product_attention(
            rotate(q).to(v.dtype), rotate(k).to(v.dtype), v, mask_BT[:, None, None]
        )
        return self.given(y_BHTD.transpose(1, 2).reshape(B, T, D))


class ConvNeXt(nn.Module):
    """What a ConvNeXt block adds to its input: depthwise convolution, norm, and a wide layer between two products (Liu et al. 2022).

    As `blocks.vocoder._convnext` in Flax, since each framework trains models of its own, but with dropout, an exact GELU and
    without a gain for each channel.
    """

    def __init__(self, width: int, wide: int, kernel: int, dropout: float):
        super().__init__()
        self.along = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.across = nn.Sequential(nn.Linear(width, wide), nn.GELU(), Dropout(dropout), nn.Linear(wide, width))

    def forward(self, x_BTD: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
        return self.across(self.norm(self._filtered((x_BTD * mask_BT[..., None]).transpose(1, 2)).transpose(1, 2)))

    def _filtered(self, x_BDT: torch.Tensor) -> torch.Tensor:
        if x_BDT.device.type != "cpu":
            return self.along(x_BDT)
        # With channels last in memory, as a picture of one row: Conv1d would put time last and copy.
        weight, pad = self.along.weight[:, :, None], (0, *self.along.padding)
        return functional.conv2d(x_BDT[:, :, None], weight, self.along.bias, padding=pad, groups=len(weight))[:, :, 0]


class Stack(nn.Module):
    """Residual layers, each a convolution, with an attention before it where there are `heads`; a norm at the end."""

    def __init__(self, width: int, wide: int, layers: int, kernel: int, heads: int = 0, dropout: float = 0.0):
        super().__init__()
        self.attentions = nn.ModuleList(Attention(width, heads) for _ in range(layers if heads else 0))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in self.attentions)
        self.convolutions = nn.ModuleList(ConvNeXt(width, wide, kernel, dropout) for _ in range(layers))
        self.dropout, self.norm = Dropout(dropout), nn.LayerNorm(width)

    def forward(self, x_BTD: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
        for layer, convolution in enumerate(self.convolutions):
            if self.attentions:
                x_BTD = x_BTD + self.dropout(self.attentions[layer](self.norms[layer](x_BTD), mask_BT))
            x_BTD = x_BTD + self.dropout(convolution(x_BTD, mask_BT))
        return self.norm(x_BTD)


class VariancePredictor(nn.Module):
    """A few numbers for each position, from its neighbours (Ren 2021, variance predictor)."""

    def __init__(self, width: int, kernel: int, dropout: float, out: int = 1, layers: int = 2):
        super().__init__()
        self.filters = nn.ModuleList(nn.Conv1d(width, width, kernel, padding=kernel // 2) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.dropout, self.out = Dropout(dropout), nn.Linear(width, out)

    def forward(self, x_BTD: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
        """(B, T, out)."""
        for filter, norm in zip(self.filters, self.norms, strict=True):
            x_BTD = filter((x_BTD * mask_BT[..., None]).transpose(1, 2)).transpose(1, 2)
            x_BTD = self.dropout(norm(functional.relu(x_BTD)))
        return self.out(x_BTD)


# ---- from phones to frames ----


def owners(durations_BN: torch.Tensor, frames: int) -> torch.Tensor:
    """int64 (B, frames): the phone that each frame lies in; the last one's number beyond the end."""
    ends_BN = durations_BN.cumsum(1)
    at_BT = torch.arange(frames, device=ends_BN.device, dtype=ends_BN.dtype).expand(len(ends_BN), frames).contiguous()
    return torch.searchsorted(ends_BN, at_BT, right=True).clamp(max=durations_BN.shape[1] - 1)


def regulate_length(x_BND: torch.Tensor, owners_BT: torch.Tensor) -> torch.Tensor:
    """(B, T, D): of each frame, what its phone has (Ren 2019, length regulator)."""
    return x_BND.gather(1, owners_BT[..., None].expand(-1, -1, x_BND.shape[2]))


def gaussian(x_BND: torch.Tensor, durations_BN: torch.Tensor, ranges_BN: torch.Tensor, frames: int) -> torch.Tensor:
    """(B, frames, D): of each frame a mixture of the phones, weighted by how near their middles are (Shen 2020).

    Ranges are standard deviations in frames. What has no frames, as padding, has no weight.
    """
    middles_BN = durations_BN.cumsum(1) - 0.5 * durations_BN
    at_T = torch.arange(frames, device=x_BND.device) + 0.5
    far_BTN = (at_T[:, None] - middles_BN[:, None]) / ranges_BN[:, None]
    # No normalisation by the range: a phone in which a frame lies is not outweighed for being long.
    weights_BTN = (-0.5 * far_BTN.square()).masked_fill((durations_BN == 0)[:, None], -1e9).softmax(2)
    return weights_BTN.to(x_BND.dtype) @ x_BND


def within(durations_BN: torch.Tensor, owners_BT: torch.Tensor) -> torch.Tensor:
    """float32 (B, T, 3): how far into its phone a frame is (0 to 1, and to the middle 0 to 1), and log of the phone's length."""
    starts_BN = durations_BN.cumsum(1) - durations_BN
    start, length = starts_BN.gather(1, owners_BT), durations_BN.gather(1, owners_BT).clamp(min=1)
    at_T = torch.arange(owners_BT.shape[1], device=owners_BT.device) + 0.5
    share = ((at_T - start) / length).clamp(0, 1)
    return torch.stack([share, 1 - (2 * share - 1).abs(), length.float().log()], dim=2)


def since(durations_BN: torch.Tensor, owners_BT: torch.Tensor, count: int) -> torch.Tensor:
    """float32 (B, T, 2 count): sines and cosines of the frames since the phone began, with periods of 4 to 256 frames (Vaswani 2017)."""
    starts_BN = durations_BN.cumsum(1) - durations_BN
    at_T = torch.arange(owners_BT.shape[1], device=owners_BT.device) + 0.5
    periods = 4.0 * 64.0 ** (torch.arange(count, device=owners_BT.device) / max(1, count - 1))
    turns_BTK = (at_T - starts_BN.gather(1, owners_BT))[..., None] / periods * (2 * math.pi)
    return torch.cat([turns_BTK.sin(), turns_BTK.cos()], dim=2)
