"""The network of `converter.voice_filter` (torch).

Axes: B batch, T frames, D width, M mels, F bins.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from blocks.common.mel import mel_filters
from blocks.common.torch_nn import mask_of
from blocks.converter._conditioning import MIDDLE, WIDTH, Conditioning
from blocks.converter._net import Scaled, Voice, spread

_LAYERS = 3  # convolutions before the voice joins, and after
_VALLEY = 0.01  # between two harmonics, of the mean: as deep as noise leaves it
Arrays = dict[str, torch.Tensor]


class Network(Scaled):
    def __init__(self, given: Conditioning, config, mels: int):
        super().__init__(mels)
        width, states = config.hidden, config.recurrent or 2 * config.hidden
        self.voice = Voice(given.voices, width)
        settings = (width, config.kernel, config.dropout, config.residual, config.adapters)
        self.before = Filters(mels, *settings)
        self.harmonics = Harmonics(given.spec) if config.harmonics else None
        more = mels if config.harmonics else 0
        self.after = Filters(2 * width + given.beside + more, *settings)
        self.states = nn.LSTM(width, states, batch_first=True)
        self.out = nn.Linear(states + more, mels)
        self.residual = config.residual

    def forward(self, arrays: Arrays) -> torch.Tensor:
        """The scaled mel (B, T, M) of the target."""
        mask_BT, mel_BTM = mask_of(arrays["lengths"], arrays["mel"].shape[1]), self.scaled(arrays["mel"])
        x_BTD = self.before(mel_BTM, mask_BT)
        pitches = [arrays["beside"]] if "beside" in arrays else []
        combs = [self.harmonics(arrays["beside"])] if self.harmonics else []
        x_BTD = torch.cat([x_BTD, spread(self.voice(arrays, "target"), x_BTD), *pitches, *combs], 2)
        states_BTD = self.states(self.after(x_BTD, mask_BT))[0]
        made_BTM = self.out(torch.cat([states_BTD, *combs], 2))
        return made_BTM + mel_BTM if self.residual else made_BTM

    def converted(self, arrays: Arrays) -> torch.Tensor:
        return self.unscaled(self(arrays))

    def keep_statistics(self) -> None:
        """Batch norms use what they have measured in training too, and measure no more."""
        for layer in self.modules():
            if isinstance(layer, Norm):
                layer.kept = True


class Norm(nn.Module):
    """Batch norm of channels (Ioffe and Szegedy 2015) over rows (N, D): PyTorch's own, which counts batches besides, keeps no number of them here."""

    def __init__(self, width: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))
        self.kept = False

    def forward(self, x_ND: torch.Tensor) -> torch.Tensor:
        measures = self.training and not self.kept
        return functional.batch_norm(
            x_ND.float(), self.running_mean, self.running_var, self.weight, self.bias, measures
        )


class Harmonics(nn.Module):
    """What a pulse train of the pitch has for a log-mel (B, T, M), over its mean level; 0 where nothing is voiced.

    A harmonic stands in the spectrum as the main lobe of the Hann window, which is four bins of the window's length wide (Harris
    1978) and here a raised cosine.
    """

    def __init__(self, spec):
        super().__init__()
        filters_FM = torch.from_numpy(mel_filters(spec).copy())
        self.register_buffer("filters", filters_FM / filters_FM.sum(0), persistent=False)
        hz_F = torch.arange(spec.n_fft // 2 + 1) * (spec.sample_rate / spec.n_fft)
        self.register_buffer("hz", hz_F, persistent=False)
        self.seconds = spec.win_length / spec.sample_rate

    def forward(self, beside_BTC: torch.Tensor) -> torch.Tensor:
        f0_BT1 = torch.exp(beside_BTC[..., :1].float() * WIDTH + MIDDLE)
        nearest_BTF = f0_BT1 * (self.hz / f0_BT1).round().clamp(min=1)
        apart_BTF = (self.seconds * (self.hz - nearest_BTF)).clamp(-2, 2)
        comb_BTM = torch.cos(torch.pi / 4 * apart_BTF).square() @ self.filters
        level_BT1 = comb_BTM.mean(2, keepdim=True)
        return torch.log(comb_BTM / level_BT1 + _VALLEY) * beside_BTC[..., 1:2]


class Filters(nn.Module):
    """Convolutions along time, each with a batch norm over real frames and ReLU; with `residual`, all but the first add to what they are given."""

    def __init__(self, taken: int, width: int, kernel: int, dropout: float, residual: bool, adapters: int | None):
        super().__init__()
        sizes = [taken] + [width] * _LAYERS
        self.filters = nn.ModuleList(nn.Conv1d(a, b, kernel, padding=kernel // 2) for a, b in pairwise(sizes))
        self.norms = nn.ModuleList(Norm(width) for _ in range(_LAYERS))
        self.adapters = nn.ModuleList(Adapter(width, adapters) for _ in range(_LAYERS if adapters else 0))
        self.dropout, self.residual = nn.Dropout(dropout), residual

    def forward(self, x_BTD: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
        """Zeros beyond an item's end."""
        x_BTD = x_BTD * mask_BT[..., None]
        for number, (layer, norm) in enumerate(zip(self.filters, self.norms, strict=True)):
            y_BTD = layer(x_BTD.transpose(1, 2)).transpose(1, 2)
            real_ND = self.dropout(functional.relu(norm(y_BTD[mask_BT])))
            real_ND = self.adapters[number](real_ND) if self.adapters else real_ND
            y_BTD = torch.zeros_like(y_BTD, dtype=real_ND.dtype).masked_scatter(mask_BT[..., None], real_ND)
            x_BTD = x_BTD + y_BTD if self.residual and number else y_BTD
        return x_BTD


class Adapter(nn.Module):
    """A bottleneck beside rows (N, D), which adds nothing as long as it has not learnt (Houlsby et al. 2019)."""

    def __init__(self, width: int, states: int):
        super().__init__()
        self.down, self.up = nn.Linear(width, states), nn.Linear(states, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x_ND: torch.Tensor) -> torch.Tensor:
        return x_ND + self.up(functional.relu(self.down(x_ND)))
