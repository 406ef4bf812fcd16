"""The network of `vocoder.fourier`, in Flax: ConvNeXt blocks at frame rate, then an inverse Fourier transform.

Axes: B items, T frames, M mels, H hidden channels, F bins of the transform, S samples.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from blocks.common.jax_nn import conv
from blocks.vocoder.fourier.sound import Sound

KERNEL = 7  # frames
QUIETEST = 1e-4  # of a magnitude, so that its logarithm has an end
LOUDEST = 5.0  # of a log-magnitude: beyond it lies no audio, and exp() would overflow
SMALL = 1e-8  # beside squares of magnitudes
MOMENTUM = 0.99  # of the rounds in which phases come to agree


def shift_add(x_BTH, w_KH):
    """Depthwise convolution over time as shifted multiply-adds: on a CPU a grouped convolution is half as fast."""
    half, T = len(w_KH) // 2, x_BTH.shape[1]
    padded = jnp.pad(x_BTH, ((0, 0), (half, half), (0, 0)))
    return sum(padded[:, k : k + T] * w_KH[k] for k in range(len(w_KH)))


class ConvNeXt(nn.Module):
    """Depthwise convolution, norm, and a wide layer between two products; added to what came in (Liu et al. 2022)."""

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


class Generator(nn.Module):
    """Log-mels (B, T, M) to spectra: how far the log-magnitude is from the mel's own, and the phase, (B, T, F) each."""

    hidden: int
    wide: int
    layers: int
    bins: int

    @nn.compact
    def __call__(self, x_BTM, mask_BT1):
        M, H = x_BTM.shape[-1], self.hidden
        w = self.param("taps", nn.initializers.lecun_normal(), (KERNEL, M, H))
        h = conv(x_BTM * mask_BT1, w) + self.param("bias", nn.initializers.zeros, (H,))
        h = nn.LayerNorm(epsilon=1e-6, name="norm_in")(h) * mask_BT1
        for n in range(self.layers):
            h = ConvNeXt(H, self.wide, 1 / self.layers, name=f"block_{n}")(h, mask_BT1)
        h = nn.LayerNorm(epsilon=1e-6, name="norm_out")(h)
        beyond = nn.Dense(self.bins, kernel_init=nn.initializers.zeros, name="beyond")(h)
        return beyond, nn.Dense(self.bins, name="phase")(h)


def reach(layers: int, hop: int, size: int, rounds: int = 0) -> int:
    """Frames on either side that a sample depends on: the look-ahead of a stream."""
    return (1 + layers) * (KERNEL // 2) + -(-size // (2 * hop)) + rounds * (-(-size // hop) - 1)


def speak(generator: Generator, variables, mel_BTM, lengths_B, sound: Sound, rounds: int):
    """Waves (B, T * hop) of log-mels; samples from `lengths` frames on are zero. `rounds` as for `agreed`."""
    return spoken(*spectra(generator, variables, mel_BTM, lengths_B, sound), sound.hop, rounds)


def spectra(generator: Generator, variables, mel_BTM, lengths_B, sound: Sound):
    """Magnitude and phase (B, T, F), and the mask of frames (B, T, 1)."""
    mask_BT1 = (jnp.arange(mel_BTM.shape[1]) < lengths_B[:, None])[..., None].astype(mel_BTM.dtype)
    beyond, phase = generator.apply(variables, sound.scaled(mel_BTM), mask_BT1)
    log_magnitude = jnp.log(sound.magnitude(mel_BTM) + QUIETEST) + beyond
    return jnp.exp(jnp.minimum(log_magnitude, LOUDEST)) * mask_BT1, phase, mask_BT1


def spoken(magnitude_BTF, phase_BTF, mask_BT1, hop: int, rounds: int):
    spectrum = jax.lax.complex(magnitude_BTF * jnp.cos(phase_BTF), magnitude_BTF * jnp.sin(phase_BTF))
    return inverse(agreed(spectrum, magnitude_BTF, mask_BT1, hop, rounds), mask_BT1, hop)


def agreed(spectrum_BTF, magnitude_BTF, mask_BT1, hop: int, rounds: int):
    """The spectrum with phases that overlapping frames agree on better: fast Griffin-Lim (Perraudin et al. 2013)."""
    size, real_BS = 2 * (spectrum_BTF.shape[-1] - 1), jnp.repeat(mask_BT1[..., 0], hop, axis=1)

    def one(_, state):
        spectrum, before = state
        # Without what lies beyond the last frame's own hop, so that padding does not matter.
        heard = transform(inverse(spectrum, mask_BT1, hop) * real_BS, size, hop)
        ahead = heard + MOMENTUM * (heard - before)
        # Not its absolute value, whose slope has no bound near zero.
        return magnitude_BTF * ahead * jax.lax.rsqrt(ahead.real**2 + ahead.imag**2 + SMALL), heard

    return jax.lax.fori_loop(0, rounds, one, (spectrum_BTF, spectrum_BTF))[0] if rounds else spectrum_BTF


def transform(wave_BS, size: int, hop: int):
    """Short-time Fourier transform (B, T, F) of T * hop samples, framed as `inverse` does; zeros lie beyond the ends."""
    laps, side = -(-size // hop), (size - hop) // 2
    rows = wave_BS.shape[1] // hop + laps - 1
    padded = jnp.pad(wave_BS, ((0, 0), (side, rows * hop - wave_BS.shape[1] - side))).reshape(len(wave_BS), rows, hop)
    T = rows - laps + 1
    frames = jnp.concatenate([padded[:, k : k + T] for k in range(laps)], axis=-1)[..., :size]
    return jnp.fft.rfft(frames * hann(size))


def inverse(spectrum_BTF, mask_BT1, hop: int):
    """Inverse short-time Fourier transform (B, T * hop): frame t is centred on the middle of its hop."""
    size = 2 * (spectrum_BTF.shape[-1] - 1)
    window = jnp.asarray(hann(size))
    frames = jnp.fft.irfft(spectrum_BTF, n=size) * window
    wave = overlap_add(frames, hop)
    weight = overlap_add(mask_BT1 * window**2, hop)
    S, side = spectrum_BTF.shape[1] * hop, (size - hop) // 2
    part = slice(side, side + S)
    # Every sample of an item is under a window; where there is no item, nothing is divided by nothing.
    return wave[:, part] / jnp.maximum(weight[:, part], 1e-3)


def overlap_add(frames_BTN, hop: int):
    """(B, (T + laps - 1) * hop): neighbouring frames `hop` apart, added."""
    B, T, N = frames_BTN.shape
    laps = -(-N // hop)
    parts = jnp.pad(frames_BTN, ((0, 0), (0, 0), (0, laps * hop - N))).reshape(B, T, laps, hop)
    rows = sum(jnp.pad(parts[:, :, k], ((0, 0), (k, laps - 1 - k), (0, 0))) for k in range(laps))
    return rows.reshape(B, -1)


def hann(size: int) -> np.ndarray:
    """float32 (size,), periodic."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
