"""Compiled steps of `vocoder.fourier`: on spectra alone, then against critics."""

import jax
import jax.numpy as jnp

from blocks.vocoder.fourier.critics import Critics, adversarial_loss, critic_loss, feature_loss
from blocks.vocoder.fourier.losses import spectral
from blocks.vocoder.fourier.net import Generator, speak


def made(generator: Generator, params, batch: dict, hop: int):
    return speak(generator, {"params": params}, batch["mel"], batch["lengths"], hop)


def weights(batch: dict):
    """(B,): 0 for an item that only fills the batch, else such that their mean is 1."""
    real = (batch["lengths"] > 0).astype(jnp.float32)
    return real * (len(real) / jnp.maximum(real.sum(), 1))


def spectral_step(generator: Generator, optimizer, hop: int, sample_rate: int, decay: float):
    """(state, batch) -> state and numbers; the state has params, opt and ema. The old one is given up."""

    def step(state, batch):
        def loss(params):
            return (spectral(made(generator, params, batch, hop), batch["wave"], sample_rate) * weights(batch)).mean()

        value, gradient = jax.value_and_grad(loss)(state["params"])
        state, fine, norm = _updated(state, "params", "opt", optimizer, value, gradient)
        state["ema"] = _averaged(state["ema"], state["params"], decay)
        return state, {"loss": jnp.where(fine, value, jnp.nan), "grad_norm": norm}

    return jax.jit(step, donate_argnums=0)


def adversarial_step(
    generator: Generator, critics: Critics, optimizer, critic_optimizer, hop: int, sample_rate: int, decay: float,
    spectral_weight: float, feature_weight: float,
):  # fmt: skip
    """As `spectral_step`; the state has also critics and critic_opt. Both sides are updated at once."""

    def step(state, batch):
        weight, real = weights(batch), batch["wave"]

        def judged(params, wave):
            return critics.apply({"params": params}, wave)

        def generator_loss(params):
            fake = made(generator, params, batch, hop)
            seen, known = judged(state["critics"], fake), judged(state["critics"], real)
            parts = {
                "loss_spectral": (spectral(fake, real, sample_rate) * weight).mean(),
                "loss_adversarial": adversarial_loss(seen, weight),
                "loss_feature": feature_loss(known, seen, weight),
            }
            whole = (
                spectral_weight * parts["loss_spectral"]
                + parts["loss_adversarial"]
                + feature_weight * parts["loss_feature"]
            )
            return whole, (parts, jax.lax.stop_gradient(fake))

        (value, (parts, fake)), gradient = jax.value_and_grad(generator_loss, has_aux=True)(state["params"])

        def loss_of_critics(params):
            return critic_loss(judged(params, real), judged(params, fake), weight)

        verdict, critic_gradient = jax.value_and_grad(loss_of_critics)(state["critics"])
        both = value + verdict
        state, fine, norm = _updated(state, "params", "opt", optimizer, both, gradient)
        state, _, _ = _updated(state, "critics", "critic_opt", critic_optimizer, both, critic_gradient)
        state["ema"] = _averaged(state["ema"], state["params"], decay)
        numbers = {"loss": jnp.where(fine, value, jnp.nan), **parts, "loss_critic": verdict, "grad_norm": norm}
        return state, numbers

    return jax.jit(step, donate_argnums=0)


def _updated(state: dict, params: str, opt: str, optimizer, value, gradient):
    """The state after one update; as it was where the loss or a gradient is not finite."""
    import optax

    norm = optax.global_norm(gradient)
    fine = jnp.isfinite(value) & jnp.isfinite(norm)
    updates, after = optimizer.update(gradient, state[opt], state[params])
    kept = jax.tree.map(lambda new, old: jnp.where(fine, new, old), after, state[opt])
    moved = optax.apply_updates(state[params], jax.tree.map(lambda u: jnp.where(fine, u, 0), updates))
    return {**state, opt: kept, params: moved}, fine, norm


def _averaged(ema, params, decay: float):
    return jax.tree.map(lambda a, p: decay * a + (1 - decay) * p, ema, params)
