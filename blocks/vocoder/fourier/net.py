"""The network of `vocoder.fourier`, in Flax: ConvNeXt blocks at frame rate shape a source, then an inverse Fourier transform.

Axes: B items, T frames, M mels, H hidden channels, F bins of the transform, G bins of the spec's, S samples.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from blocks.common.jax_nn import conv
from blocks.vocoder._convnext import KERNEL, ConvNeXt
from blocks.vocoder._stft import inverse, transform
from blocks.vocoder.fourier import source
from blocks.vocoder.fourier.mel_analysis import FAINT, LOWEST, OCTAVE, PITCHES, MelAnalysis
from blocks.vocoder.fourier.source import Start

LOUDEST = 150.0  # of a magnitude: beyond it lies no audio
SMALL = 1e-8  # beside squares of magnitudes
MOMENTUM = 0.99  # of the rounds in which phases come to agree
SURE = 20.0  # times the likeness of a pitch are its first log-odds
ASIDE = 4  # pitches on either side of the likeliest that it lies among


class Predicted(NamedTuple):
    """What the network tells of every frame."""

    phase: jax.Array  # (B, T, F) how far the phase is from that of a source and an early filter
    noisy: jax.Array  # (B, T, M) log-odds of the share of noise in what is voiced
    pitch: jax.Array  # (B, T, C) log-odds of every pitch
    voiced: jax.Array  # (B, T) log-odds


class Generator(nn.Module):
    """Scaled log-mels (B, T, M) and the likeness of pitches (B, T, C) to what is `Predicted`.

    Its first weights believe the likeness, and let the source through as it is.
    """

    hidden: int
    wide: int
    layers: int
    bins: int

    @nn.compact
    def __call__(self, x_BTM, likeness_BTC, mask_BT1):
        M, H = x_BTM.shape[-1], self.hidden
        seen = jnp.concatenate([x_BTM, likeness_BTC], axis=-1) * mask_BT1
        w = self.param("taps", nn.initializers.lecun_normal(), (KERNEL, seen.shape[-1], H))
        h = conv(seen, w) + self.param("bias", nn.initializers.zeros, (H,))
        h = nn.LayerNorm(epsilon=1e-6, name="norm_in")(h) * mask_BT1
        for n in range(self.layers):
            h = ConvNeXt(H, self.wide, 1 / self.layers, name=f"block_{n}")(h, mask_BT1)
        h = nn.LayerNorm(epsilon=1e-6, name="norm_out")(h)
        still = {"kernel_init": nn.initializers.zeros}
        phase = nn.Dense(self.bins, **still, name="phase")(h)
        rising = jnp.linspace(-5.0, -0.5, M)  # higher is noisier
        noisy = nn.Dense(M, **still, bias_init=lambda *_: rising, name="noisy")(h)
        pitch = SURE * likeness_BTC + nn.Dense(PITCHES, **still, name="pitch")(h)
        return Predicted(phase, noisy, pitch, nn.Dense(1, name="voiced")(h)[..., 0])


def reach(layers: int, hop: int, size: int, rounds: int = 0) -> tuple[int, int]:
    """Frames on either side that what is predicted depends on, and that a sample depends on beyond these."""
    sides = -(-size // (2 * hop))
    return (1 + layers) * (KERNEL // 2), 1 + 2 * sides + rounds * (-(-size // hop) - 1)


def speak(generator: Generator, variables, mel_BTM, lengths_B, start: Start, analysis: MelAnalysis, rounds: int):
    """Waves (B, T * hop) of log-mels, and the phases uint32 (B, T) at which frames begin.

    Samples from `lengths` frames on are zero. `rounds` as for `agreed`.
    """
    predicted, mask_BT1 = predict(generator, variables, mel_BTM, lengths_B, analysis)
    voiced = jax.nn.sigmoid(predicted.voiced)
    magnitude, unit, begins = spectra(
        predicted, predicted_pitch(predicted), voiced, mel_BTM, lengths_B, mask_BT1, start, analysis
    )
    return synthesise(magnitude, unit, mask_BT1, analysis.hop, rounds), begins


def predict(generator: Generator, variables, mel_BTM, lengths_B, analysis: MelAnalysis) -> tuple[Predicted, jax.Array]:
    """And the mask (B, T, 1): 1 where an item has frames."""
    mask_BT1 = (jnp.arange(mel_BTM.shape[1]) < lengths_B[:, None])[..., None].astype(mel_BTM.dtype)
    return generator.apply(variables, analysis.scaled(mel_BTM), analysis.likeness(mel_BTM), mask_BT1), mask_BT1


def predicted_pitch(predicted: Predicted):
    """(B, T) Hz: a mean of the pitches about the likeliest."""
    numbers = jnp.arange(PITCHES)
    near = jnp.abs(numbers - predicted.pitch.argmax(-1, keepdims=True)) <= ASIDE
    share = jax.nn.softmax(jnp.where(near, predicted.pitch, -jnp.inf), axis=-1)
    return LOWEST * jnp.exp2((share * numbers).sum(-1) / OCTAVE)


def spectra(
    predicted: Predicted, pitch_BT, voiced_BT, mel_BTM, lengths_B, mask_BT1, start: Start, analysis: MelAnalysis
):
    """Magnitude (B, T, F) of the source brought to the mel, its phase, moved, as complex numbers of size 1; and where frames begin."""
    T, hop = mel_BTM.shape[1], analysis.hop
    last_BT = jnp.minimum(jnp.arange(T), jnp.maximum(lengths_B - 1, 0)[:, None])  # beyond the end all is as at it
    tones, begins = source.harmonics(jnp.take_along_axis(pitch_BT, last_BT, 1), start, hop, analysis.spec.sample_rate)
    real_BS = jnp.repeat(mask_BT1[..., 0], hop, axis=1)
    waves = tones * real_BS, source.noise(start, T, hop) * real_BS
    tonal_BTM = voiced_BT[..., None] * jax.nn.sigmoid(-predicted.noisy)
    made = []
    for size, spread in analysis.views:
        share = jnp.clip(tonal_BTM @ spread, 0.0, 1.0)
        parts = (transform(wave, analysis.size, hop, size) for wave in waves)
        made.append(sum(part * jnp.sqrt(part_share + SMALL) for part, part_share in zip(parts, (share, 1 - share))))
    narrow, wide = made[0], made[-1]
    sizes = [jnp.sqrt(part.real**2 + part.imag**2 + SMALL) for part in (narrow, wide)]
    magnitude = jnp.minimum(analysis.magnitude(mel_BTM, *sizes), LOUDEST)
    early = analysis.early(jax.lax.stop_gradient((magnitude + FAINT) / sizes[0]))
    turn = jax.lax.complex(jnp.cos(early + predicted.phase), jnp.sin(early + predicted.phase))
    return magnitude * mask_BT1, narrow / sizes[0] * turn, begins


def synthesise(magnitude_BTF, unit_BTF, mask_BT1, hop: int, rounds: int):
    return inverse(agreed(magnitude_BTF * unit_BTF, magnitude_BTF, mask_BT1, hop, rounds), mask_BT1, hop)


def agreed(spectrum_BTF, magnitude_BTF, mask_BT1, hop: int, rounds: int):
    """The spectrum with phases that overlapping frames agree on better: fast Griffin-Lim (Perraudin et al. 2013)."""
    size, real_BS = 2 * (spectrum_BTF.shape[-1] - 1), jnp.repeat(mask_BT1[..., 0], hop, axis=1)

    def one(_, state):
        spectrum, before = state
        # Without what lies beyond the last frame's own hop, so that padding does not matter.
        projected = transform(inverse(spectrum, mask_BT1, hop) * real_BS, size, hop)
        ahead = projected + MOMENTUM * (projected - before)
        # Not its absolute value, whose slope has no bound near zero.
        return magnitude_BTF * ahead * jax.lax.rsqrt(ahead.real**2 + ahead.imag**2 + SMALL), projected

    return jax.lax.fori_loop(0, rounds, one, (spectrum_BTF, spectrum_BTF))[0] if rounds else spectrum_BTF
