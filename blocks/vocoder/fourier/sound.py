"""What a log-mel tells by itself: the magnitudes of the transform that is inverted, before any network.

Axes: B items, T frames, M mels, F bins of the transform.
"""

from dataclasses import dataclass
from functools import cached_property

import jax.numpy as jnp
import numpy as np

from blocks.common.mel import mel_filters
from blocks.spec import AudioSpec

STEPS = 10  # towards magnitudes whose mel is the one given
LEAST = 1e-12  # of a power, and of what is divided by


@dataclass(frozen=True)
class Sound:
    """Log-mels of a spec, for a transform of `size` samples; `mean` and `deviation` are those of the training data."""

    spec: AudioSpec
    size: int
    mean: float
    deviation: float

    @property
    def hop(self) -> int:
        return self.spec.hop_length

    def scaled(self, mel_BTM):
        return (mel_BTM - self.mean) / self.deviation

    def magnitude(self, mel_BTM):
        """(B, T, F), not negative: `blocks.common.mel.linear_magnitude` in fewer steps, between its bins."""
        filters, share, (below, above, weight) = self.tables
        mel = self._mel_power(mel_BTM)
        power = mel @ share
        for _ in range(STEPS):
            power = jnp.maximum(power * ((mel / jnp.maximum(power @ filters, LEAST)) @ share), LEAST)
        power = power[..., below] * (1 - weight) + power[..., above] * weight
        return jnp.sqrt(power) if self.spec.power == 2 else power

    def _mel_power(self, mel_BTM):
        spec = self.spec
        base = np.float32(np.log(10.0) if spec.log_base == "10" else 1.0)
        mel = jnp.exp((mel_BTM - spec.log_offset) * (base / spec.log_gain))
        return jnp.maximum(mel - spec.log_floor, 0.0) if spec.log_floor_mode == "add" else mel

    @cached_property
    def tables(self):
        """The filters of the spec's bins, of each bin its share in each mel, and where the transform's bins lie."""
        filters = mel_filters(self.spec)
        share = (filters / np.maximum(filters.sum(1, keepdims=True), 1e-12)).T
        places = np.linspace(0, len(filters) - 1, self.size // 2 + 1)
        below = np.minimum(places.astype(int), len(filters) - 2)
        return filters, share, (below, below + 1, (places - below).astype(np.float32))
