"""The network: an encoder of phones, a recurrent decoder that listens to it, some frames a step, and layers that write what was listened to.

Axes: B items, N phones, T frames, M mels, S steps of R frames, E encoder width, P prenet width, Q decoder width.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from blocks.acoustic._inputs import Inputs
from blocks.acoustic._net import AcousticNet
from blocks.acoustic._prosody import Arrays
from blocks.acoustic.attention.attend import DynamicConvolution, LocationSensitive
from blocks.common.torch_nn import mask_of

_MEDIAN = math.log(2)  # the cumulative hazard at which an event is as likely to have come as not


@dataclass
class TeacherForced:
    """Of a decoder that was given the frames: mels in the network's own scale (B, T, M), odds and weights of steps."""

    coarse: torch.Tensor
    fine: torch.Tensor
    stop: torch.Tensor  # (B, S) log-odds that the step is the last
    weights: torch.Tensor  # (B, S, N)
    prosody: Arrays  # as `VarianceAdaptor.prosody_losses` wants it


@dataclass
class Decoded:
    log_mel: torch.Tensor  # (B, T, M), of which each item's first `steps` * R frames count
    weights: torch.Tensor  # (B, S, N)
    phones: torch.Tensor  # (B, S): where it listened most
    steps: torch.Tensor  # (B,)
    ended: torch.Tensor  # bool (B,): False where the limit ended it


class Prenet(nn.Module):
    """Two layers that drop half of what they know, also when they speak: without it, the decoder only copies itself."""

    def __init__(self, mels: int, width: int, dropout: float):
        super().__init__()
        self.first, self.second, self.dropout = nn.Linear(mels, width), nn.Linear(width, width), dropout

    def forward(self, frame: torch.Tensor) -> torch.Tensor:
        return self.dropped(frame, *(torch.rand(2, *frame.shape[:-1], self.second.out_features) >= self.dropout))

    def dropped(self, frame: torch.Tensor, keep_first: torch.Tensor, keep_second: torch.Tensor) -> torch.Tensor:
        """With what is kept given: bool (..., P) for each layer."""
        scale = 1 / (1 - self.dropout)
        hidden = F.relu(self.first(frame)) * (keep_first.to(frame.device) * scale)
        return F.relu(self.second(hidden)) * (keep_second.to(frame.device) * scale)


class Net(AcousticNet):
    def __init__(self, inputs: Inputs, config, mels: int):
        super().__init__(inputs, config, mels, config.heads)
        encoder, width, prenet = config.hidden, config.recurrent, config.prenet
        self.reduction_factor, self.mels, self.dropout = config.reduction_factor, mels, config.recurrent_dropout
        self.frame_dropout, self.stepwise = config.frame_dropout, config.stepwise
        self.prenet = Prenet(mels, prenet, config.prenet_dropout)
        self.listener = nn.LSTM(prenet + encoder, width, batch_first=True)
        self.attention = _attention(config)
        self.speaker = nn.LSTM(width + encoder, width, batch_first=True)
        self.frames = nn.Linear(width + encoder, mels * self.reduction_factor)
        self.stop = nn.Linear(width + encoder, 1)

    def forward(
        self, given: Arrays, mels: torch.Tensor, frames: torch.Tensor, teacher_forced: torch.Tensor | None = None
    ) -> TeacherForced:
        """Teacher forcing: `mels` are scaled (B, T, M), T a multiple of R; `frames` (B,) says how many are real.

        `teacher_forced` (B, S, N) is what to listen to at each step, in place of the attention's own weights.
        """
        B, T, M = mels.shape
        real = mask_of(frames, T)
        memory, manner, whole, there, divergences = self.encoded(given)
        last = mels[:, self.reduction_factor - 1 :: self.reduction_factor]
        if self.training:
            last = last * (torch.rand(*last.shape[:2], 1, device=last.device) >= self.frame_dropout)
        frames_in = self.prenet(F.pad(last, (0, 0, 1, 0))[:, :-1])  # before the first step: the mean
        if teacher_forced is None:
            hiddens, contexts, weights = self._alone(frames_in, memory, ~there)
            steps = real.view(B, -1, self.reduction_factor).any(2)
            durations = (weights * steps[:, :, None]).sum(1) * self.reduction_factor
        else:
            hiddens, contexts, weights = self._teacher_forced(frames_in, memory, ~there, teacher_forced)
            durations = given["durations"]
        # The attention takes nothing from the second recurrent layer: it can go over all steps at once.
        hiddens = F.dropout(hiddens, self.dropout, self.training)
        spoken, _ = self.speaker(torch.cat((hiddens, contexts), 2))
        spoken = torch.cat((F.dropout(spoken, self.dropout, self.training), contexts), 2)
        coarse = self.frames(spoken).view(B, T, M)
        toned, prosody = self.with_targets(memory, manner, there, given)
        fine = self.decoded(toned, whole, durations, real)
        return TeacherForced(
            coarse.float(), fine.float(), self.stop(spoken)[:, :, 0].float(), weights, prosody | divergences
        )

    def _alone(self, frames_in: torch.Tensor, memory: torch.Tensor, padding: torch.Tensor) -> tuple:
        """Hidden states, contexts and weights (B, S, ...), each step listening by what the last ones did."""
        hidden, context, state = self._start(memory, padding)
        steps = []
        for step in frames_in.unbind(1):
            hidden = self._stepped(self.listener, (step, context), hidden)
            weights, state = self.attention(hidden[0], state)
            context = (weights[:, None] @ memory)[:, 0]
            steps.append((hidden[0], context, weights))
        return tuple(torch.stack(each, 1) for each in zip(*steps))

    def _teacher_forced(
        self, frames_in: torch.Tensor, memory: torch.Tensor, padding: torch.Tensor, teacher_forced: torch.Tensor
    ) -> tuple:
        """The same where all is listened to as `teacher_forced` says: weights are what the attention would do next, all steps at once."""
        contexts = teacher_forced @ memory
        hiddens, _ = self.listener(torch.cat((frames_in, F.pad(contexts, (0, 0, 1, 0))[:, :-1]), 2))
        weights, _ = self.attention(hiddens.flatten(0, 1), self.attention.before(memory, padding, teacher_forced))
        return hiddens, contexts, weights.view(teacher_forced.shape)

    @staticmethod
    def _stepped(layer: nn.LSTM, inputs: tuple, hidden: tuple) -> tuple:
        return torch.lstm_cell(torch.cat(inputs, 1), hidden, *layer.all_weights[0])

    def speak(self, given: Arrays, kept: Callable[[int], torch.Tensor], limit: torch.Tensor, linger: int) -> Decoded:
        """Step by step until each item has said its last: by itself, after `linger` steps on its last phone, or at its limit.

        Stepwise, it listens to one phone at a time, and goes on to the next as soon as it would more likely than not have gone
        on by now (stepwise monotonic attention: He, Deng and He 2019), or after `linger` steps, and ends on the last one alone.
        Else it listens as softly as its weights are. `kept` gives for a step what the prenet keeps, bool (2, B, P). `limit` is
        int (B,) in steps.
        """
        memory, manner, whole, there, _ = self.encoded(given)
        numbers = torch.arange(memory.shape[1], device=memory.device)
        final = given["tokens"] - 1
        hidden, context, state = self._start(memory, ~there)
        second = (torch.zeros_like(hidden[0]), torch.zeros_like(hidden[0]))
        frame = memory.new_zeros(len(memory), self.mels)
        steps, waited, phone = torch.zeros_like(final), torch.zeros_like(final), torch.zeros_like(final)
        hazard, ended = memory.new_zeros(len(memory)), torch.zeros_like(there[:, 0])
        proposed, attended = [], []
        for step in range(int(limit.max())):
            frame_in = self.prenet.dropped(frame, *kept(step))
            hidden = self._stepped(self.listener, (frame_in, context), hidden)
            weights, soft = self.attention(hidden[0], state)
            if self.stepwise:
                ahead = (weights * (numbers > phone[:, None])).sum(1) * (waited > 0)  # it begins on the first
                hazard = hazard - torch.log1p(-ahead.clamp(max=1 - 1e-6))
                on = ((hazard >= _MEDIAN) | (waited >= linger)) & (phone < final)
                phone, hazard, waited = phone + on, hazard.masked_fill(on, 0.0), waited.masked_fill(on, 0) + 1
                now = F.one_hot(phone, len(numbers)).to(memory)
                state = self.attention.onto(state, now)
            else:
                now, state, phone = weights, soft, weights.argmax(1)
                waited = waited + (phone == final)
            context = (now[:, None] @ memory)[:, 0]
            second = self._stepped(self.speaker, (hidden[0], context), second)
            spoken = torch.cat((second[0], context), 1)
            frame = self.frames(spoken)[:, -self.mels :]  # the last of the step
            proposed.append(weights)
            attended.append(now)
            going = ~ended & (steps < limit)
            steps += going
            last = phone == final
            stops = (self.stop(spoken)[:, 0] > 0) & (last | (not self.stepwise))
            ended |= going & (stops | (last & (waited > linger)))
            if bool((ended | (steps >= limit)).all()):
                break
        alignment = torch.stack(attended, 1)
        real = mask_of(steps, len(attended))
        durations = (alignment * real[:, :, None]).sum(1) * self.reduction_factor
        toned, _ = self.with_predictions(memory, manner, there, given)
        fine = self.decoded(toned, whole, durations, real.repeat_interleave(self.reduction_factor, 1))
        return Decoded(self.unscaled(fine), torch.stack(proposed, 1), alignment.argmax(2), steps, ended)

    def _start(self, memory: torch.Tensor, padding: torch.Tensor) -> tuple:
        nothing = memory.new_zeros(len(memory), self.listener.hidden_size)
        return (nothing, nothing), torch.zeros_like(memory[:, 0]), self.attention.start(memory, padding)


def _attention(config) -> nn.Module:
    chosen = config.attention
    if chosen.kind == "location":
        return LocationSensitive(config.recurrent, config.hidden, chosen.width, chosen.filters, chosen.kernel)
    return DynamicConvolution(
        config.recurrent,
        chosen.width,
        chosen.static,
        chosen.dynamic,
        chosen.kernel,
        chosen.taps,
        chosen.alpha,
        chosen.beta,
    )
