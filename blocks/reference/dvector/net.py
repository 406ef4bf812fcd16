"""The network of `reference.dvector` and its loss (torch).

Axes: B crops, T frames, M mels, V voices, R recordings, D size of the vector.
"""

import torch
from torch import nn
from torch.nn import functional


class Network(nn.Module):
    """Recurrent layers over pairs of frames; what the last one knows at the end is the vector."""

    def __init__(self, mels: int, config):
        super().__init__()
        self.recurrent = nn.LSTM(2 * mels, config.hidden, config.layers, batch_first=True)
        self.out = nn.Linear(config.hidden, config.size)
        self.scale, self.shift = nn.Parameter(torch.tensor([10.0])), nn.Parameter(torch.tensor([-5.0]))

    def forward(self, levels_BTM: torch.Tensor) -> torch.Tensor:
        """(B, D), of unit length; T is even."""
        B, T, M = levels_BTM.shape
        y_BTH, _ = self.recurrent(levels_BTM.reshape(B, T // 2, 2 * M))
        return functional.normalize(self.out(y_BTH[:, -1]), dim=1)


def ge2e(vectors_VRD: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Scaled similarities (V * R, V) of each vector to each voice, and which voice is its own: what a softmax is taken of.

    A voice is the mean of its vectors; to a vector itself, the mean of the others (Wan et al. 2018, equations 5, 6, 8).
    """
    V, R, D = vectors_VRD.shape
    sums_VD = vectors_VRD.sum(1)
    others_VRD = functional.normalize(sums_VD[:, None] - vectors_VRD, dim=2)
    flat = vectors_VRD.reshape(V * R, D)
    similar = flat @ functional.normalize(sums_VD, dim=1).T
    right = torch.arange(V, device=flat.device).repeat_interleave(R)
    own = (vectors_VRD * others_VRD).sum(2).reshape(V * R, 1)
    similar = torch.where(functional.one_hot(right, V).bool(), own, similar)
    return scale.clamp(min=1e-6) * similar + shift, right
