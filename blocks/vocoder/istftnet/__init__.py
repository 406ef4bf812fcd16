"""iSTFTNet (Flax): HiFi-GAN's convolutions raise the frame rate in few stages, a short inverse Fourier transform does the rest.

The size is between HiFi-GAN's V2 and V3: 128 channels, residual blocks of V3. Trained as `vocoder.vocos` is, with the same
discriminators and distances. Where we depart from Kaneko et al.: the last transform has windows of four of its hops, whatever
these are, and its phase is not bounded by a sine. A sample depends on `lookahead` frames to either side: `stream` says the
same as `apply` that much later.
"""

from functools import cached_property
from math import prod

import numpy as np
from pydantic import PositiveInt, model_validator

from blocks.vocoder._neural import Neural, NeuralConfig


class Config(NeuralConfig):
    channels: PositiveInt = 128  # before the first stage, half as many after each
    rates: tuple[PositiveInt, ...] = (8, 5)  # of the stages; their product divides the hop
    kernels: tuple[PositiveInt, ...] = (3, 5, 7)  # taps, odd, of residual blocks side by side
    dilations: tuple[tuple[PositiveInt, ...], ...] = ((1, 2), (2, 6), (3, 12))  # of the convolutions of each

    @model_validator(mode="after")
    def _fits(self):
        if len(self.kernels) != len(self.dilations):
            raise ValueError(f"{len(self.kernels)} kernels, but dilations for {len(self.dilations)}: want one for each")
        if even := [taps for taps in self.kernels if taps % 2 == 0]:
            raise ValueError(f"kernels {even} are even, want odd ones")
        if self.channels % 2 ** len(self.rates):
            raise ValueError(f"{self.channels} channels cannot be halved in {len(self.rates)} stages")
        return self


class ISTFTNet(Neural[Config]):
    tiny = Config(
        channels=8, rates=(5, 4), kernels=(3,), dilations=((1, 2),), crop=16, max_steps=4, max_frames=160, adversarial_from=3,
        discriminator_width=2, periods=(2,), resolutions=(512,), warmup_steps=2, checkpoint_interval=2, val_check_interval=2, ema=0.5,
    )  # fmt: skip
    paper = "Kaneko et al. 2022 (iSTFTNet); Kong et al. 2020 (HiFi-GAN); Jang et al. 2021 (UnivNet)"
    limits = (
        "It knows speech at the sample rate of its spec, mostly clean. Two voices at once, music and strong noise are "
        "outside of its training data; sung and whispered voices are judged, not trained on."
    )

    @property
    def lookahead(self) -> int:
        from blocks.vocoder.istftnet.net import reach

        return reach(self.config.rates, self.config.kernels, self.config.dilations)

    @cached_property
    def _generator(self):
        """Raises ValueError where the rates do not divide the hop."""
        from blocks.vocoder.istftnet.net import LAPS, Generator

        config, hop = self.config, self.spec.hop_length
        times = prod(config.rates)
        if hop % times or hop == times:
            raise ValueError(f"rates {config.rates} make {times} positions a frame, want a divisor of hop_length {hop}")
        bins = LAPS * (hop // times) // 2 + 1
        return Generator(config.channels, config.rates, config.kernels, config.dilations, bins)

    def _speak(self, params, mel_BTM, lengths_B, scale=None):
        from blocks.vocoder.istftnet.net import speak

        how = np.asarray(self._scale) if scale is None else scale, self.spec.hop_length
        return speak(self._generator, {"params": params}, mel_BTM, lengths_B, *how)

    def _generate(self, params, part: dict):
        return self._speak(params, part["mel"], part["lengths"], part["scale"].T[..., None, None]), None
