"""The network of `converter.copycat` (torch).

Axes: B batch, T frames, S codes, D width, C numbers of a code, M mels.
"""

import torch
from torch import nn

from blocks.common.torch_nn import mask_of
from blocks.converter._conditioning import STATES, Conditioning
from blocks.converter._net import Filters, Recurrent, RecurrentBlock, Scaled, Voice, repeated, spread, thinned

_LAYERS = 3  # convolutions before each recurrent layer
Arrays = dict[str, torch.Tensor]


class Network(Scaled):
    def __init__(self, given: Conditioning, config, mels: int):
        super().__init__(mels)
        width, self.every, self.phone_voice = config.hidden, config.every, config.phone_voice
        filters = {"width": width, "layers": _LAYERS, "kernel": config.kernel, "dropout": config.dropout}
        filters["residual"] = config.residual
        self.voice = Voice(given.voices, width)
        # A row a phone, so that more phones are more rows; of it the third that the state has.
        self.phones = (
            nn.Embedding(len(given.voices.phones) + 1, STATES * width, padding_idx=0) if given.spoken else None
        )
        self.classes = nn.Linear(given.classes, width, bias=False) if given.classes else None
        self.phone_filters = Filters(2 * width, **filters)
        self.phone_states = RecurrentBlock(nn.LSTM, width, width // 2, config.residual)
        self.mel_filters = Filters(mels + width, **filters, instance=True)
        self.mel_states = Recurrent(nn.GRU, 3 * width, config.codes)
        self.code = nn.Linear(2 * config.codes, 4 * config.codes)
        taken = 2 * width + 2 * config.codes + given.beside
        self.filters, self.states = (
            Filters(taken, **filters),
            RecurrentBlock(nn.GRU, width, width // 2, config.residual),
        )
        self.out = nn.Linear(width, mels)

    def forward(self, arrays: Arrays) -> tuple[torch.Tensor, torch.Tensor]:
        """The scaled mel (B, T, M) of sampled codes, and their KL divergence from the prior (B, S, C), nothing beyond an end."""
        mean_BSC, log_var_BSC = self.codes(arrays)
        drawn = mean_BSC + (0.5 * log_var_BSC).exp() * torch.randn_like(mean_BSC) if self.training else mean_BSC
        real_BS = mask_of(-(-arrays["lengths"] // self.every), mean_BSC.shape[1])
        kl_BSC = 0.5 * (mean_BSC.square() + log_var_BSC.exp() - 1 - log_var_BSC) * real_BS[..., None]
        return self.decoded(arrays, drawn), kl_BSC

    def converted(self, arrays: Arrays) -> torch.Tensor:
        """The mel (B, T, M) under the target's voice, of the codes' means."""
        return self.unscaled(self.decoded(arrays, self.codes(arrays)[0]))

    def codes(self, arrays: Arrays) -> tuple[torch.Tensor, torch.Tensor]:
        """Means and log-variances (B, S, C) of the source."""
        mask_BT, voice_BD = self._mask(arrays), self.voice(arrays, "source")
        mel_BTM = self.scaled(arrays["mel"]) * arrays["band"][:, None]
        x_BTD = self.mel_filters(torch.cat([mel_BTM, spread(voice_BD, mel_BTM)], 2), mask_BT)
        x_BTD = torch.cat([x_BTD, self._phonetics(arrays, voice_BD), spread(voice_BD, x_BTD)], 2)
        states_BSC = thinned(self.mel_states(x_BTD, arrays["lengths"]), arrays["lengths"], self.every)
        mean, log_var = self.code(states_BSC).float().chunk(2, 2)
        return mean, log_var.clamp(-10, 10)

    def decoded(self, arrays: Arrays, codes_BSC: torch.Tensor) -> torch.Tensor:
        mask_BT, voice_BD = self._mask(arrays), self.voice(arrays, "target")
        voices = {"source": self.voice(arrays, "source"), "target": voice_BD, "none": torch.zeros_like(voice_BD)}
        phones_BTD = self._phonetics(arrays, voices[self.phone_voice])
        parts = [phones_BTD, repeated(codes_BSC, self.every, phones_BTD.shape[1]), spread(voice_BD, phones_BTD)]
        if "beside" in arrays:
            parts.append(arrays["beside"])
        x_BTD = self.filters(torch.cat(parts, 2), mask_BT)
        return self.out(self.states(x_BTD, arrays["lengths"]))

    def _phonetics(self, arrays: Arrays, voice_BD: torch.Tensor) -> torch.Tensor:
        """(B, T, D): what is said, in its surroundings."""
        B, T = arrays["mel"].shape[:2]
        x_BTD = voice_BD.new_zeros(B, T, voice_BD.shape[1])
        if self.phones is not None:
            state = arrays["phones"]
            rows = self.phones((state + STATES - 1) // STATES).view(B, T, STATES, -1)
            at = ((state - 1).clamp(min=0) % STATES)[..., None, None].expand(-1, -1, 1, rows.shape[3])
            x_BTD = x_BTD + rows.gather(2, at)[:, :, 0]
        if self.classes is not None:
            x_BTD = x_BTD + self.classes(arrays["posteriorgram"])
        x_BTD = self.phone_filters(torch.cat([x_BTD, spread(voice_BD, x_BTD)], 2), self._mask(arrays))
        return self.phone_states(x_BTD, arrays["lengths"])

    def _mask(self, arrays: Arrays) -> torch.Tensor:
        return mask_of(arrays["lengths"], arrays["mel"].shape[1])
