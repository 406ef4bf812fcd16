"""ConvNeXt blocks over time, the backbone of Vocos (Siuzdak 2024), in Flax. Axes: B items, T frames, H hidden channels, K taps."""

import flax.linen as nn
import jax.numpy as jnp

KERNEL = 7  # frames


def shift_add(x_BTH, w_KH):
    """Depthwise convolution over time as shifted multiply-adds: on a CPU a grouped convolution is half as fast."""
    half, T = len(w_KH) // 2, x_BTH.shape[1]
    padded = jnp.pad(x_BTH, ((0, 0), (half, half), (0, 0)))
    return sum(padded[:, k : k + T] * w_KH[k] for k in range(len(w_KH)))


class ConvNeXt(nn.Module):
    """Depthwise convolution, norm, and a wide layer between two products; added to what came in (Liu et al. 2022).

    As `blocks.common.torch_nn.ConvNeXt` in torch, since each framework trains models of its own, but with a gain for each channel
    and the GELU that a CPU computes fast.
    """

    hidden: int
    wide: int
    scale: float  # what a new block adds is multiplied with this

    @nn.compact
    def __call__(self, x_BTH, mask_BT1):
        w = self.param("taps", nn.initializers.truncated_normal(0.02 * KERNEL), (KERNEL, self.hidden))
        h = shift_add(x_BTH, w) + self.param("bias", nn.initializers.zeros, (self.hidden,))
        h = nn.LayerNorm(epsilon=1e-6, name="norm")(h)
        h = nn.gelu(nn.Dense(self.wide, name="widen")(h), approximate=True)
        h = nn.Dense(self.hidden, name="narrow")(h)
        gain = self.param("gain", nn.initializers.constant(self.scale), (self.hidden,))
        return (x_BTH + gain * h) * mask_BT1
