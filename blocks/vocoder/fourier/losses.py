"""What `vocoder.fourier` is trained on besides spectra: the pitch and voicing that it predicts. Axes: B items, T frames, C pitches."""

import jax
import jax.numpy as jnp

from blocks.vocoder.fourier.mel_analysis import LOWEST, OCTAVE, PITCHES


def voice(pitch_BTC, voiced_BT, true_BT, lengths_B):
    """(B,): cross-entropies of log-odds, of the pitches about the true one in Hz and of voicing; 0 Hz where there is none."""
    mask_BT, is_voiced = jnp.arange(true_BT.shape[1]) < lengths_B[:, None], true_BT > 0
    place = OCTAVE * jnp.log2(jnp.where(is_voiced, true_BT, LOWEST) / LOWEST)
    target = jax.nn.softmax(-0.5 * (jnp.arange(PITCHES) - jnp.clip(place, 0, PITCHES - 1)[..., None]) ** 2, axis=-1)
    astray = -(target * jax.nn.log_softmax(pitch_BTC, axis=-1)).sum(-1) * is_voiced
    unsure = jnp.logaddexp(0.0, voiced_BT) - voiced_BT * is_voiced
    return ((astray + unsure) * mask_BT).sum(1) / jnp.maximum(lengths_B, 1)
