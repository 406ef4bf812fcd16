"""Frame likelihoods of phones, and the likelihood of a recording summed over all monotonic alignments (torch).

Axes: B batch, T frames, N phones, S states of a phone, D features.
"""

from functools import reduce

import numpy as np
import torch
from torch import nn

_NEVER = -1e9  # log of no chance; finite, so that no difference becomes NaN
_LOG_STD = (-2.5, 1.0)  # a component may neither collapse onto few frames nor fade into nothing


def features(log_mel_TM: np.ndarray, count: int, centred: bool) -> np.ndarray:
    """float32 (T, 2 count): cepstral coefficients and their slope over five frames.

    `centred`, less the mean of the recording, which is its voice and microphone as much as its words.
    """
    from scipy.fft import dct

    static = dct(log_mel_TM, norm="ortho", axis=1)[:, :count]
    static = static - static.mean(axis=0) if centred else static
    padded = np.pad(static, ((2, 2), (0, 0)), mode="edge")
    slope = (2 * (padded[4:] - padded[:-4]) + padded[3:-1] - padded[1:-3]) / 10
    return np.concatenate([static, slope], axis=1).astype(np.float32)


class Emissions(nn.Module):
    """Each phone is a row of S states, each a Gaussian. Phone 0 stands for any: the Gaussian of all frames together."""

    def __init__(self, phones: int, states: int, dims: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(dims))  # of all frames
        self.register_buffer("std", torch.ones(dims))
        # (phones, S, mean and log std, D), of frames brought to mean 0 and std 1; some noise, or all stay alike
        self.table = nn.Parameter(0.02 * torch.randn(phones, states, 2, dims))

    def forward(self, frames_BTD: torch.Tensor, phones_BN: torch.Tensor) -> torch.Tensor:
        """(B, T, N, S): log p(frame | state of the phone) over log p(frame | any phone)."""
        frames = (frames_BTD - self.mean) / self.std
        known = (phones_BN > 0)[..., None, None, None]
        mean, log_std = torch.where(known, self.table[phones_BN], 0.0).unbind(3)  # (B, N, S, D)
        log_std = log_std.clamp(*_LOG_STD)
        precision = torch.exp(-2 * log_std)
        # The square of frame - mean, multiplied out: no array of (B, T, N, S, D) is made.
        distance = (
            torch.einsum("btd,bnsd->btns", frames.square(), precision)
            - 2 * torch.einsum("btd,bnsd->btns", frames, mean * precision)
            + (mean.square() * precision + 2 * log_std).sum(3)[:, None]
        )
        return 0.5 * (frames.square().sum(2)[..., None, None] - distance)


def path_sum(scores_BTNS, frames_B, phones_B, skip: float = 0.0) -> torch.Tensor:
    """(B,): log of the sum of exp(score) over all paths that `search.best_path` chooses from (Baum and Welch; Shih 2021).

    Its gradient is the share of the paths that pass each cell. Wants at least as many frames as phones in every item.
    """
    return _PathSum.apply(scores_BTNS, frames_B, phones_B, skip)


class _PathSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scores_BTNS, frames_B, phones_B, skip):
        scores_TBNS = scores_BTNS.transpose(0, 1).double().contiguous()  # sums over minutes, whose differences count
        to_end = _to_end(scores_TBNS, frames_B, phones_B, skip)
        until = _until(scores_TBNS, skip)
        total = to_end[0, :, 0, 0] + scores_TBNS[0, :, 0, 0]
        shares = torch.exp(until + to_end - total[:, None, None]).transpose(0, 1)
        ctx.save_for_backward(shares.to(scores_BTNS.dtype))
        return total.to(scores_BTNS.dtype)

    @staticmethod
    def backward(ctx, grad_B):
        return grad_B[:, None, None, None] * ctx.saved_tensors[0], None, None, None


def _leave(scores: torch.Tensor, skip: float) -> torch.Tensor:
    """(S,): what going on to the next phone adds to the score, from each state."""
    return -skip * torch.arange(scores.shape[-1] - 1, -1, -1, dtype=scores.dtype, device=scores.device)


def _until(scores_TBNS: torch.Tensor, skip: float) -> torch.Tensor:
    """Log-sum of all beginnings that end in a cell, with its own score."""
    sums, leave = torch.full_like(scores_TBNS, _NEVER), _leave(scores_TBNS, skip)
    sums[0, :, 0, 0] = scores_TBNS[0, :, 0, 0]
    came = torch.full_like(sums[0], _NEVER)
    for t in range(1, len(sums)):
        before = sums[t - 1]
        came[:, :, 1:] = before[:, :, :-1]
        left = before[:, :-1] + leave
        came[:, 1:, 0] = reduce(torch.logaddexp, left.unbind(2))  # logsumexp would wake threads for nothing
        torch.logaddexp(before, came, out=sums[t])
        sums[t] += scores_TBNS[t]
    return sums


def _to_end(scores_TBNS: torch.Tensor, frames_B, phones_B, skip: float) -> torch.Tensor:
    """Log-sum of all ends that follow a cell, without its own score; impossible beyond an item's last frame."""
    sums, leave = torch.full_like(scores_TBNS, _NEVER), _leave(scores_TBNS, skip)
    items = torch.arange(len(frames_B), device=sums.device)
    sums[frames_B - 1, items, phones_B - 1] = leave
    goes = torch.full_like(sums[0], _NEVER)
    for t in range(len(sums) - 2, -1, -1):
        after = sums[t + 1] + scores_TBNS[t + 1]
        goes[:, :, :-1] = after[:, :, 1:]
        goes[:, :, -1] = _NEVER
        goes[:, :-1] = torch.logaddexp(goes[:, :-1], after[:, 1:, :1] + leave)
        inside = (t < frames_B - 1)[:, None, None]
        torch.where(inside, torch.logaddexp(after, goes), sums[t], out=sums[t])
    return sums


def diagonal(frames_B: torch.Tensor, phones_B: torch.Tensor, frames: int, phones: int, width: float) -> torch.Tensor:
    """(B, T, N, 1): a log prior for paths near the diagonal, 0 on it and -1 at `width` of the whole length beside it."""
    t = (torch.arange(frames, device=frames_B.device) + 0.5) / frames_B[:, None]
    n = (torch.arange(phones, device=frames_B.device) + 0.5) / phones_B[:, None]
    return -(((t[:, :, None] - n[:, None, :]) / width) ** 2)[..., None]
