"""Discriminators for adversarial training, shared by the neural vocoders: folded waves of several periods, spectra of several resolutions.

After HiFi-GAN (Kong et al. 2020) and UnivNet (Jang et al. 2021), narrow enough for two cores. Where those convolve with
a stride, here neighbours are folded into channels first: what is left is a plain convolution over time, the only kind
that XLA computes fast in both directions on a CPU.
Axes: B items, S samples, T time, F frequency, P period, C channels, K taps.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from blocks.vocoder._conv import Conv
from blocks.vocoder._stft import transform

SLOPE = 0.1


def fold(x, by: int):
    """(N, T, ...) -> (N, T / by, ..., by * C): neighbours of the second axis side by side; zeros fill the last."""
    x = jnp.pad(x, [(0, 0), (0, -x.shape[1] % by)] + [(0, 0)] * (x.ndim - 2))
    x = x.reshape(len(x), -1, by, *x.shape[2:])
    return jnp.concatenate([x[:, :, k] for k in range(by)], axis=-1)


def beside(x):
    """Each position of the second axis with the one before and the one after it."""
    padded = jnp.pad(x, [(0, 0), (1, 1)] + [(0, 0)] * (x.ndim - 2))
    return jnp.concatenate([padded[:, k : k + x.shape[1]] for k in range(3)], axis=-1)


class PeriodDiscriminator(nn.Module):
    """Looks at every `period`-th sample."""

    period: int
    width: int

    @nn.compact
    def __call__(self, wave_BS):
        B, P = len(wave_BS), self.period
        padded = jnp.pad(wave_BS, ((0, 0), (0, -wave_BS.shape[1] % P)))
        h, seen = padded.reshape(B, -1, P).swapaxes(1, 2).reshape(B * P, -1, 1), []
        for n, (times, by) in enumerate(((1, 3), (2, 3), (4, 3), (4, 1))):
            h = nn.leaky_relu(Conv(self.width * times, name=f"conv_{n}")(fold(h, by)), SLOPE)
            seen.append(h.reshape(B, -1))
        return Conv(1, name="verdict")(h).reshape(B, -1), seen


class ResolutionDiscriminator(nn.Module):
    """Looks at the complex spectrum."""

    size: int  # samples of a window
    width: int

    @nn.compact
    def __call__(self, wave_BS):
        B, seen = len(wave_BS), []
        spectrum = transform(wave_BS, self.size, self.size // 4).swapaxes(1, 2) * (8 / self.size)
        parts = jnp.stack([spectrum.real, spectrum.imag], axis=-1)  # (B, F, T, 2)
        h = parts * ((parts**2).sum(-1, keepdims=True) + 1e-6) ** -0.25  # quiet parts are looked at too
        for n, by in enumerate((4, 2, 2, 1)):
            h = beside(fold(h, by))
            B, F, T, C = h.shape
            h = nn.leaky_relu(Conv(self.width, name=f"conv_{n}")(h.reshape(B * F, T, C)), SLOPE)
            h = h.reshape(B, F, T, -1)
            seen.append(h.reshape(B, -1))
        return Conv(1, name="verdict")(h.reshape(B * F, T, -1)).reshape(B, -1), seen


class Discriminators(nn.Module):
    """All of them: a list of (verdicts (B, n), what their layers saw [(B, m)])."""

    periods: tuple[int, ...]
    resolutions: tuple[int, ...]
    width: int

    @nn.compact
    def __call__(self, wave_BS):
        of_time = [PeriodDiscriminator(p, self.width, name=f"period_{p}")(wave_BS) for p in self.periods]
        return of_time + [
            ResolutionDiscriminator(n, self.width, name=f"resolution_{n}")(wave_BS) for n in self.resolutions
        ]


def discriminator_loss(real: list, fake: list):
    """(B,), hinge: zero where real is above 1 and what was made below -1."""
    relu = jax.nn.relu
    return _mean([relu(1 - r).mean(1) + relu(1 + f).mean(1) for (r, _), (f, _) in zip(real, fake, strict=True)])


def adversarial_loss(fake: list):
    """(B,)"""
    return _mean([jax.nn.relu(1 - f).mean(1) for f, _ in fake])


def feature_loss(real: list, fake: list):
    """(B,): how far apart what the discriminators' layers saw is."""
    both = zip(real, fake, strict=True)
    return _mean([jnp.abs(r - f).mean(1) for (_, rs), (_, fs) in both for r, f in zip(rs, fs, strict=True)])


def _mean(values: list):
    return sum(values) / len(values)
