"""The network of `vocoder.istftnet`, in Flax: HiFi-GAN's upsampling, whose last stages an inverse Fourier transform replaces.

Axes: B items, T frames, M mels, C channels, S samples.
"""

from math import ceil, prod

import flax.linen as nn
import jax
import jax.numpy as jnp

from blocks.vocoder._conv import Conv, Upsample
from blocks.vocoder._stft import inverse

SLOPE = 0.1
ENDS = 7  # taps of the first and the last convolution
LAPS = 4  # windows over a sample
LOUDEST = 50.0  # of a magnitude


class ResBlock(nn.Module):
    """Dilated convolutions, each added to what came in: the second kind of HiFi-GAN, that of its V3."""

    taps: int
    dilations: tuple[int, ...]

    @nn.compact
    def __call__(self, x_BTC, mask_BT1):
        for n, dilation in enumerate(self.dilations):
            h = nn.leaky_relu(x_BTC, SLOPE) * mask_BT1
            x_BTC = x_BTC + Conv(x_BTC.shape[-1], self.taps, dilation, name=f"conv_{n}")(h)
        return x_BTC


class Generator(nn.Module):
    """Scaled log-mels (B, T, M) and a mask (B, T, 1) to log-magnitude and phase of the short transform, (B, T * rates, F) each."""

    channels: int  # before the first stage, and half as many after each
    rates: tuple[int, ...]
    kernels: tuple[int, ...]
    dilations: tuple[tuple[int, ...], ...]
    bins: int

    @nn.compact
    def __call__(self, x_BTM, mask_BT1):
        h, width, mask = Conv(self.channels, ENDS, name="first")(x_BTM * mask_BT1), self.channels, mask_BT1
        for n, rate in enumerate(self.rates):
            width //= 2
            h = Upsample(width, rate, name=f"up_{n}")(nn.leaky_relu(h, SLOPE) * mask)
            mask = jnp.repeat(mask, rate, axis=1)
            several = [
                ResBlock(taps, dilations, name=f"block_{n}_{k}")(h, mask)
                for k, (taps, dilations) in enumerate(zip(self.kernels, self.dilations, strict=True))
            ]
            h = sum(several) / len(several)
        out = Conv(2 * self.bins, ENDS, name="last")(nn.leaky_relu(h, SLOPE) * mask)
        return out[..., : self.bins], out[..., self.bins :]


def speak(generator: Generator, variables, mel_BTM, lengths_B, scale, hop: int):
    """Waves (B, T * hop) of log-mels; samples from `lengths` frames on are zero. `scale`: mean and deviation of mels."""
    mask_BT1 = (jnp.arange(mel_BTM.shape[1]) < lengths_B[:, None])[..., None].astype(mel_BTM.dtype)
    log_magnitude, phase = generator.apply(variables, (mel_BTM - scale[0]) / scale[1], mask_BT1)
    magnitude = jnp.minimum(jnp.exp(jnp.minimum(log_magnitude, 20.0)), LOUDEST)
    times = prod(generator.rates)
    mask = jnp.repeat(mask_BT1, times, axis=1)
    return inverse(magnitude * jax.lax.complex(jnp.cos(phase), jnp.sin(phase)) * mask, mask, hop // times)


def reach(rates: tuple[int, ...], kernels: tuple[int, ...], dilations: tuple[tuple[int, ...], ...]) -> int:
    """Frames on either side that a sample depends on."""
    frames, places = ENDS // 2, 1
    for rate in rates:
        frames += 1 / places
        places *= rate
        frames += max((taps // 2) * sum(each) for taps, each in zip(kernels, dilations, strict=True)) / places
    return ceil(frames + (ENDS // 2 + LAPS) / places)
