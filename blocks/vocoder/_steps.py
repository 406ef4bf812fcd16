"""Compiled training steps of the neural vocoders: on spectra alone, then against discriminators.

A state is a dict of step, params, opt, ema and, for the second, discriminators and discriminator_opt (of the discriminators); the old one is
given up. Parts of a batch are dicts of wave (P, B, S), lengths (P, B) in frames, 0 for an item that only fills, and of what
the generator takes: mel (P, B, T, M) and, for some, more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax

from blocks.common.jax_nn import finite, gradient, moved, summed
from blocks.vocoder._discriminators import Discriminators, adversarial_loss, discriminator_loss, feature_loss


@dataclass(frozen=True)
class Steps:
    generate: Callable[
        [dict, dict], tuple[Any, Any]
    ]  # params, part -> wave (B, S), and what else the distance looks at
    distance: Callable[[Any, Any, dict], Any]  # both of these, part -> (B,)
    optimizer: optax.GradientTransformation
    decay: float  # of the averaged weights
    discriminators: Discriminators
    discriminator_optimizer: optax.GradientTransformation
    spectral_weight: float  # of the distance, beside the discriminators
    feature_weight: float

    def on_spectra(self):
        """Compiled (state, parts) -> state, numbers."""

        def step(state, parts):
            parts = _weighted(parts)

            def loss(params, part, _):
                return (self.distance(*self.generate(params, part), part) * part["weight"]).sum()

            value, slope = gradient(loss, state["params"], parts)
            norm, fine = finite(value, slope)
            state = self._moved(state, "params", "opt", self.optimizer, slope, fine)
            return self._averaged(state), {"loss": jnp.where(fine, value, jnp.nan), "grad_norm": norm}

        return jax.jit(step, donate_argnums=0)

    def on_discriminators(self):
        """The same; both sides are updated at once, each against the other as it was."""

        def step(state, parts):
            parts = _weighted(parts)

            def one(part, _):
                return self._both(state["params"], state["discriminators"], part)

            numbers, slope, discriminator_slope = summed(one, parts)
            norm, fine = finite(numbers["loss"] + numbers["loss_discriminator"], (slope, discriminator_slope))
            state = self._moved(state, "params", "opt", self.optimizer, slope, fine)
            state = self._moved(
                state, "discriminators", "discriminator_opt", self.discriminator_optimizer, discriminator_slope, fine
            )
            numbers["loss"] = jnp.where(fine, numbers["loss"], jnp.nan)
            return self._averaged(state), {**numbers, "grad_norm": norm}

        return jax.jit(step, donate_argnums=0)

    def _both(self, params, discriminators, part):
        """Numbers, the slope of the generator and that of the discriminators, from one look of theirs at both waves."""
        size, weight = len(part["wave"]), part["weight"]
        (fake, extra), back_to_generator = jax.vjp(lambda params: self.generate(params, part), params)
        waves = jnp.concatenate([part["wave"], fake])
        seen, back = jax.vjp(
            lambda discriminators, waves: self.discriminators.apply({"params": discriminators}, waves),
            discriminators,
            waves,
        )

        def halves(seen):
            return jax.tree.map(lambda a: a[:size], seen), jax.tree.map(lambda a: a[size:], seen)

        def against_them(seen):
            real, made = halves(seen)
            numbers = {
                "loss_adversarial": (adversarial_loss(made) * weight).sum(),
                "loss_feature": (feature_loss(real, made) * weight).sum(),
            }
            return numbers["loss_adversarial"] + self.feature_weight * numbers["loss_feature"], numbers

        def of_them(seen):
            return (discriminator_loss(*halves(seen)) * weight).sum()

        def distance(wave, extra):
            return (self.distance(wave, extra, part) * weight).sum()

        verdict, verdict_slope = jax.value_and_grad(of_them)(seen)
        (value, numbers), value_slope = jax.value_and_grad(against_them, has_aux=True)(seen)
        far, slopes = jax.value_and_grad(distance, argnums=(0, 1))(fake, extra)
        discriminator_slope, _ = back(verdict_slope)
        _, waves_slope = back(value_slope)  # that of the recordings leads nowhere
        far_slope, extra_slope = jax.tree.map(lambda slope: self.spectral_weight * slope, slopes)
        (slope,) = back_to_generator((waves_slope[size:] + far_slope, extra_slope))
        numbers |= {"loss": value + self.spectral_weight * far, "loss_spectral": far, "loss_discriminator": verdict}
        return numbers, slope, discriminator_slope

    def _moved(self, state: dict, params: str, opt: str, optimizer, slope, fine):
        """After one update; as it was where not all is finite."""
        values, kept = moved(optimizer, slope, state[opt], state[params], fine)
        return {**state, opt: kept, params: values}

    def _averaged(self, state: dict):
        # From a short memory to a long one: else the first weights would linger for thousands of steps.
        decay = jnp.minimum(self.decay, (1 + state["step"]) / (10 + state["step"]))
        ema = jax.tree.map(lambda a, p: decay * a + (1 - decay) * p, state["ema"], state["params"])
        return {**state, "ema": ema, "step": state["step"] + 1}


def _weighted(parts: dict) -> dict:
    """With the weight of each item, such that they add up to 1 over the whole global batch."""
    real = (parts["lengths"] > 0).astype(jnp.float32)
    return {**parts, "weight": real / jnp.maximum(real.sum(), 1)}
