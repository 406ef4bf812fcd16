"""The network of `vocoder.vocos`, in Flax: ConvNeXt blocks at frame rate, then a head whose spectrum is transformed back.

Axes: B items, T frames, M mels, H hidden channels, F bins of the transform, G bins of the spec's, S samples.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from blocks.common.jax_nn import conv
from blocks.common.mel import mel_filters
from blocks.spec import AudioSpec
from blocks.vocoder._convnext import KERNEL, ConvNeXt
from blocks.vocoder._stft import inverse

LOUDEST = 150.0  # of a magnitude: beyond it lies no audio
QUIETEST = 1e-5  # of a magnitude that a mel tells of
_narrow = nn.initializers.truncated_normal(0.02)  # as Siuzdak's weights begin


class Generator(nn.Module):
    """Scaled log-mels (B, T, M) and a mask (B, T, 1) to log-magnitude and phase, (B, T, F) each."""

    hidden: int
    wide: int
    layers: int
    bins: int

    @nn.compact
    def __call__(self, x_BTM, mask_BT1):
        M, H, F = x_BTM.shape[-1], self.hidden, self.bins
        w = self.param("taps", nn.initializers.lecun_normal(), (KERNEL, M, H))
        h = conv(x_BTM * mask_BT1, w) + self.param("bias", nn.initializers.zeros, (H,))
        h = nn.LayerNorm(epsilon=1e-6, name="norm_in")(h) * mask_BT1
        for n in range(self.layers):
            h = ConvNeXt(H, self.wide, 1 / self.layers, name=f"block_{n}")(h, mask_BT1)
        h = nn.LayerNorm(epsilon=1e-6, name="norm_out")(h)
        head = nn.Dense(2 * F, kernel_init=_narrow, name="head")(h)
        return head[..., :F], head[..., F:]


def speak(generator: Generator, variables, mel_BTM, lengths_B, scale, hop: int, prior):
    """Waves (B, T * hop) of log-mels; samples from `lengths` frames on are zero.

    `scale`: mean and deviation of mels. `prior`: what makes log-magnitudes (B, T, F) of log-mels, which the network only
    corrects; or None.
    """
    mask_BT1 = (jnp.arange(mel_BTM.shape[1]) < lengths_B[:, None])[..., None].astype(mel_BTM.dtype)
    log_magnitude, phase = generator.apply(variables, (mel_BTM - scale[0]) / scale[1], mask_BT1)
    if prior is not None:
        log_magnitude = log_magnitude + prior(mel_BTM)
    magnitude = jnp.minimum(jnp.exp(jnp.minimum(log_magnitude, 20.0)), LOUDEST)
    spectrum = magnitude * jax.lax.complex(jnp.cos(phase), jnp.sin(phase))
    return inverse(spectrum * mask_BT1, mask_BT1, hop)


def pseudo_inverse(spec: AudioSpec, size: int):
    """A function (B, T, M) -> (B, T, F): the log-magnitudes that the pseudo-inverse of the mel filters tells of log-mels.

    The prior of FreeV (Lv et al. 2024), who take absolute values, too.
    """
    bins, base = back(spec, size), np.float32(np.log(10.0) if spec.log_base == "10" else 1.0)

    def prior(mel_BTM):
        mel = jnp.exp((mel_BTM - spec.log_offset) * (base / spec.log_gain))
        if spec.log_floor_mode == "add":
            mel = jnp.maximum(mel - spec.log_floor, 0.0)
        return jnp.log(jnp.maximum(jnp.abs(mel @ bins), QUIETEST)) / spec.power

    return prior


def back(spec: AudioSpec, size: int) -> np.ndarray:
    """float32 (M, F): the pseudo-inverse of the mel filters, interpolated to the bins of a transform of `size` samples."""
    rows = np.linalg.pinv(mel_filters(spec).astype(np.float64))
    known = rows.shape[1]
    places = np.linspace(0, known - 1, size // 2 + 1)
    return np.stack([np.interp(places, np.arange(known), row) for row in rows]).astype(np.float32)


def reach(layers: int, hop: int, size: int) -> int:
    """Frames on either side that a sample depends on."""
    return (1 + layers) * (KERNEL // 2) + -(-size // (2 * hop))
