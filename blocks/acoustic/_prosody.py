"""How high and how loud phones are said, in networks of either kind (torch): the variance adaptor, which predicts it, or takes what is given, and conditions what writes the mel.

In training it is given what the recordings do, so that the mel need not be a mean over all ways to say a phone (Ren et al. 2021,
variance adaptor). Axes: B batch, N phones, D width.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from blocks.common.torch_nn import VariancePredictor, mask_of

_REACH = 2.0  # deviations of log-F0: pretrained/allison follows to 1.5 semitones so far, and at 3 not at all
_FARTHEST = 8.0  # deviations of log-F0 that are predicted at most: one that speech was learnt by sings two octaves above its mean
_QUIET = 1.5  # deviations of energy below the mean, where no voiced phone is: an edge is no louder
Arrays = dict[str, torch.Tensor]


class VarianceAdaptor(nn.Module):
    """A network with predictors of pitch and energy, as far as its settings want them.

    What is known of the voice, as means and deviations, lies in buffers.
    """

    def __init__(self, config, mels: int):
        super().__init__()
        width = config.hidden
        self.spreads = config.spread_weight > 0
        predictor = {"width": width, "kernel": config.predictor_kernel, "dropout": config.predictor_dropout}
        self.pitch = VariancePredictor(**predictor, out=2) if config.pitch else None
        self.energy = VariancePredictor(**predictor) if config.energy else None
        self.pitch_in = nn.Linear(2, width, bias=False) if config.pitch else None
        self.energy_in = nn.Linear(1, width, bias=False) if config.energy else None
        for name, size in (("mel", mels), ("pitch", 1), ("energy", 1)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_std", torch.ones(size))
        self.register_buffer("frames_per_phone", torch.ones(1))

    def with_targets(
        self, x_BND: torch.Tensor, manner_BND: torch.Tensor, mask_BN: torch.Tensor, arrays: Arrays
    ) -> tuple[torch.Tensor, Arrays]:
        """Phones with the pitch and energy of `arrays` added, and what the predictors say instead, which `prosody_losses` compares.

        `manner_BND` are the phones as the predictors see them, with the references that condition prosody alone.
        """
        made = {}
        if self.pitch is not None:
            made["pitch"] = self.pitch(manner_BND, mask_BN)
            added_BND = self.pitch_in(self.scaled_pitch(arrays["pitch"]))
            x_BND, manner_BND = x_BND + added_BND, manner_BND + added_BND
        if self.energy is not None:
            made["energy"] = self.energy(manner_BND, mask_BN)[..., 0]
            x_BND = x_BND + self.energy_in(self.scaled_energy(arrays["energy"])[..., None])
        return x_BND, made

    def with_predictions(
        self, x_BND: torch.Tensor, manner_BND: torch.Tensor, mask_BN: torch.Tensor, arrays: Arrays
    ) -> tuple[torch.Tensor, Arrays]:
        """Phones with what is predicted added, moved by `shift` semitones, or given, not NaN, as `pitch` and `energy`; with these.

        `manner_BND` is as in `with_targets`.

        `edges` marks silences that a text begins and ends with: where something strange is said, such as one letter, they
        may be predicted as loud as speech, and the wave would begin with a click.
        """
        made = {}
        if self.pitch is not None:
            hz_BN = self.pitch_hz(self.pitch(manner_BND, mask_BN))
            if "shift" in arrays:
                hz_BN = hz_BN * torch.exp2(arrays["shift"] / 12)
            made["pitch"] = _kept(arrays.get("pitch"), hz_BN)
            added_BND = self.pitch_in(self.scaled_pitch(made["pitch"]))
            x_BND, manner_BND = x_BND + added_BND, manner_BND + added_BND
        if self.energy is not None:
            db_BN = self.energy(manner_BND, mask_BN)[..., 0] * self.energy_std + self.energy_mean
            if "edges" in arrays:
                db_BN = torch.where(arrays["edges"], db_BN.minimum(self.energy_mean - _QUIET * self.energy_std), db_BN)
            made["energy"] = _kept(arrays.get("energy"), db_BN)
            x_BND = x_BND + self.energy_in(self.scaled_energy(made["energy"])[..., None])
        return x_BND, made

    def reach(self) -> tuple[float, float]:
        """The lowest and the highest mean pitch of a text, in Hz, that can be asked for: what the phones of its voices have
        but for the rarest. Beyond, pitch is not followed and speech grows faint."""
        mean, std = float(self.pitch_mean[0]), float(self.pitch_std[0])
        return math.exp(mean - _REACH * std), math.exp(mean + _REACH * std)

    # ---- pitch in Hz and energy in dB, as the network sees them ----

    def scaled_pitch(self, hz_BN: torch.Tensor) -> torch.Tensor:
        """(B, N, 2): log F0, 0 where unvoiced, and whether there is one."""
        voiced = hz_BN > 0
        logs = (torch.where(voiced, hz_BN, 1.0).log() - self.pitch_mean) / self.pitch_std
        return torch.stack([torch.where(voiced, logs, 0.0), voiced.float()], 2)

    def pitch_hz(self, made_BN2: torch.Tensor) -> torch.Tensor:
        """Hz, 0 where unvoiced, of what the predictor says: `scaled_pitch` with a log-odds of voicing."""
        logs, odds = made_BN2.float().unbind(2)
        return torch.where(
            odds > 0, torch.exp(logs.clamp(-_FARTHEST, _FARTHEST) * self.pitch_std + self.pitch_mean), 0.0
        )

    def scaled_energy(self, db_BN: torch.Tensor) -> torch.Tensor:
        return (db_BN - self.energy_mean) / self.energy_std

    # ---- training ----

    def spread_loss(
        self, made_BN: torch.Tensor, wanted_BN: torch.Tensor, where_BN: torch.Tensor, frames
    ) -> torch.Tensor:
        """Of the deviation over an utterance's phones (Toda and Tokuda 2007: global variance), as `mean_of_phones`.

        A predictor that errs least says the mean of all ways to say a phone, and speech is flatter than any recording.
        """
        errors_B1 = (_deviation(made_BN, where_BN) - _deviation(wanted_BN, where_BN)).square()
        return self.mean_of_phones(errors_B1, where_BN, frames)

    def mean_of_phones(self, errors_BN: torch.Tensor, where_BN: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
        """Their mean as one over `frames`: each phone counts as if of the mean length, however a batch is split."""
        return (errors_BN * where_BN).sum() * self.frames_per_phone[0] / frames

    def prosody_losses(self, made: Arrays, arrays: Arrays, frames: torch.Tensor) -> Arrays:
        """`pitch` and `voicing`, and `energy`, of what `with_targets` made; and divergences, which are what they are."""
        mask_BN, found = mask_of(arrays["tokens"], arrays["phones"].shape[1]), {}
        if "pitch" in made:
            logs, voiced = self.scaled_pitch(arrays["pitch"]).unbind(2)
            predicted, odds = made["pitch"].float().unbind(2)
            unsure = functional.binary_cross_entropy_with_logits(odds, voiced, reduction="none")
            found["pitch"] = self.mean_of_phones((predicted - logs).square(), mask_BN & (voiced > 0), frames)
            found["voicing"] = self.mean_of_phones(unsure, mask_BN, frames)
            if self.spreads:
                found["pitch_spread"] = self.spread_loss(predicted, logs, mask_BN & (voiced > 0), frames)
        if "energy" in made:
            wanted = self.scaled_energy(arrays["energy"])
            found["energy"] = self.mean_of_phones((made["energy"].float() - wanted).square(), mask_BN, frames)
            if self.spreads:
                found["energy_spread"] = self.spread_loss(made["energy"].float(), wanted, mask_BN, frames)
        divergences = {name: value for name, value in made.items() if name.startswith("kl_")}
        return found | {name: self.mean_of_phones(value, mask_BN, frames) for name, value in divergences.items()}


def _deviation(values_BN: torch.Tensor, where_BN: torch.Tensor) -> torch.Tensor:
    """(B, 1): standard deviation of those that count."""
    count_B1 = where_BN.sum(1, keepdim=True).clamp(min=1)
    mean_B1 = (values_BN * where_BN).sum(1, keepdim=True) / count_B1
    return (((values_BN - mean_B1).square() * where_BN).sum(1, keepdim=True) / count_B1 + 1e-6).sqrt()


def _kept(given: torch.Tensor | None, predicted: torch.Tensor) -> torch.Tensor:
    predicted = predicted.float()
    return predicted if given is None else torch.where(given.isnan(), predicted, given)
