"""A gated recurrent unit whose training step is a few large matrix products.

Every product is written weight first, states as (features, batch): the other way round is several times slower on a CPU
for medium batches. Autodiff would add up the gradient of the weights in every turn of the loop; here the loop carries
the state alone, and that gradient is one product over all steps.

Axes: S steps, H hidden, B batch. Gates are stacked: reset, update, candidate.
"""

import jax
import jax.numpy as jnp

STILL = 1e3  # added to the update gate: the state stays exactly as it is


@jax.custom_vjp
def gru(gates_SGB, w_GH, last_H1, h_HB):
    """States (S, H, B) from what the inputs give to the 3H gates, recurrent weights, the candidate's inner bias and a first state."""
    return _forward(gates_SGB, w_GH, last_H1, h_HB)[0]


def step(h_HB, gates_GB, w_GH, last_H1):
    """One step: the new state and, for the gradient, the gates it was made with."""
    H = h_HB.shape[0]
    inner = w_GH @ h_HB
    both = jax.nn.sigmoid(gates_GB[: 2 * H] + inner[: 2 * H])
    reset, update = both[:H], both[H:]
    within = inner[2 * H :] + last_H1
    candidate = jnp.tanh(gates_GB[2 * H :] + reset * within)
    return candidate + update * (h_HB - candidate), (reset, update, candidate, within)


def _forward(gates_SGB, w_GH, last_H1, h_HB):
    def turn(h, gates):
        new, kept = step(h, gates, w_GH, last_H1)
        return new, (new, *kept)

    _, (states, *kept) = jax.lax.scan(turn, h_HB, gates_SGB)
    return states, (states, *kept, w_GH, h_HB)


def _backward(saved, g_SHB):
    states, reset, update, candidate, within, w_GH, h_HB = saved
    H = h_HB.shape[0]
    before = jnp.concatenate([h_HB[None], states[:-1]])
    to_candidate = (1 - update) * (1 - candidate**2)
    to_update = (before - candidate) * update * (1 - update)
    to_reset = within * reset * (1 - reset)
    w_HG = w_GH.T

    def turn(g_HB, now):
        g, to_candidate, to_update, to_reset, update, reset = now
        g = g + g_HB
        outer = g * to_candidate
        first = jnp.concatenate([outer * to_reset, g * to_update])
        inner = outer * reset
        back = g * update + w_HG @ jnp.concatenate([first, inner])
        return back, (first, outer, inner)

    xs = (g_SHB, to_candidate, to_update, to_reset, update, reset)
    g_HB, (first, outer, inner) = jax.lax.scan(turn, jnp.zeros_like(h_HB), xs, reverse=True)
    flat = before.swapaxes(1, 2).reshape(-1, H)
    g_w = [jnp.matmul(g.swapaxes(0, 1).reshape(g.shape[1], -1), flat) for g in (first, inner)]
    return jnp.concatenate([first, outer], axis=1), jnp.concatenate(g_w), inner.sum((0, 2))[:, None], g_HB


gru.defvjp(_forward, _backward)
