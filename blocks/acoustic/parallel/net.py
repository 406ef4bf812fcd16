"""The network of `acoustic.parallel`: phones to frames in one pass (torch).

Axes: B batch, N phones, T frames, D width, M mels.
"""

import torch
from torch import nn
from torch.nn import functional

from blocks.acoustic._embed import Embed
from blocks.acoustic._inputs import Inputs
from blocks.common.torch_nn import Predictor, Stack, gaussian, mask_of, of_frames, owners, within

_NARROWEST = 0.5  # frames a Gaussian reaches at least


class Network(nn.Module):
    """Says arrays of `Inputs.arrays`. What is known of the voice, as means and deviations, lies in buffers."""

    def __init__(self, inputs: Inputs, config, mels: int):
        super().__init__()
        width, heads = config.hidden, config.heads
        shape = {"width": width, "wide": config.wide, "kernel": config.kernel, "dropout": config.dropout}
        self.embed = Embed(inputs, width)
        self.encoder = Stack(**shape, layers=config.encoder_layers, heads=heads if config.attention != "none" else 0)
        self.decoder = Stack(**shape, layers=config.decoder_layers, heads=heads if config.attention == "both" else 0)
        predictor = {"width": width, "kernel": config.predictor_kernel, "dropout": config.predictor_dropout}
        self.duration = Predictor(**predictor)
        self.pitch = Predictor(**predictor, out=2) if config.pitch else None
        self.energy = Predictor(**predictor) if config.energy else None
        self.pitch_in = nn.Linear(2, width, bias=False) if config.pitch else None
        self.energy_in = nn.Linear(1, width, bias=False) if config.energy else None
        self.range = nn.Linear(width + 1, 1) if config.regulation == "gaussian" else None
        self.place = nn.Linear(3, width)
        self.mel = nn.Linear(width, mels)
        self.postnet = Stack(**shape, layers=config.postnet_layers) if config.postnet_layers else None
        self.post_in = nn.Linear(mels, width) if config.postnet_layers else None
        self.post_out = nn.Linear(width, mels) if config.postnet_layers else None
        for name, size in (("mel", mels), ("pitch", 1), ("energy", 1)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_std", torch.ones(size))
        self.register_buffer("frames_per_phone", torch.ones(1))
        self.register_buffer("longest", torch.ones(1))  # phone that was trained on, in frames

    def forward(self, arrays: dict[str, torch.Tensor], frames: int) -> dict[str, torch.Tensor]:
        """With all that training knows: durations, pitch and energy of the phones. Gives what `loss` compares."""
        x, whole, mask_BN = self.encoded(arrays)
        made = {"duration": self.duration(x, mask_BN)[..., 0]}
        if self.pitch is not None:
            made["pitch"] = self.pitch(x, mask_BN)
            x = x + self.pitch_in(self.scaled_pitch(arrays["pitch"]))
        if self.energy is not None:
            made["energy"] = self.energy(x, mask_BN)[..., 0]
            x = x + self.energy_in(self.scaled_energy(arrays["energy"])[..., None])
        made["mels"] = self.decoded(x, whole, arrays["durations"], frames)
        return made

    def encoded(self, arrays: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The phones (B, N, D) in their surroundings, the globals (B, 1, D), and where phones are (B, N)."""
        mask_BN = mask_of(arrays["tokens"], arrays["phones"].shape[1])
        x_BND, whole_B1D = self.embed(arrays)
        return self.encoder(x_BND + whole_B1D, mask_BN) + whole_B1D, whole_B1D, mask_BN

    def decoded(self, x_BND, whole_B1D, durations_BN, frames: int) -> list[torch.Tensor]:
        """Scaled mels (B, frames, M); the last is the one to use, that of the postnet where there is one."""
        owners_BT = owners(durations_BN, frames)
        places_BT3 = within(durations_BN, owners_BT)
        if self.range is None:
            y_BTD = of_frames(x_BND, owners_BT)
        else:
            lengths = durations_BN[..., None].float().log1p()
            ranges_BN = functional.softplus(self.range(torch.cat([x_BND, lengths], 2)).float())[..., 0] + _NARROWEST
            y_BTD = gaussian(x_BND, durations_BN, ranges_BN, frames)
        mask_BT = mask_of(durations_BN.sum(1), frames)
        mels = [self.mel(self.decoder(y_BTD + self.place(places_BT3) + whole_B1D, mask_BT))]
        if self.postnet is not None:
            mels.append(mels[0] + self.post_out(self.postnet(self.post_in(mels[0]), mask_BT)))
        return mels

    def spoken(self, arrays: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What apply gives out, of arrays of `controls.arrays` too.

        Given `durations`, `pitch` and `energy` are kept to where they are not negative or NaN; `rates` and `shift` change
        what is predicted.
        """
        x, whole, mask_BN = self.encoded(arrays)
        durations = self.durations(x, mask_BN, arrays["rates"])
        durations = torch.where(arrays["durations"] >= 0, arrays["durations"], durations) * mask_BN
        made = {"durations": durations}
        if self.pitch is not None:
            moved = self.heard_pitch(self.pitch(x, mask_BN)) * torch.exp2(arrays["shift"] / 12)
            made["pitch"] = _kept(arrays["pitch"], moved)
            x = x + self.pitch_in(self.scaled_pitch(made["pitch"]))
        if self.energy is not None:
            energy = self.energy(x, mask_BN)[..., 0] * self.energy_std + self.energy_mean
            made["energy"] = _kept(arrays["energy"], energy)
            x = x + self.energy_in(self.scaled_energy(made["energy"])[..., None])
        scaled = self.decoded(x, whole, durations, int(durations.sum(1).max()))[-1]
        return made | {"mel": scaled.float() * self.mel_std + self.mel_mean}

    def durations(self, x_BND, mask_BN, rates_BN: torch.Tensor) -> torch.Tensor:
        """int64 (B, N): predicted frames, at least one each. Ends are rounded, so that a rate holds for the whole."""
        logs_BN = self.duration(x_BND, mask_BN)[..., 0].double()
        lengths_BN = torch.expm1(logs_BN.clamp(max=float(self.longest.log1p())))
        ends_BN = ((lengths_BN / rates_BN.where(mask_BN, 1.0)).clamp(min=1.0) * mask_BN).cumsum(1)
        ends_BN = torch.floor(ends_BN + 0.5).long()
        return ends_BN.diff(dim=1, prepend=torch.zeros_like(ends_BN[:, :1])).clamp(min=1)

    # ---- pitch in Hz and energy in dB, as the network sees them ----

    def scaled_pitch(self, hz_BN: torch.Tensor) -> torch.Tensor:
        """(B, N, 2): log F0, 0 where unvoiced, and whether there is one."""
        voiced = hz_BN > 0
        logs = (torch.where(voiced, hz_BN, 1.0).log() - self.pitch_mean) / self.pitch_std
        return torch.stack([torch.where(voiced, logs, 0.0), voiced.float()], 2)

    def heard_pitch(self, made_BN2: torch.Tensor) -> torch.Tensor:
        """Hz, 0 where unvoiced, of what the predictor says: `scaled_pitch` with a log-odds of voicing."""
        logs, odds = made_BN2.float().unbind(2)
        return torch.where(odds > 0, torch.exp(logs.clamp(-5, 5) * self.pitch_std + self.pitch_mean), 0.0)

    def scaled_energy(self, db_BN: torch.Tensor) -> torch.Tensor:
        return (db_BN - self.energy_mean) / self.energy_std

    # ---- training ----

    def losses(self, made: dict[str, torch.Tensor], arrays: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Each a mean over the frames of the batch: what is said of phones counts as if of their mean length."""
        frames = arrays["durations"].sum()
        mask_BN = mask_of(arrays["tokens"], arrays["phones"].shape[1])
        mask_BT = mask_of(arrays["durations"].sum(1), arrays["mel"].shape[1])
        wanted = (arrays["mel"] - self.mel_mean) / self.mel_std

        def of_phones(errors_BN: torch.Tensor, where_BN: torch.Tensor = mask_BN) -> torch.Tensor:
            return (errors_BN * where_BN).sum() * self.frames_per_phone[0] / frames

        mels = [((mel.float() - wanted).abs().mean(2) * mask_BT).sum() / frames for mel in made["mels"]]
        found = {"mel": torch.stack(mels).mean()}
        found["duration"] = of_phones((made["duration"].float() - arrays["durations"].float().log1p()).square())
        if "pitch" in made:
            logs, voiced = self.scaled_pitch(arrays["pitch"]).unbind(2)
            found["pitch"] = of_phones((made["pitch"][..., 0].float() - logs).square(), mask_BN & (voiced > 0))
            odds = made["pitch"][..., 1].float()
            found["voicing"] = of_phones(functional.binary_cross_entropy_with_logits(odds, voiced, reduction="none"))
        if "energy" in made:
            found["energy"] = of_phones((made["energy"].float() - self.scaled_energy(arrays["energy"])).square())
        return found


def _kept(given: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
    return torch.where(given.isnan(), predicted.float(), given)
