"""The network of `recogniser.ctc` (torch). Axes: B batch, T frames, S steps, M mels, C classes, D width."""

import torch
from torch import nn

from blocks.common.torch_nn import Stack, mask_of


class Network(nn.Module):
    """Log-odds of each step's class; class 0 is the blank."""

    def __init__(self, mels: int, classes: int, config):
        super().__init__()
        self.stride = config.stride
        self.into = nn.Linear(mels * config.stride, config.hidden)
        self.norm = nn.LayerNorm(config.hidden)
        shape = {"width": config.hidden, "wide": config.wide, "layers": config.layers, "kernel": config.kernel}
        self.layers = Stack(**shape, heads=config.heads or 0, dropout=config.dropout)
        self.out = nn.Linear(config.hidden, classes)

    def forward(self, frames_BTM: torch.Tensor, steps_B: torch.Tensor) -> torch.Tensor:
        """(B, S, C) of frames, as many as whole steps have, zeros beyond the end of an item."""
        B, T, M = frames_BTM.shape
        x_BSD = self.norm(self.into(frames_BTM.reshape(B, T // self.stride, M * self.stride)))
        return self.out(self.layers(x_BSD, mask_of(steps_B, T // self.stride)))
