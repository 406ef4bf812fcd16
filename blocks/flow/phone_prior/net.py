"""The network of `flow.phone_prior`, in Flax.

Axes: B items, N phones, T frames, M mels, and numbers of a phone.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from blocks.flow._net import Encoder, Gated, Whole, real, regulate_length

LIMIT = 5.0  # of log-deviations


class Network(nn.Module):
    """Phones to means and log-deviations, and a sample of them to the mel."""

    hidden: int
    layers: int
    kernel: int
    encoder_layers: int
    encoder_kernel: int
    dropout: float
    globals: tuple[tuple[str, int, int], ...]
    mels: int
    rows: int  # phones that are known

    @property
    def encoder(self) -> Encoder:
        settings = self.encoder_layers, self.encoder_kernel, self.dropout
        return Encoder(self.rows, self.hidden, 2 * self.mels, *settings, parent=None)

    @nn.compact
    def __call__(self, x_BTM, lengths_B, given: dict, key=None):
        """The standardised mel and what is made of it (B, T, M), and the KL divergence (B, N, M); a key turns sampling and dropout on."""
        mask = real(lengths_B, x_BTM.shape[1])
        count = jnp.maximum(lengths_B.sum(), 1)
        mean = self.variable("fixed", "mean", lambda: (x_BTM * mask).sum((0, 1)) / count).value
        scatter = ((x_BTM - mean) ** 2 * mask).sum((0, 1)) / count
        deviation = self.variable("fixed", "deviation", lambda: jnp.sqrt(scatter + 1e-6)).value
        keys = [None] * 3 if key is None else jax.random.split(key, 3)
        encoder = self.encoder.clone(parent=self, name="encoder")
        mean_BNM, log_dev = jnp.split(encoder(given["phones"], given["tokens"], keys[0]), 2, axis=-1)
        log_dev = LIMIT * jnp.tanh(log_dev / LIMIT)
        drawn = mean_BNM
        if key is not None:
            drawn = drawn + jnp.exp(log_dev) * jax.random.normal(keys[1], drawn.shape)
        frames = [regulate_length(drawn, given["owners"]), given["places"][..., None]]
        frames += [given["frames"]] if "frames" in given else []
        inputs = jnp.concatenate(frames, axis=-1)
        decoder = Gated(self.hidden, self.layers, self.kernel, self.mels, self.dropout, name="decoder")
        made = decoder(inputs, mask.astype(inputs.dtype), None, Whole(self.globals, name="whole")(given), keys[2])
        return (x_BTM - mean) / deviation, made, divergence(mean_BNM, log_dev)

    def means(self, variables: dict, arrays: dict):
        """(B, T, M): of each frame's phone."""
        encoded = self.encoder.apply({"params": variables["params"]["encoder"]}, arrays["phones"], arrays["tokens"])
        return regulate_length(encoded[..., : self.mels], arrays["owners"])


def divergence(mean, log_dev):
    """KL from N(0, 1) of each number."""
    return 0.5 * (mean**2 + jnp.exp(2 * log_dev) - 1) - log_dev


def losses(network: Network, weight: float, steps: int, params, fixed, part: dict, key=None, frames=None):
    """What is minimised, ``l1`` of the standardised mel and ``kl`` of a phone's number: means, over `frames` or their number.

    The weight of the KL grows with ``part["step"]`` over so many `steps`.
    """
    given = {name: value for name, value in part.items() if name not in ("x", "lengths", "step")}
    x, lengths, tokens = part["x"], part["lengths"], part["tokens"]
    wanted, made, kl_BNM = network.apply({"params": params, "fixed": fixed}, x, lengths, given, key)
    here = lengths.sum()
    frames = here if frames is None else frames
    l1 = (jnp.abs(made - wanted) * real(lengths, x.shape[1])).sum() / (frames * network.mels)
    # What is said of phones counts as if all were of their mean length.
    mask = real(jnp.where(lengths > 0, tokens, 0), kl_BNM.shape[1])
    kl = (kl_BNM * mask).sum() / (jnp.maximum(mask.sum(), 1) * network.mels) * here / frames
    share = jnp.minimum(1.0, part["step"].max() / steps) if "step" in part else 1.0
    return l1 + weight * share * kl, {"l1": l1, "kl": kl}
