"""The network of `converter.autovc` (torch).

Axes: B batch, T frames, D width, C numbers of a code, M mels.
"""

import itertools

import torch
from torch import nn
from torch.nn import functional

from blocks.common.torch_nn import mask_of
from blocks.converter._conditioning import Conditioning
from blocks.converter._net import Filters, Recurrent, RecurrentBlock, Scaled, Voice, repeated, spread, thinned

_LAYERS = 3  # convolutions of encoder and decoder, and recurrent layers of the decoder
_POSTNET = 5
Arrays = dict[str, torch.Tensor]


class Network(Scaled):
    def __init__(self, given: Conditioning, config, mels: int):
        super().__init__(mels)
        width, self.every = config.hidden, config.every
        filters = {"width": width, "layers": _LAYERS, "kernel": config.kernel, "dropout": config.dropout}
        filters["residual"] = config.residual
        self.voice = Voice(given.voices, width)
        conditioning = width + given.beside + (given.classes or 0)
        self.mel_filters = Filters(mels + width, **filters)
        self.mel_states = Recurrent(nn.LSTM, width, config.codes, layers=2)
        self.filters = Filters(2 * config.codes + conditioning, **filters)
        self.states = RecurrentBlock(nn.LSTM, width, config.recurrent, config.residual, _LAYERS, both_ways=False)
        self.out = nn.Linear(width, mels)
        sizes = [mels] + [width] * (_POSTNET - 1) + [mels]
        self.postnet = nn.ModuleList(
            nn.Conv1d(a, b, config.kernel, padding=config.kernel // 2) for a, b in itertools.pairwise(sizes)
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, arrays: Arrays) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Scaled mels (B, T, M) before and after the postnet; at each frame (B, T, 2C) its code, and that of what was made."""
        mel = self.scaled(arrays["mel"])
        code = self.coded(mel, arrays)
        coarse, fine = self.decoded(code, arrays)
        return coarse, fine, code, self.coded(fine, arrays)

    def converted(self, arrays: Arrays) -> torch.Tensor:
        """The mel (B, T, M) under the target's voice."""
        return self.unscaled(self.decoded(self.coded(self.scaled(arrays["mel"]), arrays), arrays)[1])

    def coded(self, mel_BTM: torch.Tensor, arrays: Arrays) -> torch.Tensor:
        mel_BTM = mel_BTM * arrays["band"][:, None]
        voice_BTD = spread(self.voice(arrays, "source"), mel_BTM)
        x_BTD = self.mel_filters(torch.cat([mel_BTM, voice_BTD], 2), self._mask(arrays))
        codes = thinned(self.mel_states(x_BTD, arrays["lengths"]), arrays["lengths"], self.every)
        return repeated(codes, self.every, mel_BTM.shape[1])

    def decoded(self, code_BTC: torch.Tensor, arrays: Arrays) -> tuple[torch.Tensor, torch.Tensor]:
        mask_BT = self._mask(arrays)
        beside = [arrays[name] for name in ("beside", "posteriorgram") if name in arrays]
        x_BTD = torch.cat([code_BTC, spread(self.voice(arrays, "target"), code_BTC), *beside], 2)
        coarse_BTM = self.out(self.states(self.filters(x_BTD, mask_BT), arrays["lengths"]))
        y_BTM = coarse_BTM
        for number, layer in enumerate(self.postnet):
            y_BTM = layer((y_BTM * mask_BT[..., None]).transpose(1, 2)).transpose(1, 2)
            y_BTM = self.dropout(functional.relu(y_BTM)) if number < _POSTNET - 1 else y_BTM
        return coarse_BTM, coarse_BTM + y_BTM

    def _mask(self, arrays: Arrays) -> torch.Tensor:
        return mask_of(arrays["lengths"], arrays["mel"].shape[1])
