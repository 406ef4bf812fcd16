"""The network: an encoder of phones, a recurrent decoder that listens to it, some frames a step, and a postnet that writes.

Axes: B items, N phones, T frames, M mels, S steps of R frames, E encoder width, P prenet width, Q decoder width.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from blocks.acoustic._embed import Embed
from blocks.acoustic._inputs import Inputs
from blocks.acoustic.attention.attend import DynamicConvolution, LocationSensitive
from blocks.common.torch_nn import Stack, mask_of

Arrays = Mapping[str, torch.Tensor]  # as `Inputs.arrays` makes them


@dataclass
class Taught:
    """Of a decoder that was given the frames: mels in the network's own scale (B, T, M), odds and weights of steps."""

    coarse: torch.Tensor
    fine: torch.Tensor
    stop: torch.Tensor  # (B, S) log-odds that the step is the last
    weights: torch.Tensor  # (B, S, N)


@dataclass
class Said:
    log_mel: torch.Tensor  # (B, T, M), of which each item's first `steps` * R frames count
    weights: torch.Tensor  # (B, S, N)
    steps: torch.Tensor  # (B,)
    ended: torch.Tensor  # bool (B,): False where the limit ended it


class Convolutions(nn.Module):
    """Convolutions over phones, each normalised phone by phone, that see nothing of what is not `real` (B, N, 1)."""

    def __init__(self, width: int, layers: int, kernel: int, dropout: float):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv1d(width, width, kernel, padding=kernel // 2) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.dropout = dropout

    def forward(self, x: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        for layer, norm in zip(self.layers, self.norms):
            x = layer((x * real).transpose(1, 2)).transpose(1, 2)
            x = F.dropout(F.relu(norm(x)), self.dropout, self.training)
        return x * real


class Encoder(nn.Module):
    def __init__(self, inputs: Inputs, config):
        super().__init__()
        width = config.encoder
        self.embed = Embed(inputs, width)
        self.convolutions = Convolutions(width, config.encoder_layers, config.encoder_kernel, config.encoder_dropout)
        self.recurrent = nn.LSTM(width, width // 2, batch_first=True, bidirectional=True)

    def forward(self, given: Arrays) -> tuple[torch.Tensor, torch.Tensor]:
        """Memory (B, N, E), and bool (B, N): what of it is padding."""
        x, whole = self.embed(given)
        real = mask_of(given["tokens"], x.shape[1])
        x = self.convolutions(x, real[:, :, None])
        packed = nn.utils.rnn.pack_padded_sequence(x, given["tokens"].cpu(), batch_first=True, enforce_sorted=False)
        memory, _ = nn.utils.rnn.pad_packed_sequence(self.recurrent(packed)[0], True, total_length=x.shape[1])
        return (memory + whole) * real[:, :, None], ~real


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


class Postnet(nn.Module):
    """The mel to use, of all that was listened to, before and after. It sees no frame that was fed back: none of their errors."""

    def __init__(self, encoder: int, mels: int, config):
        super().__init__()
        width, dropout = config.postnet, config.encoder_dropout / 3
        self.group = config.frames_a_step
        self.heard = nn.Linear(encoder, width * self.group)
        self.stack = Stack(width, 3 * width, config.postnet_layers, config.postnet_kernel, dropout=dropout)
        self.out = nn.Linear(width, mels)

    def forward(self, contexts: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Scaled mels (B, T, M) of contexts (B, S, E); bool (B, T) says what is real."""
        B, S, _ = contexts.shape
        return self.out(self.stack(self.heard(contexts).view(B, S * self.group, -1), real))


class Net(nn.Module):
    def __init__(self, inputs: Inputs, config, mels: int):
        super().__init__()
        encoder, width, prenet = config.encoder, config.decoder, config.prenet
        self.frames_a_step, self.mels, self.dropout = config.frames_a_step, mels, config.decoder_dropout
        self.frame_dropout, self.sharpness = config.frame_dropout, config.sharpness
        self.encoder = Encoder(inputs, config)
        self.prenet = Prenet(mels, prenet, config.prenet_dropout)
        self.listener = nn.LSTM(prenet + encoder, width, batch_first=True)
        self.attention = _attention(config)
        self.speaker = nn.LSTM(width + encoder, width, batch_first=True)
        self.frames = nn.Linear(width + encoder, mels * self.frames_a_step)
        self.stop = nn.Linear(width + encoder, 1)
        self.postnet = Postnet(encoder, mels, config)
        self.register_buffer("mean", torch.zeros(mels))
        self.register_buffer("std", torch.ones(mels))

    def scaled(self, log_mel: torch.Tensor) -> torch.Tensor:
        return (log_mel - self.mean) / self.std

    def forward(
        self, given: Arrays, mels: torch.Tensor, frames: torch.Tensor, led: torch.Tensor | None = None
    ) -> Taught:
        """Teacher forcing: `mels` are scaled (B, T, M), T a multiple of R; `frames` (B,) says how many are real.

        `led` (B, S, N) is what to listen to at each step, in place of the attention's own weights.
        """
        B, T, M = mels.shape
        memory, padding = self.encoder(given)
        last = mels[:, self.frames_a_step - 1 :: self.frames_a_step]
        if self.training:
            last = last * (torch.rand(*last.shape[:2], 1, device=last.device) >= self.frame_dropout)
        heard = self.prenet(F.pad(last, (0, 0, 1, 0))[:, :-1])  # before the first step: the mean
        if led is None:
            hiddens, contexts, weights = self._alone(heard, memory, padding)
        else:
            hiddens, contexts, weights = self._led(heard, memory, padding, led)
        # The attention never hears the second recurrent layer: it can go over all steps at once.
        hiddens = F.dropout(hiddens, self.dropout, self.training)
        spoken, _ = self.speaker(torch.cat((hiddens, contexts), 2))
        spoken = torch.cat((F.dropout(spoken, self.dropout, self.training), contexts), 2)
        coarse = self.frames(spoken).view(B, T, M)
        fine = self.postnet(contexts, mask_of(frames, T))
        return Taught(coarse, fine, self.stop(spoken)[:, :, 0], weights)

    def _alone(self, heard: torch.Tensor, memory: torch.Tensor, padding: torch.Tensor) -> tuple:
        """Hidden states, contexts and weights (B, S, ...), each step listening by what the last ones did."""
        hidden, context, state = self._start(memory, padding)
        steps = []
        for step in heard.unbind(1):
            hidden = self._stepped(self.listener, (step, context), hidden)
            context, weights, state = self._listen(hidden[0], memory, state)
            steps.append((hidden[0], context, weights))
        return tuple(torch.stack(each, 1) for each in zip(*steps))

    def _led(self, heard: torch.Tensor, memory: torch.Tensor, padding: torch.Tensor, led: torch.Tensor) -> tuple:
        """The same where all is listened to as `led` says: weights are what the attention would do next, all steps at once."""
        contexts = led @ memory
        hiddens, _ = self.listener(torch.cat((heard, F.pad(contexts, (0, 0, 1, 0))[:, :-1]), 2))
        weights, _ = self.attention(hiddens.flatten(0, 1), self.attention.before(memory, padding, led))
        return hiddens, contexts, weights.view(led.shape)

    @staticmethod
    def _stepped(layer: nn.LSTM, inputs: tuple, hidden: tuple) -> tuple:
        return torch.lstm_cell(torch.cat(inputs, 1), hidden, *layer.all_weights[0])

    def speak(self, given: Arrays, kept: Callable[[int], torch.Tensor], limit: torch.Tensor, linger: int) -> Said:
        """Step by step until each item has said its last: by itself, after `linger` steps on its last phone, or at its limit.

        `kept` gives for a step what the prenet keeps, bool (2, B, P). `limit` is int (B,) in steps.
        """
        memory, padding = self.encoder(given)
        final = given["tokens"] - 1
        hidden, context, state = self._start(memory, padding)
        second = (torch.zeros_like(hidden[0]), torch.zeros_like(hidden[0]))
        frame = memory.new_zeros(len(memory), self.mels)
        steps, waited = torch.zeros_like(final), torch.zeros_like(final)
        ended = torch.zeros_like(padding[:, 0])
        contexts, listened = [], []
        for step in range(int(limit.max())):
            heard = self.prenet.dropped(frame, *kept(step))
            hidden = self._stepped(self.listener, (heard, context), hidden)
            context, weights, state = self._listen(hidden[0], memory, state, self.sharpness)
            second = self._stepped(self.speaker, (hidden[0], context), second)
            spoken = torch.cat((second[0], context), 1)
            frame = self.frames(spoken)[:, -self.mels :]  # the last of the step
            contexts.append(context)
            listened.append(weights)
            going = ~ended & (steps < limit)
            steps += going
            waited += weights.argmax(1) == final
            ended |= going & ((self.stop(spoken)[:, 0] > 0) | (waited > linger))
            if bool((ended | (steps >= limit)).all()):
                break
        real = mask_of(steps * self.frames_a_step, len(contexts) * self.frames_a_step)
        fine = self.postnet(torch.stack(contexts, 1), real)
        return Said(fine * self.std + self.mean, torch.stack(listened, 1), steps, ended)

    def _start(self, memory: torch.Tensor, padding: torch.Tensor) -> tuple:
        nothing = memory.new_zeros(len(memory), self.listener.hidden_size)
        return (nothing, nothing), torch.zeros_like(memory[:, 0]), self.attention.start(memory, padding)

    def _listen(self, query: torch.Tensor, memory: torch.Tensor, state: tuple, sharpness: float = 1.0) -> tuple:
        weights, state = self.attention(query, state, sharpness)
        return (weights[:, None] @ memory)[:, 0], weights, state


def _attention(config) -> nn.Module:
    chosen = config.attention
    if chosen.kind == "location":
        return LocationSensitive(config.decoder, config.encoder, chosen.width, chosen.filters, chosen.kernel)
    return DynamicConvolution(
        config.decoder,
        chosen.width,
        chosen.static,
        chosen.dynamic,
        chosen.kernel,
        chosen.taps,
        chosen.alpha,
        chosen.beta,
    )
