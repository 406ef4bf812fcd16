"""Discriminators of log-mels for adversarial training of what writes mels (torch).

Each looks at windows of its own length, cut anywhere from it, so that some judge a phone and others a phrase
(Yang et al. 2021, GANSpeech; Wu and Luan 2020, several lengths). Least-squares losses (Mao et al. 2017).
Axes: B batch, T frames, W frames of a window, M mels, C channels.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

SLOPE = 0.2
_LAYERS = (1, 2, 4, 4)  # channels, times the width; each halves frames and mels

Seen = list[tuple[torch.Tensor, list[torch.Tensor]]]  # of each discriminator: verdicts, and what its layers saw


class Discriminator(nn.Module):
    """Two-dimensional convolutions that know how high in the spectrum they look."""

    def __init__(self, width: int):
        super().__init__()
        sizes = [2, *(width * times for times in _LAYERS)]
        norm = nn.utils.parametrizations.weight_norm
        self.layers = nn.ModuleList(norm(nn.Conv2d(a, b, 3, stride=2, padding=1)) for a, b in pairwise(sizes))
        self.verdict = nn.Conv2d(sizes[-1], 1, 3, padding=1)

    def forward(self, mel_BWM: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        height_M = torch.linspace(-1, 1, mel_BWM.shape[2], device=mel_BWM.device, dtype=mel_BWM.dtype)
        h, seen = torch.stack([mel_BWM, height_M.expand_as(mel_BWM)], 1), []
        for layer in self.layers:
            h = functional.leaky_relu(layer(h), SLOPE)
            seen.append(h)
        return self.verdict(h).float(), seen


class Discriminators(nn.Module):
    """One for each length of window."""

    def __init__(self, windows: int, width: int):
        super().__init__()
        self.each = nn.ModuleList(Discriminator(width) for _ in range(windows))

    def forward(self, windows: list[torch.Tensor]) -> Seen:
        return [discriminator(mel_BWM) for discriminator, mel_BWM in zip(self.each, windows, strict=True)]


def cut(mel_BTM: torch.Tensor, starts_B: torch.Tensor, window: int) -> torch.Tensor:
    """(B, window, M), zeros beyond the last frame."""
    padded = functional.pad(mel_BTM, (0, 0, 0, window))
    at_BW = starts_B[:, None] + torch.arange(window, device=mel_BTM.device)
    return padded.gather(1, at_BW[..., None].expand(-1, -1, mel_BTM.shape[2]))


def starts(lengths_B: torch.Tensor, window: int, generator: torch.Generator) -> torch.Tensor:
    """int64 (B,): where a window begins, anywhere in its item; at 0 where that is shorter."""
    share_B = torch.rand(len(lengths_B), generator=generator).to(lengths_B.device)
    return (share_B * ((lengths_B - window).clamp(min=0) + 1)).long()


def losses(
    shared: nn.Module, discriminators: Discriminators, real: list[torch.Tensor], fake: list[torch.Tensor]
) -> dict:
    """Of windows (B, W, M): `adversarial` and `feature` move what made the fake ones, `discriminator` the discriminators alone.

    `shared` is `discriminators` as wrapped for several processes. Both sides learn at once, each against the other as it is.
    """
    frozen = {name: value.detach() for name, value in discriminators.named_parameters()}
    made = functional_call(discriminators, frozen, (fake,))
    with torch.no_grad():
        reference = discriminators(real)
    both = shared([torch.cat([a, b.detach()]) for a, b in zip(real, fake, strict=True)])
    size = len(real[0])
    return {
        "adversarial": _mean([(1 - scores).square().mean() for scores, _ in made]),
        "feature": _mean([(a - b).float().abs().mean() for (_, x), (_, y) in zip(made, reference, strict=True)
                          for a, b in zip(x, y, strict=True)]),
        "discriminator": _mean([(1 - scores[:size]).square().mean() + scores[size:].square().mean() for scores, _ in both]),
    }  # fmt: skip


def _mean(values: list[torch.Tensor]) -> torch.Tensor:
    return torch.stack(values).mean()


class Adversary:
    """Discriminators in a training, and what moves them."""

    def __init__(self, config, run):
        torch.manual_seed(run.key(0, "discriminators"))
        self.windows, self.run = config.discriminator_windows, run
        self.discriminators = Discriminators(len(self.windows), config.discriminator_width)
        self.shared = run.parallel(self.discriminators)
        self.optimizer = torch.optim.AdamW(
            self.discriminators.parameters(), lr=config.discriminator_lr, betas=(0.8, 0.99)
        )

    def losses(self, real_BTM: torch.Tensor, fake_BTM: torch.Tensor, lengths_B: torch.Tensor, step: int) -> dict:
        """Of scaled mels, zeros beyond their lengths, at windows drawn from the step."""
        draws = torch.Generator().manual_seed(self.run.key(step, f"windows/{self.run.rank}"))
        places = [starts(lengths_B, window, draws) for window in self.windows]
        pairs = list(zip(places, self.windows, strict=True))
        real, fake = ([cut(mel, place, window) for place, window in pairs] for mel in (real_BTM, fake_BTM))
        return losses(self.shared, self.discriminators, real, fake)
