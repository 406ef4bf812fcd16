"""Where a decoder step listens: two attentions that know where they were, and the loss that leads them along.

Axes: B items, N phones, E encoder width, A attention width, K kernel, S decoder steps.
"""

from math import exp, lgamma

import torch
import torch.nn.functional as F
from torch import nn

FLOOR = 1e-6  # of the prior: what it thinks impossible may still be said


class LocationSensitive(nn.Module):
    """Attention by content and place: it sees its last weights and the sum of all (Chorowski et al. 2015)."""

    def __init__(self, query: int, memory: int, width: int, filters: int, kernel: int):
        super().__init__()
        self.query = nn.Linear(query, width)
        self.key = nn.Linear(memory, width, bias=False)
        self.filters = nn.Conv1d(2, filters, kernel, padding=kernel // 2, bias=False)
        self.place = nn.Linear(filters, width, bias=False)
        self.score = nn.Linear(width, 1, bias=False)

    def start(self, memory: torch.Tensor, padding: torch.Tensor) -> tuple:
        """The state before the first step, from memory (B, N, E) and padding bool (B, N)."""
        nowhere = memory.new_zeros(memory.shape[:2])
        return padding, self.key(memory), nowhere, nowhere

    def before(self, memory: torch.Tensor, padding: torch.Tensor, teacher_forced: torch.Tensor) -> tuple:
        """The states before each of the steps of weights `teacher_forced` (B, S, N), as one of B * S items."""
        last = F.pad(teacher_forced, (0, 0, 1, 0))[:, :-1]
        steps = teacher_forced.shape[1]
        every = (each.repeat_interleave(steps, 0) for each in (padding, self.key(memory)))
        return *every, last.flatten(0, 1), last.cumsum(1).flatten(0, 1)

    @staticmethod
    def onto(state: tuple, weights: torch.Tensor) -> tuple:
        """The state after a step that listened as `weights` (B, N) say."""
        padding, keys, _, total = state
        return padding, keys, weights, total + weights

    def forward(self, query: torch.Tensor, state: tuple) -> tuple[torch.Tensor, tuple]:
        """Weights (B, N) that sum to 1, and the next state, from the query (B, Q)."""
        padding, keys, last, total = state
        places = self.place(self.filters(torch.stack((last, total), 1)).transpose(1, 2))
        energies = self.score(torch.tanh(self.query(query)[:, None] + keys + places))[:, :, 0].float()
        weights = energies.masked_fill(padding, -torch.inf).softmax(1)
        return weights, self.onto(state, weights)


class DynamicConvolution(nn.Module):
    """Attention by place alone: filters of which half are made from the query, on a prior that only moves on.

    (Battenberg et al. 2020.) The prior is a beta-binomial one over how many phones a step advances.
    """

    def __init__(
        self, query: int, width: int, static: int, dynamic: int, kernel: int, taps: int, alpha: float, beta: float
    ):
        super().__init__()
        self.reach, self.shape = kernel // 2, (kernel, dynamic)
        self.static = nn.Parameter(torch.empty(kernel, static).uniform_(-1, 1) * kernel**-0.5)
        self.dynamic = nn.Sequential(nn.Linear(query, width), nn.Tanh(), nn.Linear(width, kernel * dynamic, bias=False))
        self.place = nn.Linear(static + dynamic, width)
        self.score = nn.Linear(width, 1, bias=False)
        # Step n came from n - k with the chance of k: the newest tap stands in the middle of the window, the oldest first.
        prior = torch.zeros(kernel, 1)
        prior[self.reach - taps + 1 : self.reach + 1, 0] = torch.tensor(beta_binomial(taps, alpha, beta)).flip(0)
        self.register_buffer("prior", prior, persistent=False)

    def start(self, memory: torch.Tensor, padding: torch.Tensor) -> tuple:
        """The state before the first step, which listens to the first phone."""
        first = memory.new_zeros(memory.shape[:2])
        first[:, 0] = 1
        return padding, first

    def before(self, memory: torch.Tensor, padding: torch.Tensor, teacher_forced: torch.Tensor) -> tuple:
        """The states before each of the steps of weights `teacher_forced` (B, S, N), as one of B * S items."""
        _, first = self.start(memory, padding)
        last = torch.cat((first[:, None], teacher_forced[:, :-1]), 1)
        return padding.repeat_interleave(teacher_forced.shape[1], 0), last.flatten(0, 1)

    @staticmethod
    def onto(state: tuple, weights: torch.Tensor) -> tuple:
        """The state after a step that listened as `weights` (B, N) say."""
        return state[0], weights

    def forward(self, query: torch.Tensor, state: tuple) -> tuple[torch.Tensor, tuple]:
        """Weights (B, N) that sum to 1, and the next state, from the query (B, Q)."""
        padding, last = state
        windows = F.pad(last, (self.reach, self.reach)).unfold(1, self.shape[0], 1)  # (B, N, K)
        fixed = torch.cat((self.static, self.prior), 1).expand(len(last), -1, -1)
        found = windows @ torch.cat(
            (self.dynamic(query).view(-1, *self.shape), fixed), 2
        )  # one product for all filters
        energies = self.score(torch.tanh(self.place(found[:, :, :-1])))[:, :, 0]
        energies = energies.float() + found[:, :, -1].float().clamp(min=FLOOR).log()
        weights = energies.masked_fill(padding, -torch.inf).softmax(1)
        return weights, self.onto(state, weights)


def beta_binomial(taps: int, alpha: float, beta: float) -> list[float]:
    """The chances of 0 .. taps - 1 successes in taps - 1 trials."""

    def log_beta(a: float, b: float) -> float:
        return lgamma(a) + lgamma(b) - lgamma(a + b)

    n, whole = taps - 1, log_beta(alpha, beta)
    ways = [lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) for k in range(taps)]
    return [exp(ways[k] + log_beta(k + alpha, n - k + beta) - whole) for k in range(taps)]


def guided(weights: torch.Tensor, centres: torch.Tensor, width: torch.Tensor) -> torch.Tensor:
    """How much of each step's weights (B, S, N) is away from its centre, float (B, S) in 0..1 (Tachibana et al. 2018).

    `centres` (B, S) are places among the phones, `width` (B,) says how many phones away costs 0.39, and twice that 0.86.
    """
    phones = torch.arange(weights.shape[2], device=weights.device)
    away = (phones - centres[:, :, None]) / width[:, None, None]
    return (weights * (1 - torch.exp(-0.5 * away.square()))).sum(2)
