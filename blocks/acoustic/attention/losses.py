"""What a decoder that is given the frames learns from them: mels, when to stop, and where to listen.

Axes: B items, N phones, T frames, M mels, S steps of `group` frames.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from blocks.acoustic.attention.attend import guided
from blocks.acoustic.attention.health import health
from blocks.common.torch_nn import mask_of

FLOOR = 1e-8  # of a weight: what is far astray is not pulled back harder still
REPORTED = ("focus", "coverage", "skips", "repeats", "early_stop", "late_stop")


@dataclass
class Given:
    """Train items side by side, in whole steps."""

    given: dict[str, torch.Tensor]  # what the network takes of phones
    target: torch.Tensor  # (B, T, M) scaled mels, zeros beyond the end
    real: torch.Tensor  # bool (B, T)
    shares: torch.Tensor  # (B, S, N), as `shares` gives them

    @classmethod
    def of(cls, items: list, given: dict, length: int, group: int, scaled: Callable) -> "Given":
        """With at least `length` frames; `scaled` brings mels to the network's own scale."""
        device, frames = given["phones"].device, [len(item.log_mel) for item in items]
        mels = np.zeros((len(items), -(-length // group) * group, items[0].log_mel.shape[1]), np.float32)
        for row, item in zip(mels, items):
            row[: len(item.log_mel)] = item.log_mel
        real = mask_of(torch.tensor(frames, device=device), mels.shape[1])
        target = scaled(torch.from_numpy(mels).to(device)) * real[:, :, None]
        return cls(given, target, real, shares(items, mels.shape[1], given["phones"].shape[1], group, device))


def losses(made, batch: Given, items: list, config) -> dict[str, torch.Tensor]:
    """``loss`` and its parts, from what `Net` made of the items that `batch` holds."""
    target, real = batch.target, batch.real
    total = real.sum()
    of_step = (
        real.view(len(items), -1, config.reduction_factor).sum(2) / total
    )  # a step counts as much as it has frames
    last = F.one_hot((real.sum(1) - 1) // config.reduction_factor, of_step.shape[1]).to(target.dtype)
    weight = target.new_tensor(config.stop_weight)
    odds = F.binary_cross_entropy_with_logits(made.stop, last, reduction="none", pos_weight=weight)
    centres, widths = diagonals(items, of_step.shape[1], config)
    astray = torch.where(
        torch.tensor([[item.durations is not None] for item in items], device=target.device),
        -(batch.shares * made.weights.clamp(min=FLOOR).log()).sum(2),
        guided(made.weights, centres.to(target.device), widths.to(target.device)),
    )
    numbers = {
        "loss_coarse": _distance(made.coarse, target, real, squared=True) / total,
        "loss_mel": _distance(made.fine, target, real) / total,
        "loss_stop": (odds * of_step).sum(),
        "loss_guided": (astray * of_step).sum(),
    }
    parts = numbers["loss_coarse"] + numbers["loss_mel"] + numbers["loss_stop"]
    return numbers | {"loss": parts + config.guided * numbers["loss_guided"]}


def shares(items: list, frames: int, phones: int, group: int, device) -> torch.Tensor:
    """How much of each step each phone has by the durations (B, S, N); zeros beyond the end, and where there are none."""
    made = np.zeros((len(items), frames // group, phones), np.float32)
    for row, item in enumerate(items):
        if item.durations is not None:
            owners = np.repeat(np.arange(len(item.phones)), item.durations)
            np.add.at(made[row], (np.arange(len(owners)) // group, owners), 1)
    return torch.from_numpy(made / np.maximum(made.sum(2, keepdims=True), 1)).to(device)


def diagonals(items: list, steps: int, config) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the attention should be if all phones are equally long, in phones (B, S), and how wide around it (B,)."""
    centres, widths = np.zeros((len(items), steps), np.float32), np.zeros(len(items), np.float32)
    for row, item in enumerate(items):
        middles = np.arange(0, len(item.log_mel), config.reduction_factor) + 0.5 * config.reduction_factor
        centres[row, : len(middles)] = middles / len(item.log_mel) * len(item.phones) - 0.5
        widths[row] = max(1.0, config.guided_width * len(item.phones))
    return torch.from_numpy(centres), torch.from_numpy(widths)


def healths(weights: torch.Tensor, items: list, group: int, step_s: float) -> dict[str, float]:
    """Means over the items of the health of their weights (B, S, N)."""
    every = [
        health(each[: -(-len(item.log_mel) // group), : len(item.phones)], step_s)
        for each, item in zip(weights.cpu().numpy(), items)
    ]
    return {name: float(np.mean([one[name] for one in every])) for name in REPORTED}


def _distance(made: torch.Tensor, target: torch.Tensor, real: torch.Tensor, squared: bool = False) -> torch.Tensor:
    """Absolute error, and `squared` beside it, summed over the real frames and averaged over mels."""
    error = (made - target) * real[:, :, None]
    return (error.abs() + squared * error.square()).sum() / target.shape[2]
