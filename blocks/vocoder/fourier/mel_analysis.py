"""What can be computed from a log-mel before any network: magnitudes of the transform that is inverted, and how high a voice is.

Axes: C pitches, B items, T frames, M mels, F bins of the transform that is inverted, G bins of the spec's.
"""

from dataclasses import dataclass
from functools import cached_property

import jax.numpy as jnp
import numpy as np

from blocks.common.mel import mel_filters
from blocks.spec import AudioSpec

STEPS = 10  # towards magnitudes whose mel is the one given
FAINT = 1e-5  # of what a mel sums up, and of a magnitude
LEAST = 1e-12  # of a power, and of what is divided by
LOWEST, OCTAVE, PITCHES = 50.0, 48, 192  # Hz, and how many pitches lie in an octave and in all
_TOP = 1300.0  # Hz: above it mels are too wide to tell harmonics apart
_AROUND = 4  # mels on either side that those of a harmonic are compared with


@dataclass(frozen=True)
class MelAnalysis:
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

    def magnitude(self, mel_BTM, source_BTF, source_BTG):
        """(B, T, F), not negative: that of a source, whose mel becomes the one given while its detail stays.

        The steps of `blocks.common.mel.linear_magnitude`, at the spec's bins, from the source instead of a flat one.
        """
        filters, share = self.filters
        mel = self._mel_power(mel_BTM)
        first = source_BTG**self.spec.power
        power = first
        for _ in range(STEPS):
            power = jnp.maximum(power * ((mel / jnp.maximum(power @ filters, LEAST)) @ share), LEAST)
        below, above, weight = self.places
        gain = power / first
        gain = gain[..., below] * (1 - weight) + gain[..., above] * weight
        return source_BTF * (jnp.sqrt(gain) if self.spec.power == 2 else gain)

    def early(self, gain_BTF):
        """(B, T, F): the phase of a filter of these gains that answers as early as can be, as a vocal tract does.

        The minimum phase (Oppenheim & Schafer): a Hilbert transform of the logarithm, here as one product.
        """
        return jnp.log(gain_BTF) @ self.hilbert

    def likeness(self, mel_BTM):
        """(B, T, C) in -1..1: how like the fine structure of a mel is to that of harmonics of each pitch."""
        relief, patterns = self.patterns
        contrast = jnp.log(jnp.maximum(self._mel_power(mel_BTM), FAINT)) @ relief
        return contrast @ patterns / jnp.sqrt((contrast**2).sum(-1, keepdims=True) + 1e-6)

    def _mel_power(self, mel_BTM):
        spec = self.spec
        base = np.float32(np.log(10.0) if spec.log_base == "10" else 1.0)
        mel = jnp.exp((mel_BTM - spec.log_offset) * (base / spec.log_gain))
        return jnp.maximum(mel - spec.log_floor, 0.0) if spec.log_floor_mode == "add" else mel

    @cached_property
    def filters(self):
        """The filters (G, M) of the spec, and of each of its bins its share in each mel (M, G)."""
        filters = mel_filters(self.spec)
        return filters, (filters / np.maximum(filters.sum(1, keepdims=True), 1e-12)).T

    @cached_property
    def hilbert(self):
        """(F, F): takes logarithms of gains to phases, by a cepstrum of which no part comes before the beginning."""
        cepstra = np.fft.irfft(np.eye(self.size // 2 + 1), n=self.size)
        side = np.sign(np.fft.fftfreq(self.size)) * (np.arange(self.size) != self.size // 2)
        return np.fft.rfft(cepstra * side).imag.astype(np.float32)

    @cached_property
    def patterns(self):
        """What takes from log-mels (M) those around them, up to `_TOP`; and the same of harmonics of every pitch (M, C), of length 1."""
        filters, _ = self.filters
        hertz = np.linspace(0, self.spec.sample_rate / 2, len(filters))
        far = np.abs(np.arange(filters.shape[1])[:, None] - np.arange(filters.shape[1]))
        near = (far <= _AROUND).astype(np.float64)
        seen = (hertz @ filters / np.maximum(filters.sum(0), 1e-12) < _TOP) & (filters.sum(0) > 0)
        relief = (np.eye(len(far)) - near / near.sum(0)) * seen
        lobe = 2.0 * self.spec.sample_rate / self.spec.win_length  # Hz to where a harmonic's window is silent
        pitches = LOWEST * 2.0 ** (np.arange(PITCHES) / OCTAVE)
        apart = np.abs(hertz[:, None] - pitches * np.maximum(np.round(hertz[:, None] / pitches), 1)) / lobe
        combs = np.where(apart < 1, 0.5 + 0.5 * np.cos(np.pi * np.minimum(apart, 1)), 0.0)
        patterns = relief.T @ np.log(filters.T @ combs + 0.05 * filters.sum(0)[:, None] + LEAST)
        patterns /= np.sqrt((patterns**2).sum(0)) + LEAST
        return relief.astype(np.float32), patterns.astype(np.float32)

    @cached_property
    def places(self):
        """Where the F bins of the transform lie between the G of the spec: the one below, above, and how far towards that."""
        last = self.spec.n_fft // 2
        places = np.linspace(0, last, self.size // 2 + 1)
        below = np.minimum(places.astype(int), last - 1)
        return below, below + 1, (places - below).astype(np.float32)

    @cached_property
    def views(self):
        """Points of a transform with F bins, then with G, each with what spreads numbers of mels over its bins."""
        share, (below, above, weight) = self.filters[1], self.places
        return (self.size, share[:, below] * (1 - weight) + share[:, above] * weight), (self.spec.n_fft, share)
