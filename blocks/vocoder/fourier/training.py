"""Compiled steps of `vocoder.fourier`: on spectra alone, then against critics.

A state is a dict of params, opt, ema and, for the second, critics and critic_opt; the old one is given up. Parts of a
batch are dicts of mel (P, B, T, M), wave (P, B, S) and lengths (P, B) in frames, 0 for an item that only fills.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax

from blocks.common.jax_nn import gradient, summed
from blocks.vocoder.fourier.critics import Critics, adversarial_loss, critic_loss, feature_loss
from blocks.vocoder.fourier.losses import spectral
from blocks.vocoder.fourier.net import Generator, speak


@dataclass(frozen=True)
class Steps:
    generator: Generator
    optimizer: optax.GradientTransformation
    hop: int
    sample_rate: int
    decay: float  # of the averaged weights
    critics: Critics
    critic_optimizer: optax.GradientTransformation
    spectral_weight: float
    feature_weight: float

    def on_spectra(self):
        """Compiled (state, parts) -> state, numbers."""

        def step(state, parts):
            parts = _weighted(parts)

            def loss(params, part, _):
                return (self._distance(self._made(params, part), part) * part["weight"]).sum()

            value, slope = gradient(loss, state["params"], parts)
            norm, fine = _finite(value, slope)
            state = self._moved(state, "params", "opt", self.optimizer, slope, fine)
            return self._averaged(state), {"loss": jnp.where(fine, value, jnp.nan), "grad_norm": norm}

        return jax.jit(step, donate_argnums=0)

    def on_critics(self):
        """The same; both sides are updated at once, each against the other as it was."""

        def step(state, parts):
            parts = _weighted(parts)

            def one(part, _):
                (value, (numbers, fake)), slope = jax.value_and_grad(self._against, has_aux=True)(
                    state["params"], state["critics"], part
                )
                verdict, critic_slope = jax.value_and_grad(self._judging)(state["critics"], fake, part)
                return {"loss": value, "loss_critic": verdict, **numbers}, slope, critic_slope

            numbers, slope, critic_slope = summed(one, parts)
            norm, fine = _finite(numbers["loss"] + numbers["loss_critic"], (slope, critic_slope))
            state = self._moved(state, "params", "opt", self.optimizer, slope, fine)
            state = self._moved(state, "critics", "critic_opt", self.critic_optimizer, critic_slope, fine)
            numbers["loss"] = jnp.where(fine, numbers["loss"], jnp.nan)
            return self._averaged(state), {**numbers, "grad_norm": norm}

        return jax.jit(step, donate_argnums=0)

    def _made(self, params, part):
        return speak(self.generator, {"params": params}, part["mel"], part["lengths"], self.hop)

    def _distance(self, wave, part):
        return spectral(wave, part["wave"], self.sample_rate)

    def _judged(self, params, wave):
        return self.critics.apply({"params": params}, wave)

    def _against(self, params, critics, part):
        """The generator's loss; with what it consists of, and the waves."""
        fake, weight = self._made(params, part), part["weight"]
        seen, known = self._judged(critics, fake), self._judged(critics, part["wave"])
        numbers = {
            "loss_spectral": (self._distance(fake, part) * weight).sum(),
            "loss_adversarial": (adversarial_loss(seen) * weight).sum(),
            "loss_feature": (feature_loss(known, seen) * weight).sum(),
        }
        shares = self.spectral_weight, 1.0, self.feature_weight
        whole = sum(share * value for share, value in zip(shares, numbers.values(), strict=True))
        return whole, (numbers, jax.lax.stop_gradient(fake))

    def _judging(self, critics, fake, part):
        """The critics' own loss."""
        verdicts = critic_loss(self._judged(critics, part["wave"]), self._judged(critics, fake))
        return (verdicts * part["weight"]).sum()

    def _moved(self, state: dict, params: str, opt: str, optimizer, slope, fine):
        """After one update; as it was where not all is finite."""
        updates, after = optimizer.update(slope, state[opt], state[params])
        kept = jax.tree.map(lambda new, old: jnp.where(fine, new, old), after, state[opt])
        moved = optax.apply_updates(state[params], jax.tree.map(lambda u: jnp.where(fine, u, 0), updates))
        return {**state, opt: kept, params: moved}

    def _averaged(self, state: dict):
        ema = jax.tree.map(lambda a, p: self.decay * a + (1 - self.decay) * p, state["ema"], state["params"])
        return {**state, "ema": ema}


def _weighted(parts: dict) -> dict:
    """With the weight of each item, such that they add up to 1 over the whole global batch."""
    real = (parts["lengths"] > 0).astype(jnp.float32)
    return {**parts, "weight": real / jnp.maximum(real.sum(), 1)}


def _finite(value, slope):
    norm = optax.tree.norm(slope)
    return norm, jnp.isfinite(value) & jnp.isfinite(norm)
