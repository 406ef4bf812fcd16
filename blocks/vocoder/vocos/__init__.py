"""Vocos (Flax): a ConvNeXt at frame rate predicts log-magnitude and phase of every frame, an inverse Fourier transform makes the wave.

One network pass a frame and no loop over samples. Trained on log-mel distances at several resolutions, then also against
discriminators of folded waves and of complex spectra. Where we depart from Siuzdak: narrower for a CPU; the window is the
spec's, here a quarter of which is a hop; the distance is that of log-mels at five resolutions; a long-term average of the
weights speaks. A sample depends on `lookahead` frames to either side: `stream` says the same as `apply` that much later.
"""

from functools import cached_property
from typing import Literal

import numpy as np
from pydantic import PositiveInt

from blocks.vocoder._neural import Neural, NeuralConfig


class Config(NeuralConfig):
    hidden: PositiveInt = 256
    wide: PositiveInt = 768
    layers: PositiveInt = 6
    # What the network's log-magnitudes are added to: nothing, or those of the pseudo-inverse of the mel filters (FreeV).
    prior: Literal["none", "pseudo_inverse"] = "pseudo_inverse"


class Vocos(Neural[Config]):
    tiny = Config(
        hidden=8, wide=16, layers=2, crop=16, max_steps=4, max_frames=160, adversarial_from=3, discriminator_width=2,
        periods=(2,), resolutions=(512,), prior="pseudo_inverse",
        warmup_steps=2, checkpoint_interval=2, val_check_interval=2, ema=0.5,
    )  # fmt: skip
    paper = "Siuzdak 2024 (Vocos); Lv et al. 2024 (FreeV, the prior); Kong et al. 2020 (HiFi-GAN); Jang et al. 2021 (UnivNet)"
    limits = (
        "It knows speech at the sample rate of its spec, mostly clean. Two voices at once, music and strong noise are "
        "outside of its training data; sung and whispered voices are judged, not trained on."
    )

    @property
    def lookahead(self) -> int:
        from blocks.vocoder.vocos.net import reach

        return reach(self.config.layers, self.spec.hop_length, self._size)

    @cached_property
    def _generator(self):
        from blocks.vocoder.vocos.net import Generator

        config = self.config
        return Generator(config.hidden, config.wide, config.layers, self._size // 2 + 1)

    @cached_property
    def _prior(self):
        from blocks.vocoder.vocos.net import pseudo_inverse

        return None if self.config.prior == "none" else pseudo_inverse(self.spec, self._size)

    def _speak(self, params, mel_BTM, lengths_B, scale=None):
        from blocks.vocoder.vocos.net import speak

        how = np.asarray(self._scale) if scale is None else scale, self.spec.hop_length, self._prior
        return speak(self._generator, {"params": params}, mel_BTM, lengths_B, *how)

    def _generate(self, params, part: dict):
        return self._speak(params, part["mel"], part["lengths"], part["scale"].T[..., None, None]), None
