"""ECAPA-TDNN (Desplanques et al. 2020) and its additive angular margin (Deng et al. 2019), in torch.

Norms are over the channels and frames of one item, not over the batch as in the paper: what an item gives must not depend
on its neighbours, nor a step's gradient on how its batch is parted. Axes: B batch, T frames, M mels, C channels, E embedding.
"""

import torch
from torch import nn
from torch.nn import functional


def norm(channels: int) -> nn.Module:
    return nn.GroupNorm(1, channels)


class Filter(nn.Module):
    """A dilated convolution over time, ReLU, norm."""

    def __init__(self, into: int, out: int, kernel: int = 1, dilation: int = 1):
        super().__init__()
        self.conv = nn.Conv1d(into, out, kernel, dilation=dilation, padding=dilation * (kernel // 2))
        self.norm = norm(out)

    def forward(self, x_BCT: torch.Tensor) -> torch.Tensor:
        return self.norm(functional.relu(self.conv(x_BCT)))


class Res2(nn.Module):
    """Channels in groups, each filtered together with what came of the group before (Gao et al. 2019)."""

    def __init__(self, channels: int, kernel: int, dilation: int, scale: int):
        super().__init__()
        self.scale, width = scale, channels // scale
        self.filters = nn.ModuleList(Filter(width, width, kernel, dilation) for _ in range(scale - 1))

    def forward(self, x_BCT: torch.Tensor) -> torch.Tensor:
        first, *groups = x_BCT.chunk(self.scale, dim=1)
        made, before = [first], 0.0
        for group, filter in zip(groups, self.filters, strict=True):
            before = filter(group + before)
            made.append(before)
        return torch.cat(made, dim=1)


class Block(nn.Module):
    """SE-Res2Block: the channels are weighed by what the whole item is like (Hu et al. 2018), beside a short cut."""

    def __init__(self, channels: int, dilation: int, scale: int, squeeze: int, kernel: int = 3):
        super().__init__()
        self.before, self.after = Filter(channels, channels), Filter(channels, channels)
        self.middle = Res2(channels, kernel, dilation, scale)
        self.squeeze, self.excite = nn.Linear(channels, squeeze), nn.Linear(squeeze, channels)

    def forward(self, x_BCT: torch.Tensor) -> torch.Tensor:
        y_BCT = self.after(self.middle(self.before(x_BCT)))
        gate_BC = torch.sigmoid(self.excite(functional.relu(self.squeeze(y_BCT.mean(2)))))
        return x_BCT + y_BCT * gate_BC[..., None]


class Pool(nn.Module):
    """Attentive mean and deviation of each channel; the attention sees those of the whole item, too."""

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.hidden, self.out = nn.Conv1d(3 * channels, hidden, 1), nn.Conv1d(hidden, channels, 1)

    def forward(self, x_BCT: torch.Tensor) -> torch.Tensor:
        """(B, 2 C)."""
        even_BCT = torch.full_like(x_BCT[:, :1], 1 / x_BCT.shape[2])
        whole = [moment[..., None].expand_as(x_BCT) for moment in moments(x_BCT, even_BCT)]
        weights_BCT = self.out(torch.tanh(self.hidden(torch.cat([x_BCT, *whole], dim=1)))).softmax(dim=2)
        return torch.cat(moments(x_BCT, weights_BCT), dim=1)


def moments(x_BCT: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, C) mean and deviation over time under weights that sum to one."""
    mean = (weights * x_BCT).sum(2)
    return mean, ((weights * (x_BCT - mean[..., None]).square()).sum(2) + 1e-5).sqrt()


class Ecapa(nn.Module):
    def __init__(self, mels: int, channels: int, scale: int, squeeze: int, attention: int, embedding: int):
        super().__init__()
        self.first = Filter(mels, channels, 5)
        self.blocks = nn.ModuleList(Block(channels, dilation, scale, squeeze) for dilation in (2, 3, 4))
        self.together = nn.Conv1d(3 * channels, 3 * channels, 1)
        self.pool = Pool(3 * channels, attention)
        self.norm, self.out = nn.LayerNorm(6 * channels), nn.Linear(6 * channels, embedding)

    def forward(self, mel_BTM: torch.Tensor) -> torch.Tensor:
        """(B, E) of unit length, of items that are all T frames long."""
        x_BCT = self.first(mel_BTM.transpose(1, 2))
        found = []
        for block in self.blocks:
            x_BCT = block(x_BCT)
            found.append(x_BCT)
        x_BCT = functional.relu(self.together(torch.cat(found, dim=1)))
        return functional.normalize(self.out(self.norm(self.pool(x_BCT))), dim=1)


class Classes(nn.Module):
    """A direction for each voice."""

    def __init__(self, embedding: int, voices: int):
        super().__init__()
        self.directions = nn.Parameter(functional.normalize(torch.randn(voices, embedding), dim=1))

    def forward(self, embedding_BE: torch.Tensor) -> torch.Tensor:
        """(B, voices): cosines."""
        return embedding_BE @ functional.normalize(self.directions, dim=1).T


class Judged(nn.Module):
    """Network and classes as one module, whose forward pass is all that a training asks for."""

    def __init__(self, net: Ecapa, classes: Classes):
        super().__init__()
        self.net, self.classes = net, classes

    def forward(self, mel_BTM: torch.Tensor) -> torch.Tensor:
        return self.classes(self.net(mel_BTM))


def margin_loss(cosines_BV: torch.Tensor, voices_B: torch.Tensor, margin: float, scale: float) -> torch.Tensor:
    """Cross-entropy of scaled cosines, the right one as if `margin` (radians) farther away: AAM-softmax, ArcFace."""
    right_B1 = cosines_BV.gather(1, voices_B[:, None]).clamp(-1 + 1e-6, 1 - 1e-6)
    farther_B1 = torch.cos((right_B1.acos() + margin).clamp(max=torch.pi))
    return functional.cross_entropy(scale * cosines_BV.scatter(1, voices_B[:, None], farther_B1), voices_B)
