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
from blocks.acoustic._prosody import Prosodic
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
    prosody: Arrays  # as `Prosodic.prosody_losses` wants it


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
        self.heard = nn.Linear(encoder + 3, width * self.group)
        self.stack = Stack(width, 3 * width, config.postnet_layers, config.postnet_kernel, dropout=dropout)
        self.out = nn.Linear(width, mels)

    def forward(self, memory: torch.Tensor, weights: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Scaled mels (B, T, M) of weights (B, S, N) on memory (B, N, E); bool (B, T) says what is real."""
        B, S, _ = weights.shape
        places = within(weights, real.view(B, S, self.group).any(2), self.group)
        return self.out(
            self.stack(self.heard(torch.cat((weights @ memory, places), 2)).view(B, S * self.group, -1), real)
        )


def within(weights: torch.Tensor, real: torch.Tensor, group: int) -> torch.Tensor:
    """(B, S, 3): how far each step is into the phone that it listens to most, by all that is listened to that phone.

    0 to 1, and to the middle 0 to 1, and log of its frames, `group` a step. Bool (B, S) says what is real. The postnet
    learns to write what is listened to, not to have it listened to otherwise: no gradient.
    """
    weights = weights.detach() * real[:, :, None]
    owner, sums = weights.argmax(2, keepdim=True), weights.cumsum(1)
    into = (sums - 0.5 * weights).gather(2, owner)[:, :, 0]
    whole = sums[:, -1:].expand_as(sums).gather(2, owner)[:, :, 0].clamp(min=1 / group)
    share = (into / whole).clamp(0, 1)
    return torch.stack((share, 1 - (2 * share - 1).abs(), (whole * group).log()), 2)


class Net(Prosodic):
    def __init__(self, inputs: Inputs, config, mels: int):
        super().__init__(config, config.encoder, mels)
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

    def scaled(self, log_mel: torch.Tensor) -> torch.Tensor:
        return (log_mel - self.mel_mean) / self.mel_std

    def unscaled(self, mels: torch.Tensor) -> torch.Tensor:
        return mels * self.mel_std + self.mel_mean

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
        toned, prosody = self.taught(memory, ~padding, given)
        fine = self.postnet(toned, weights if led is None else led, mask_of(frames, T))
        return Taught(coarse, fine, self.stop(spoken)[:, :, 0], weights, prosody)

    def _alone(self, heard: torch.Tensor, memory: torch.Tensor, padding: torch.Tensor) -> tuple:
        """Hidden states, contexts and weights (B, S, ...), each step listening by what the last ones did.

        Where it does not learn, it listens as sharply as when it speaks.
        """
        sharpness = 1.0 if self.training else self.sharpness
        hidden, context, state = self._start(memory, padding)
        steps = []
        for step in heard.unbind(1):
            hidden = self._stepped(self.listener, (step, context), hidden)
            context, weights, state = self._listen(hidden[0], memory, state, sharpness)
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
        listened = []
        for step in range(int(limit.max())):
            heard = self.prenet.dropped(frame, *kept(step))
            hidden = self._stepped(self.listener, (heard, context), hidden)
            context, weights, state = self._listen(hidden[0], memory, state, self.sharpness)
            second = self._stepped(self.speaker, (hidden[0], context), second)
            spoken = torch.cat((second[0], context), 1)
            frame = self.frames(spoken)[:, -self.mels :]  # the last of the step
            listened.append(weights)
            going = ~ended & (steps < limit)
            steps += going
            waited += weights.argmax(1) == final
            ended |= going & ((self.stop(spoken)[:, 0] > 0) | (waited > linger))
            if bool((ended | (steps >= limit)).all()):
                break
        weights = torch.stack(listened, 1)
        real = mask_of(steps * self.frames_a_step, len(listened) * self.frames_a_step)
        toned, _ = self.told(memory, ~padding, given)
        return Said(self.unscaled(self.postnet(toned, weights, real)), weights, steps, ended)

    def _start(self, memory: torch.Tensor, padding: torch.Tensor) -> tuple:
        nothing = memory.new_zeros(len(memory), self.listener.hidden_size)
        return (nothing, nothing), torch.zeros_like(memory[:, 0]), self.attention.start(memory, padding)

    def _listen(self, query: torch.Tensor, memory: torch.Tensor, state: tuple, sharpness: float) -> tuple:
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
