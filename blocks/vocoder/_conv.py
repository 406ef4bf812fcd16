"""Weight-normalised convolutions (Salimans & Kingma 2016) of HiFi-GAN's kind, in Flax, as a CPU computes them fast.

Axes: N items, T time, C channels, K taps.
"""

import flax.linen as nn
import jax.numpy as jnp

from blocks.common.jax_nn import conv


def normed(module: nn.Module, shape: tuple[int, ...], axes: tuple[int, ...]):
    """A weight as its direction and its length, which is taken over `axes`."""
    direction = module.param("direction", nn.initializers.lecun_normal(), shape)
    length = module.param("length", lambda key: jnp.sqrt((direction**2).sum(axes)))
    return direction / jnp.sqrt((direction**2).sum(axes) + 1e-12) * length


class Conv(nn.Module):
    """(N, T, C) -> (N, T, channels) with an odd number of taps, zeros beyond both ends."""

    channels: int
    taps: int = 3
    dilation: int = 1

    @nn.compact
    def __call__(self, x_NTC):
        w = normed(self, (self.taps, x_NTC.shape[-1], self.channels), (0, 1))
        bias = self.param("bias", nn.initializers.zeros, (self.channels,))
        return dilated(x_NTC, w, self.dilation) + bias


def dilated(x_NTC, w_KCO, dilation: int):
    """Every `dilation`-th sample as an item of its own, so that the taps are neighbours: the convolution that is fast."""
    if dilation == 1:
        return conv(x_NTC, w_KCO)
    N, T, C = x_NTC.shape
    rows = -(-T // dilation)
    x = jnp.pad(x_NTC, ((0, 0), (0, rows * dilation - T), (0, 0))).reshape(N, rows, dilation, C)
    y = conv(x.swapaxes(1, 2).reshape(N * dilation, rows, C), w_KCO)
    return y.reshape(N, dilation, rows, -1).swapaxes(1, 2).reshape(N, rows * dilation, -1)[:, :T]


class Upsample(nn.Module):
    """Transposed convolution (N, T, C) -> (N, T * rate, channels) with 2 * rate taps: a product, and neighbours added."""

    channels: int
    rate: int

    @nn.compact
    def __call__(self, x_NTC):
        N, T, C = x_NTC.shape
        w = normed(self, (C, 2 * self.rate * self.channels), (0,))
        bias = self.param("bias", nn.initializers.zeros, (self.channels,))
        first, second = jnp.split(x_NTC @ w, 2, axis=-1)
        cells = jnp.pad(first, ((0, 0), (0, 1), (0, 0))) + jnp.pad(second, ((0, 0), (1, 0), (0, 0)))
        side = self.rate // 2
        return cells.reshape(N, (T + 1) * self.rate, self.channels)[:, side : side + T * self.rate] + bias
