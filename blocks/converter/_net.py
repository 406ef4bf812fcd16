"""Layers that converters share: filters along time, recurrent layers, instance norm, codes at a low rate, voices (torch).

What lies beyond an item's end never reaches what is real. Axes: B batch, T frames, S codes, D channels, M mels.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from blocks.common.conditions import Declared

_SMALL = 1e-5


class Voice(nn.Module):
    """The globals of a voice as one vector (B, D): rows of tables for names, layers without bias for vectors."""

    def __init__(self, voices: Declared, width: int):
        super().__init__()
        # Named of_NAME: a global may be called what a module has a method for.
        self.each = nn.ModuleDict(
            {
                f"of_{name}": Vector(each.size, width) if each.size else Table(len(voices.names[name]), width)
                for name, each in voices.globals.items()
            }
        )
        self.width = width

    def forward(self, arrays: dict[str, torch.Tensor], whose: str) -> torch.Tensor:
        made = arrays["mel"].new_zeros(len(arrays["mel"]), self.width)
        for name, layer in self.each.items():
            made = made + layer(arrays[f"{whose}.{name[3:]}"])
        return made


class Vector(nn.Module):
    """Of a unit vector, whose numbers are brought near 1 as all else is."""

    def __init__(self, size: int, width: int):
        super().__init__()
        self.layer, self.scale = nn.Linear(size, width, bias=False), size**0.5

    def forward(self, value_BC: torch.Tensor) -> torch.Tensor:
        return self.layer(self.scale * value_BC)


class Table(nn.Module):
    """Of a name's row; row 0, of no name, is zeros."""

    def __init__(self, count: int, width: int):
        super().__init__()
        self.table = nn.Embedding(count + 1, width, padding_idx=0)

    def forward(self, row_B: torch.Tensor) -> torch.Tensor:
        return self.table(row_B)


class Filters(nn.Module):
    """Convolutions along time, each with a norm and ReLU: over its channels, or over time (`instance`).

    With `residual`, all but the first add to what they are given.
    """

    def __init__(
        self, taken: int, width: int, layers: int, kernel: int, dropout: float, residual: bool, instance: bool = False
    ):
        super().__init__()
        sizes = [taken] + [width] * layers
        self.filters = nn.ModuleList(nn.Conv1d(a, b, kernel, padding=kernel // 2) for a, b in pairwise(sizes))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(0 if instance else layers))
        self.dropout, self.residual = nn.Dropout(dropout), residual

    def forward(self, x_BTD: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
        for number, layer in enumerate(self.filters):
            y_BTD = layer((x_BTD * mask_BT[..., None]).transpose(1, 2)).transpose(1, 2)
            y_BTD = self.norms[number](y_BTD) if self.norms else instance_norm(y_BTD, mask_BT)
            y_BTD = self.dropout(functional.relu(y_BTD))
            x_BTD = x_BTD + y_BTD if self.residual and number else y_BTD
        return x_BTD * mask_BT[..., None]


def instance_norm(x_BTD: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
    """Each channel of an item less its mean over time, over its deviation (Ulyanov 2016), without learnt scale."""
    x_BTD, real = x_BTD.float(), mask_BT[..., None].float()
    count = real.sum(1, keepdim=True)
    centred = (x_BTD - (x_BTD * real).sum(1, keepdim=True) / count) * real
    return centred * torch.rsqrt(centred.square().sum(1, keepdim=True) / count + _SMALL)


class Recurrent(nn.Module):
    """LSTM or GRU along time; a backward one begins at each item's own end. What lies beyond it is zeros."""

    def __init__(self, kind: type[nn.RNNBase], taken: int, width: int, layers: int = 1, both_ways: bool = True):
        super().__init__()
        self.layers = kind(taken, width, layers, batch_first=True, bidirectional=both_ways)

    def forward(self, x_BTD: torch.Tensor, lengths_B: torch.Tensor) -> torch.Tensor:
        packed = pack_padded_sequence(x_BTD, lengths_B.cpu(), batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.layers(packed)[0], batch_first=True, total_length=x_BTD.shape[1])[0]


class RecurrentBlock(nn.Module):
    """A recurrent layer and its way back to the width it was given; with `residual`, added to that."""

    def __init__(
        self, kind: type[nn.RNNBase], width: int, states: int, residual: bool, layers: int = 1, both_ways: bool = True
    ):
        super().__init__()
        self.states = Recurrent(kind, width, states, layers, both_ways)
        self.back, self.residual = nn.Linear(2 * states if both_ways else states, width), residual

    def forward(self, x_BTD: torch.Tensor, lengths_B: torch.Tensor) -> torch.Tensor:
        y_BTD = self.back(self.states(x_BTD, lengths_B))
        return x_BTD + y_BTD if self.residual else y_BTD


def thinned(states_BTD: torch.Tensor, lengths_B: torch.Tensor, every: int) -> torch.Tensor:
    """Codes (B, S, D) of a layer that runs both ways, one for `every` frames, of what each way knows at the end of its stretch.

    The forward half is taken at frames every - 1, 2 every - 1, ..., at an item's last frame at the latest, the backward half at
    0, every, ... (Qian et al. 2019; Karlapati et al. 2020, the temporal bottleneck).
    """
    D = states_BTD.shape[2]
    starts_S = torch.arange(0, states_BTD.shape[1], every, device=states_BTD.device)
    ends_BS = torch.minimum(starts_S + every, lengths_B[:, None]) - 1
    forward = states_BTD[..., : D // 2].gather(1, ends_BS.clamp(min=0)[..., None].expand(-1, -1, D // 2))
    return torch.cat([forward, states_BTD[:, starts_S, D // 2 :]], 2)


def repeated(codes_BSD: torch.Tensor, every: int, frames: int) -> torch.Tensor:
    """(B, T, D): each code over its stretch of frames."""
    return codes_BSD.repeat_interleave(every, 1)[:, :frames]


def spread(vector_BD: torch.Tensor, like_BTD: torch.Tensor) -> torch.Tensor:
    """(B, T, D): a vector at each frame."""
    return vector_BD[:, None].expand(-1, like_BTD.shape[1], -1)


class Scaled(nn.Module):
    """A network over mels, with their means and deviations in buffers."""

    def __init__(self, mels: int):
        super().__init__()
        self.register_buffer("mel_mean", torch.zeros(mels))
        self.register_buffer("mel_std", torch.ones(mels))

    def scaled(self, log_mel: torch.Tensor) -> torch.Tensor:
        return (log_mel - self.mel_mean) / self.mel_std

    def unscaled(self, mel: torch.Tensor) -> torch.Tensor:
        return mel.float() * self.mel_std + self.mel_mean


def over_band(errors_BTM: torch.Tensor, band_BM: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
    """The mean over frames of each frame's mean over the mels that its recording has."""
    of_frames_BT = (errors_BTM * band_BM[:, None]).sum(2) / band_BM.sum(1)[:, None]
    return (of_frames_BT * mask_BT).sum() / mask_BT.sum()
